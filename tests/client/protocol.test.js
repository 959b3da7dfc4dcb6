// The decisions in client/protocol.js.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
    Ledger,
    backoff,
    closeCodes,
    closeRule,
    compareIds,
    isPeerId,
    isRoomName,
    roomUrl,
} from '../../client/protocol.js';

test('the back-off doubles up to ten seconds, with full jitter', () => {
    assert.deepEqual(
        [0, 1, 2, 3].map((attempt) => backoff(attempt, 1)),
        [300, 600, 1200, 2400],
    );
    assert.equal(backoff(50, 1), 10_000);
    assert.equal(backoff(5, 0), 0);
    assert.equal(backoff(3, 0.25), 600);
    const drawn = Array.from({ length: 500 }, () => backoff(2));
    assert.ok(drawn.every((ms) => ms >= 0 && ms < 1200));
    assert.ok(Math.max(...drawn) - Math.min(...drawn) > 600);
});

test('every close code of the protocol says whether to reconnect', () => {
    const expected = {
        no: [1000, 1002, 1003, 1007, 1009, 4000, 4003, 4004, 4005, 4006, 4007, 4009, 4010],
        yes: [1012, 4008],
        slow: [1013, 4029],
        token: [4001],
    };
    for (const [reconnect, codes] of Object.entries(expected)) {
        for (const code of codes) assert.equal(closeRule(code).reconnect, reconnect, code);
    }
    assert.deepEqual(
        Object.keys(closeCodes).map(Number),
        Object.values(expected)
            .flat()
            .sort((a, b) => a - b),
    );
});

test('a close code outside the protocol: the network is tried again, a refusal is not', () => {
    for (const code of [1001, 1005, 1006, 1011, 1015, 3000])
        assert.equal(closeRule(code).reconnect, 'yes');
    assert.equal(closeRule(4999).reconnect, 'no');
});

test('IDs compare by the bytes of their UTF-8', () => {
    const sorted = ['', 'A', 'B', 'a', 'aa', 'b', 'é', '가', '\uffee', '\u{1f600}'];
    for (const [i, a] of sorted.entries()) {
        for (const [k, b] of sorted.entries())
            assert.equal(Math.sign(compareIds(a, b)), Math.sign(i - k), `${a} ${b}`);
    }
    assert.ok('\uffee' > '\u{1f600}', "JavaScript's own order is another one");
});

test('names are measured in bytes', () => {
    assert.ok(isPeerId('x'.repeat(64)) && isPeerId('가'.repeat(21)));
    for (const bad of ['', 'x'.repeat(65), '가'.repeat(22), 'a\nb', 'a\u0000', null, 7])
        assert.ok(!isPeerId(bad));
    assert.ok(isRoomName('x'.repeat(128)) && isRoomName('a b&?#%'));
    for (const bad of ['', 'x'.repeat(129), 'a/b', 'a\u007f']) assert.ok(!isRoomName(bad));
});

test('the room is percent-encoded into the path', () => {
    assert.equal(
        roomUrl('https://example.org:8443/x/y?z#w', 'a b?한'),
        'wss://example.org:8443/v1/rooms/a%20b%3F%ED%95%9C/ws',
    );
    assert.equal(roomUrl('http://localhost:8080', 'r'), 'ws://localhost:8080/v1/rooms/r/ws');
});

test('what was sent is kept until the count of the server covers it', () => {
    const ledger = new Ledger();
    for (const message of ['a', 'b', 'c', 'd']) ledger.sent(message);
    ledger.acknowledge(1);
    ledger.acknowledge(3);
    ledger.acknowledge(2); // late
    ledger.acknowledge(undefined);
    assert.equal(ledger.pending, 1);
    assert.deepEqual(ledger.resume(3), ['d']);
    ledger.sent('e');
    assert.deepEqual(ledger.resume(4), ['e']);
    assert.deepEqual(ledger.resume(5), []);
});

test('resuming twice sends again what is still missing, once each', () => {
    const ledger = new Ledger();
    for (const message of ['a', 'b', 'c']) ledger.sent(message);
    assert.deepEqual(ledger.resume(1), ['b', 'c']);
    assert.deepEqual(ledger.resume(2), ['c']);
});

test('a membership that is gone takes both counts and the unsent along', () => {
    const ledger = new Ledger();
    ledger.received = 7;
    ledger.sent('a');
    ledger.acknowledge(1);
    ledger.sent('b');
    ledger.reset();
    assert.equal(ledger.received, 0);
    assert.deepEqual(ledger.resume(0), []);
    ledger.sent('c');
    assert.deepEqual(ledger.resume(0), ['c']);
});

test('a reloaded page learns from the server how much its former self had sent', () => {
    const ledger = new Ledger({ received: 9, restored: true });
    assert.equal(ledger.received, 9);
    ledger.sent('new');
    assert.deepEqual(ledger.resume(40), ['new']);
    ledger.acknowledge(41);
    assert.equal(ledger.pending, 0);
});

test('the ledger has a maximum', () => {
    const ledger = new Ledger();
    let kept = 0;
    while (ledger.sent(kept)) kept++;
    assert.equal(kept, 128);
    ledger.acknowledge(1);
    assert.ok(ledger.sent('one more'));
});
