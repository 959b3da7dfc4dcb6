// What one client, and all of them, may take; and that who takes more harms nobody else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fragments, frame } from '../support/frame.js';
import { HttpConnection, requestText } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer, PLAIN, PLAIN2, suite, TLS, TLS2 } from '../support/suite.js';
import { connectSocket } from '../support/upgrade.js';
import { connectWebSocket } from '../support/websocket.js';

const PING = '{"type":"ping"}';
const pings = (count) =>
    Buffer.concat(Array.from({ length: count }, () => frame({ payload: PING })));

const RATE = {
    'limits.messages_per_second': 5,
    'limits.messages_burst': 20,
    'limits.rate_strikes': 10,
    'limits.bytes_per_second': 0,
};

suite('message rate', [PLAIN, TLS2], { config: RATE }, (on) => {
    test('the burst is served, then rate-limited, and in time served again', async () => {
        const a = await Peer.join(on.server);
        a.ws.sendRaw(pings(25));
        let pongs = 0;
        for (let n = 0; n < 25; n++) {
            const message = await a.next();
            if (message.type === 'pong') pongs++;
            else assert.equal(message.code, 'rate-limited');
        }
        assert.ok(pongs >= 18 && pongs <= 21, `${pongs} pongs`);
        let answer;
        do {
            await new Promise((resolve) => setTimeout(resolve, 250)); // a message's worth of tokens
            a.send(PING);
            answer = await a.next();
        } while (answer.type === 'error');
        assert.equal(answer.type, 'pong');
    });

    test('a flood: rate-limited again and again, then 4029; the peer is away and may resume', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        b.ws.sendRaw(pings(200));
        await b.expectClose(4029);
        const errors = b.inbox.items.filter((m) => m.type === 'error');
        assert.ok(errors.length >= 9 && errors.length <= 12, `${errors.length} errors`);
        assert.ok(errors.every((m) => m.code === 'rate-limited'));
        await a.expect('peer-away', { peer: 'b' });
        assert.equal((await b.resume(on.server)).joined.resumed, true);
    });

    test('a signal over the rate is not delivered, says so with to and id, and counts as received', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        for (let n = 0; n < 25; n++) b.signal('a', n, n);
        const refused = new Set();
        await b.until('error', { code: 'rate-limited', to: 'a', id: 24 });
        for (const error of b.inbox.items) refused.add(error.id);
        refused.add(24);
        const delivered = await a.signals(25 - refused.size);
        assert.deepEqual(
            delivered.map((m) => m.data).filter((n) => refused.has(n)),
            [],
        );
        assert.deepEqual(
            delivered.map((m) => m.data),
            [...delivered.map((m) => m.data)].sort((x, y) => x - y),
        );
        await b.lose();
        const again = await b.resume(on.server);
        assert.equal(again.joined.received, 25);
    });

    test('a flood of one peer leaves the others their rate', async () => {
        const room = freshRoom();
        const flood = await Peer.join(on.server, { room, peer: 'flood' });
        const calm = await Peer.join(on.server, { room, peer: 'calm' });
        flood.ws.sendRaw(pings(100));
        calm.signal('calm', 1);
        await calm.until('signal', { data: 1 });
        await flood.expectClose(4029);
    });
});

test('bytes per second', async (t) => {
    const config = {
        'limits.bytes_per_second': '1KiB',
        'limits.bytes_burst': '100KiB',
        'limits.message_size': '200KiB',
        'limits.rate_strikes': 5,
    };
    const server = await ownServer(t, { config });
    const a = await Peer.join(server, { peer: 'a' });
    a.signal('a', 'x'.repeat(60_000));
    await a.expect('signal');
    a.signal('a', 'x'.repeat(60_000));
    await a.expectError('rate-limited', { to: 'a' });
    for (let n = 0; n < 5; n++) a.signal('a', 'x'.repeat(60_000));
    await a.expectClose(4029);
    const b = await Peer.join(server, { peer: 'b' });
    b.signal('b', 'x'.repeat(150_000)); // more than the burst: never
    await b.expectError('rate-limited', { to: 'b' });
    b.signal('b', 'x'.repeat(60_000));
    await b.expect('signal');
});

test('a rate of 0 is none', async (t) => {
    const config = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };
    const server = await ownServer(t, { config });
    const a = await Peer.join(server);
    a.ws.sendRaw(pings(3000));
    for (let n = 0; n < 3000; n++) await a.expect('pong');
});

