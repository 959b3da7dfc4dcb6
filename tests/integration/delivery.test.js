// Who gets a signal, in which order, and that its bytes are the sender's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame } from '../support/frame.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, PLAIN, PLAIN2, suite, TLS2 } from '../support/suite.js';

const NO_RATE = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };

/** One peer after the other, spread over the workers. */
async function gather(on, room, names) {
    const peers = [];
    for (const [i, peer] of names.entries()) {
        peers.push(await Peer.join(on.server, { room, peer, worker: i % on.mode.workers }));
    }
    return peers;
}

const FOUR = { name: '4 workers, plain', workers: 4, tls: false };

suite('pair ordering', [...ALL_MODES, FOUR], { config: NO_RATE }, (on) => {
    test('every pair of a room gets its signals in the order sent, all of them, once', async () => {
        const peers = await gather(on, freshRoom(), ['a', 'b', 'c', 'd']);
        const rounds = 60;
        const exchanged = peers.map(async (me) => {
            const seen = new Map(peers.map((other) => [other.id, 0]));
            for (let n = 0; n < rounds; n++) {
                for (const other of peers)
                    me.signal(other.id, { n, pad: 'x'.repeat((n * 37) % 900) });
                const got = await me.signals(peers.length);
                for (const { from, data } of got) {
                    assert.equal(data.n, seen.get(from), `${from} to ${me.id}`);
                    seen.set(from, data.n + 1);
                }
            }
            assert.deepEqual(
                [...seen.values()],
                peers.map(() => rounds),
            );
            await me.settle(me.received);
        });
        await Promise.all(exchanged);
    });

    test('a burst in one write arrives in order, whatever the sizes', async () => {
        const [a, b] = await gather(on, freshRoom(), ['a', 'b']);
        const sizes = [0, 1, 125, 126, 127, 5000, 3, 60_000, 2, 65_300, 10, 300, 4096];
        const frames = sizes.map((size, n) =>
            frame({ payload: `{"type":"signal","to":"b","data":[${n},"${'x'.repeat(size)}"]}` }),
        );
        a.ws.sendRaw(Buffer.concat(frames));
        for (const [n, size] of sizes.entries()) {
            const { data } = await b.until('signal');
            assert.equal(data[0], n);
            assert.equal(data[1].length, size);
        }
    });
});

suite('isolation', [PLAIN, PLAIN2, TLS2], { config: NO_RATE }, (on) => {
    test('only the peer named by to sees a signal', async () => {
        const names = ['a', 'b', 'c', 'd', 'e', 'f'];
        const peers = await gather(on, freshRoom(), names);
        for (const peer of peers.slice(0, -1)) await peer.until('peer-joined', { peer: 'f' });
        for (const [n, to] of names.entries()) peers[0].signal(to, n);
        for (const [n, peer] of peers.entries()) {
            const seen = peer.inbox.items.filter((m) => m.type === 'signal');
            if (seen.length === 0) await peer.until('signal', { from: 'a', data: n });
            else await peer.until('signal', { data: n });
            // From the same sender in the same order: what was wrongly sent here came before this.
            peers[0].signal(peer.id, 'fence');
            const next = await peer.until('signal');
            assert.equal(next.data, 'fence');
        }
    });

    test('a room never sees what happens in another, the peers having the same names', async () => {
        const [one, two] = [freshRoom(), freshRoom()];
        const quiet = await gather(on, two, ['a', 'b', 'c']);
        for (const peer of quiet.slice(0, 2)) await peer.until('peer-joined', { peer: 'c' });
        await quiet[0].until('peer-joined', { peer: 'b' });
        const busy = await gather(on, one, ['a', 'b', 'c', 'd']);
        busy[0].signal('b', 'secret');
        busy[1].signal('c', 'secret');
        busy[2].send({ type: 'info', info: { secret: 1 } });
        busy[0].signal('only-elsewhere', 'secret');
        await busy[0].until('error', { code: 'peer-not-found' });
        await busy[1].until('signal');
        await busy[2].until('signal');
        await busy[0].until('peer-info');
        await busy[1].lose();
        await busy[0].until('peer-away');
        await busy[3].leave();
        await busy[0].until('peer-left');
        // Each of the quiet room hears its own neighbours and nothing else.
        for (const peer of quiet) for (const other of quiet) peer.signal(other.id, peer.id);
        for (const peer of quiet) {
            const from = (await peer.signals(3)).map((m) => m.from).sort();
            assert.deepEqual(from, ['a', 'b', 'c']);
            await peer.quiet();
        }
    });

    test('a peer of another room is peer-not-found', async () => {
        await Peer.join(on.server, { peer: 'there' });
        const a = await Peer.join(on.server, { peer: 'a' });
        a.signal('there', 1);
        await a.expectError('peer-not-found', { to: 'there' });
    });

    test('rooms whose names are alike are different rooms', async () => {
        const base = freshRoom('Room');
        const names = [base, base.toLowerCase(), `${base} `, `${base}%41`, `${base}A`, `${base}.`];
        for (const room of names) {
            const a = await Peer.join(on.server, { room });
            assert.equal(a.joined.room, room);
            assert.deepEqual(a.joined.peers, []);
        }
    });
});

// Texts that a JSON library would write differently, had it parsed and written them.
const TEXTS = [
    ['inner whitespace', '{ "a" :\t[ 1 ,\r\n 2 ] }'],
    ['key order and double keys', '{"z":1,"a":2,"z":3,"":0}'],
    ['escapes', '"\\u0041\\/\\b\\f\\n\\r\\t\\"\\\\\\u00e9\\uD83D\\uDE00"'],
    ['escaped NUL', '"a\\u0000b"'],
    ['lone surrogates, escaped', '["\\ud800","\\udc00","\\udc00\\ud800"]'],
    ['numbers no double can hold', '[1e999,-1e-999,12345678901234567890123,0.1000000000000000055]'],
    ['numbers written in odd ways', '[1.0,1E5,1e+05,-0,0e0,10.50]'],
    ['unicode', '"가나다 \u{1F469}\u200D\u{1F4BB} e\u0301 \u2028\u2029 \uFEFF \u007F \uFFFF"'],
    ['looks like an envelope', '{"type":"leave","to":"b","data":{"data":"}]"}}'],
    ['scalars', 'null'],
    ['deep nesting', `${'['.repeat(500)}${']'.repeat(500)}`],
    ['deep objects', `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`],
    ['long string', `"${'\u{1F600}'.repeat(15_000)}"`],
];

suite('data bytes', [PLAIN, TLS2], {}, (on) => {
    for (const [what, data] of TEXTS) {
        test(`pass untouched: ${what}`, async () => {
            const [a, b] = await gather(on, freshRoom(), ['a', 'b']);
            a.send(`{"type":"signal","to":"b","data":${data}}`);
            const { text } = await b.expect('signal', { from: 'a' });
            assert.ok(text.includes(`"data":${data}`), text.slice(0, 200));
            a.send(` {\t"data" : ${data} \n, "to":"b","id":1, "type":"signal" }\r\n`);
            const other = await b.expect('signal', { from: 'a' });
            assert.equal(other.text, text);
        });
    }
});
