// What is held for a peer that is away or has not acknowledged: its bounds, and that none is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, PLAIN2, suite } from '../support/suite.js';

const NO_RATE = { 'limits.messages_per_second': 0 };

async function pair(on, room = freshRoom()) {
    const a = await Peer.join(on.server, { room, peer: 'a', worker: 0 });
    const b = await Peer.join(on.server, { room, peer: 'b', worker: on.mode.workers - 1 });
    await a.expect('peer-joined', { peer: 'b' });
    return [a, b];
}

async function pairWithOneAway(on) {
    const [a, b] = await pair(on);
    await b.lose();
    await a.expect('peer-away', { peer: 'b' });
    return [a, b];
}

const numbers = (count) => Array.from({ length: count }, (_, n) => n);

suite('hold', ALL_MODES, {}, (on) => {
    test('64 signals are held, the next is peer-busy with to and id, none of the 64 is lost', async () => {
        const [a, b] = await pairWithOneAway(on);
        for (const n of numbers(64)) a.signal('b', n);
        await a.quiet();
        a.signal('b', 64, 'over');
        await a.expectError('peer-busy', { to: 'b', id: 'over' });
        const again = await b.resume(on.server);
        assert.deepEqual(
            (await again.signals(64)).map((m) => m.data),
            numbers(64),
        );
        await a.expect('peer-back');
        await again.quiet(again.received);
        a.signal('b', 64);
        await again.expect('signal', { data: 64 });
        await again.quiet();
    });

    test('256 KiB are held, what does not fit is peer-busy', async () => {
        const [a, b] = await pairWithOneAway(on);
        for (const n of numbers(4)) a.signal('b', `${n}${'x'.repeat(60_000)}`);
        await a.quiet();
        a.signal('b', 'x'.repeat(60_000), 5);
        await a.expectError('peer-busy', { to: 'b', id: 5 });
        const again = await b.resume(on.server);
        assert.deepEqual(
            (await again.signals(4)).map((m) => m.data[0]),
            ['0', '1', '2', '3'],
        );
        await again.quiet();
    });

    test('a full hold of one peer disturbs no other', async () => {
        const [a] = await pairWithOneAway(on);
        const c = await Peer.join(on.server, { room: a.room, peer: 'c' });
        await a.expect('peer-joined');
        for (const n of numbers(65)) a.signal('b', n);
        await a.expectError('peer-busy');
        a.signal('c', 1);
        await c.expect('signal', { data: 1 });
        c.signal('b', 2);
        await c.expectError('peer-busy', { to: 'b' });
    });

    test('a peer that is gone gets nothing of what was held for it', async () => {
        const [a, b] = await pairWithOneAway(on);
        a.signal('b', 'for the old one');
        await a.quiet();
        const again = await b.resume(on.server);
        await again.expect('signal');
        await again.leave();
        await a.until('peer-left');
        const fresh = await Peer.join(on.server, { room: a.room, peer: 'b' });
        await fresh.quiet();
    });
});

suite('acknowledging', [PLAIN, PLAIN2], { config: NO_RATE }, (on) => {
    test('a peer that answers WebSocket pings only is never busy', async () => {
        const [a, b] = await pair(on);
        for (const n of numbers(300)) {
            a.signal('b', n);
            await b.expect('signal', { data: n });
            if (n % 50 === 0) await a.settle(a.received);
        }
        await a.quiet();
    });

    test('of a peer that looked alive all the time no signal is lost without a word', async () => {
        const [a, b] = await pair(on);
        b.freeze();
        for (const n of numbers(64)) a.signal('b', n);
        await a.quiet();
        const again = await b.resume(on.server);
        assert.equal(again.joined.resumed, true);
        assert.deepEqual(
            (await again.signals(64)).map((m) => m.data),
            numbers(64),
        );
        await again.quiet(again.received);
        again.freeze();
        for (const n of numbers(65)) a.signal('b', n); // one more than is held
        await a.quiet();
        const third = await again.resume(on.server);
        assert.equal(third.joined.resumed, false);
        assert.equal(third.id, 'b');
        await third.quiet();
    });

    test('a pong tells nothing of what the page may not have seen yet', async () => {
        const [a, b] = await pair(on);
        for (const part of [numbers(4), [4, 5, 6, 7]]) {
            for (const n of part) a.signal('b', n);
            await b.signals(4);
            await b.ws.receivePing(); // answered at once, as browsers do
            await b.quiet();
        }
        const again = await b.resume(on.server, { received: 4 });
        assert.equal(again.joined.resumed, true);
        assert.deepEqual(
            (await again.signals(4)).map((m) => m.data),
            [4, 5, 6, 7],
        );
        await again.quiet();
    });

    test('received in ping makes room', async () => {
        const [a, b] = await pair(on);
        b.ws.autoPong = false;
        for (let round = 0; round < 5; round++) {
            for (const n of numbers(64)) a.signal('b', n);
            await b.signals(64);
            await b.settle(b.received);
        }
        await a.quiet();
    });

    test('more acknowledged than was ever sent is bad-message', async () => {
        const [a, b] = await pair(on);
        a.signal('b', 1);
        await b.expect('signal');
        b.send({ type: 'ping', received: 2 });
        await b.expectError('bad-message');
        await b.expectClose(4000);
    });
});

for (const workers of [1, 2]) {
    test(`the hold's bounds are configured (${workers} workers)`, async (t) => {
        const config = { 'limits.hold_messages': 3, 'limits.hold_bytes': '1KiB' };
        const server = await ownServer(t, { workers, config });
        const [a] = await pairWithOneAway({ server, mode: { workers } });
        a.signal('b', 'x'.repeat(2000));
        await a.expectError('peer-busy');
        for (const n of numbers(3)) a.signal('b', n);
        await a.quiet();
        a.signal('b', 3);
        await a.expectError('peer-busy');
    });

    test(`a hold without bounds (${workers} workers)`, async (t) => {
        const config = {
            'limits.hold_messages': 0,
            'limits.hold_bytes': 0,
            'limits.messages_per_second': 0,
            'limits.bytes_per_second': 0,
            'limits.output_queue': 0,
        };
        const server = await ownServer(t, { workers, config });
        const [a, b] = await pairWithOneAway({ server, mode: { workers } });
        for (const n of numbers(1000)) a.signal('b', [n, 'x'.repeat(1000)]);
        await a.quiet();
        const again = await b.resume(server);
        assert.deepEqual(
            (await again.signals(1000)).map((m) => m.data[0]),
            numbers(1000),
        );
    });
}