// Each has its own limit: the test sends one more and expects this code.
suite(
    'WebSocket limits',
    [PLAIN, TLS],
    {
        config: {
            'limits.fragments': 4,
            'limits.control_frames_per_second': 10,
            'limits.message_size': 1000,
        },
    },
    (on) => {
        test('fragments of a message', async () => {
            const a = await Peer.join(on.server);
            a.ws.sendRaw(Buffer.concat(fragments(PING, [3, 3, 3])));
            await a.expect('pong');
            a.ws.sendRaw(Buffer.concat(fragments(PING, [3, 3, 3, 3])));
            await a.expectClose(1009);
        });

        test('fragments without end or content', async () => {
            const a = await Peer.join(on.server);
            const empty = frame({ opcode: 'continuation', fin: false });
            a.ws.sendRaw(
                Buffer.concat([frame({ payload: '{', fin: false }), ...Array(100).fill(empty)]),
            );
            await a.expectClose(1009);
        });

        test('size over several fragments', async () => {
            const a = await Peer.join(on.server);
            a.ws.sendRaw(Buffer.concat(fragments(`"${'x'.repeat(999)}"`, [500])));
            await a.expectClose(1009);
        });

        for (const opcode of ['ping', 'pong']) {
            test(`a flood of ${opcode}s`, async () => {
                const room = freshRoom();
                const a = await Peer.join(on.server, { room, peer: 'a' });
                const b = await Peer.join(on.server, { room, peer: 'b' });
                await a.expect('peer-joined');
                b.ws.sendRaw(
                    Buffer.concat(
                        Array.from({ length: 500 }, () => frame({ opcode, payload: 'x' })),
                    ),
                );
                await b.expectClose(4029);
                await a.expect('peer-away', { peer: 'b' });
            });
        }
    },
);

const SLOW = {
    'limits.output_queue': '256KiB',
    'limits.hold_messages': 0,
    'limits.hold_bytes': 0,
    'limits.messages_per_second': 0,
    'limits.bytes_per_second': 0,
    'timeouts.close': '2s',
};

suite('slow reader', [PLAIN, PLAIN2, TLS2], { config: SLOW }, (on) => {
    test('1013, away, others are not held up, and all is there after the resume', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a', worker: 0 });
        const slow = await Peer.join(on.server, {
            room,
            peer: 'slow',
            worker: on.mode.workers - 1,
        });
        await a.expect('peer-joined');
        slow.ws.pause();
        let sent = 0;
        while (a.roster.get('slow').state === 'here') {
            for (let n = 0; n < 16; n++) a.signal('slow', [sent++, 'x'.repeat(30_000)]);
            await a.settle(a.received);
            assert.ok(sent < 4000, 'the queue has no bound');
        }
        a.signal('a', 'alive');
        await a.until('signal', { data: 'alive' });
        slow.ws.resume();
        await slow.ws.ended;
        assert.equal(slow.ws.closeFrame?.code, 1013);
        const got = slow.received;
        assert.ok(got < sent);
        const again = await slow.resume(on.server);
        assert.equal(again.joined.resumed, true);
        // 256 KiB at a time: reading keeps up, so the queue never runs over.
        const first = await again.until('signal');
        assert.equal(first.data[0], got);
    });
});

/** The keys that docs/configuration.md says may be 0 for no limit. */
function limitKeys() {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    return [...page.matchAll(/^\| `([a-z_.]+)` \|[^|]*\| 0 \(no limit\)/gm)].map(([, key]) => key);
}

test('every limit takes 0 for none', async (t) => {
    const keys = limitKeys();
    assert.ok(keys.length > 20 && keys.includes('timeouts.join'), String(keys));
    const config = Object.fromEntries(keys.map((key) => [key, 0]));
    const server = await ownServer(t, { workers: 2, config });
    const room = freshRoom();

    // Deadlines: what begins here goes on at the end.
    const silent = await Peer.connect(server, { room });
    const idle = await HttpConnection.open(server);
    const slow = await HttpConnection.open(server);
    slow.send('GET /livez HTTP/1.1\r\nHost: x\r\n');

    const http = await HttpConnection.open(server);
    const long = { headers: { 'X-Long': 'x'.repeat(200_000) } };
    assert.equal((await http.request(requestText('/livez', long))).status, 200);
    const body = 'x'.repeat(1_000_000);
    const large = { headers: { 'Content-Length': body.length }, body };
    assert.equal((await http.request(requestText('/livez', large))).status, 200);

    const info = { note: 'x'.repeat(10_000) };
    const a = await Peer.join(server, { room, peer: 'a', info, worker: 0 });
    const b = await Peer.join(server, { room, peer: 'b', worker: 1 });
    assert.deepEqual(b.roster.get('a').info, info);
    for (let n = 0; n < 70; n++) await Peer.join(server, { room });

    a.ws.sendRaw(Buffer.concat(Array(500).fill(frame({ opcode: 'ping', payload: 'x' }))));
    a.ws.sendRaw(pings(500));
    for (let n = 0; n < 500; n++) await a.until('pong');
    const data = 'x'.repeat(300_000);
    const signal = JSON.stringify({ type: 'signal', to: 'b', data });
    a.ws.sendRaw(Buffer.concat(fragments(signal, Array(1000).fill(100))));
    await b.until('signal', { from: 'a', data });

    await b.lose();
    await a.until('peer-away', { peer: 'b' });
    for (let n = 0; n < 200; n++) a.signal('b', [n, 'x'.repeat(5000)]);
    await a.settle();
    const again = await b.resume(server);
    const held = await again.signals(200);
    assert.deepEqual(
        held.map((message) => message.data[0]),
        held.map((_, n) => n),
    );

    silent.send({ type: 'join' });
    await silent.expectJoined();
    assert.equal((await slow.request('\r\n')).status, 200);
    assert.equal((await idle.request(requestText('/livez'))).status, 200);
});

test('rate_strikes of 0: refused again and again, and never closed', async (t) => {
    const config = {
        'limits.messages_per_second': 1,
        'limits.messages_burst': 1,
        'limits.rate_strikes': 0,
    };
    const server = await ownServer(t, { config });
    const a = await Peer.join(server);
    a.ws.sendRaw(pings(500));
    let refused = 0;
    for (let n = 0; n < 500; n++) refused += (await a.next()).code === 'rate-limited';
    assert.ok(refused > 450, String(refused));
    await a.leave();
});

test('connections: over the limit they are refused, and freed ones can be used', async (t) => {
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { workers, config: { 'limits.connections': 4 } });
        await overLimit(server, 4);
    }
});

test('connections of one address', async (t) => {
    for (const workers of [1, 2]) {
        const server = await ownServer(t, {
            workers,
            config: { 'limits.connections_per_address': 4 },
        });
        await overLimit(server, 4);
        const all = [];
        for (let n = 0; n < 4; n++) all.push(await connectSoon(server));
        const other = await connectWebSocket(server, { tcp: { localAddress: '127.0.0.2' } });
        await other.destroy();
        for (const ws of all) await ws.destroy();
    }
});

/** The server hears of a connection's end a moment after us: tries until it has. */
async function connectSoon(server) {
    for (let n = 1; ; n++) {
        try {
            return await connectWebSocket(server);
        } catch (error) {
            if (n === 200) throw error;
        }
    }
}

async function overLimit(server, limit) {
    const open = [];
    for (let n = 0; n < limit; n++) open.push(await connectWebSocket(server));
    await assert.rejects(connectWebSocket(server), /503|closed in the handshake|ECONNRESET|EPIPE/);
    await open.pop().destroy();
    open.push(await connectSoon(server));
    for (const ws of open) await ws.destroy();
}

test('connections that never say anything do not keep others out', async (t) => {
    const config = {
        'timeouts.headers': '300ms',
        'timeouts.http_idle': '300ms',
        'timeouts.tls_handshake': '300ms',
    };
    const server = await ownServer(t, { tls: true, config });
    const plain = { url: server.url.replace('https:', 'http:') };
    const idle = [];
    for (let n = 0; n < 200; n++) idle.push(await connectSocket(server, plain));
    await (await Peer.join(server)).quiet();
    await Promise.all(idle.map(({ socket }) => (socket.resume(), socket.closed || once(socket, 'close'))));
});

test('short of file descriptors: who is in stays, newcomers are closed, and later let in again', async (t) => {
    const server = await ownServer(t, { under: ['prlimit', '--nofile=64:64'] });
    const few = server.logs.find((line) => line.event === 'few-descriptors');
    assert.deepEqual([few.level, few.descriptors, few.connections], ['warn', 64, 100_000]);
    const a = await Peer.join(server);
    const crowd = [];
    for (let n = 0; n < 100; n++) crowd.push((await connectSocket(server)).tcp);
    await Promise.any(crowd.map((tcp) => once(tcp.resume(), 'end')));
    a.signal(a.id, 1);
    await a.expect('signal');
    const closed = Promise.all(crowd.map((tcp) => tcp.closed || once(tcp, 'close')));
    for (const tcp of crowd) tcp.destroy();
    await closed;
    const late = await Peer.join(server);
    await late.quiet();
    await a.quiet();
});
