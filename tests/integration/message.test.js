// Every message of protocol sections 2 and 3 once joined, and the errors they may get.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, PLAIN2, suite } from '../support/suite.js';

/** Two peers that know of each other, on the two workers where there are two. */
async function pair(on, room = freshRoom()) {
    const last = on.mode.workers - 1;
    const a = await Peer.join(on.server, { room, peer: 'a', worker: 0 });
    const b = await Peer.join(on.server, { room, peer: 'b', worker: last });
    await a.expect('peer-joined', { peer: 'b' });
    return [a, b];
}

suite('messages', ALL_MODES, {}, (on) => {
    test('signal: to gets from and data, and nobody gets anything else', async () => {
        const [a, b] = await pair(on);
        a.signal('b', { kind: 'offer', sdp: 'v=0\r\n' }, 1);
        const message = await b.expect('signal', {
            from: 'a',
            data: { kind: 'offer', sdp: 'v=0\r\n' },
        });
        assert.deepEqual(
            Object.keys(message)
                .filter((k) => k !== 'text' && k !== 'size')
                .sort(),
            ['data', 'from', 'type'],
        );
        b.signal('a', 'answer');
        await a.expect('signal', { from: 'b', data: 'answer' });
        await a.quiet();
        await b.quiet();
    });

    test('signal: to oneself', async () => {
        const [a, b] = await pair(on);
        a.signal('a', [1]);
        await a.expect('signal', { from: 'a', data: [1] });
        await b.quiet();
    });

    test('signal: from is set by the server, whatever the sender says', async () => {
        const [a, b] = await pair(on);
        a.send({ from: 'b', type: 'signal', to: 'b', data: { from: 'x' }, peer: 'x' });
        await b.expect('signal', { from: 'a', data: { from: 'x' } });
    });

    test('signal: peer-not-found at once, with to and id', async () => {
        const [a, b] = await pair(on);
        for (const id of ['call-1', 17, '', 'é"\\']) {
            a.signal('nobody', { sdp: 'x' }, id);
            await a.expectError('peer-not-found', { to: 'nobody', id });
        }
        a.signal('nobody', 1);
        const error = await a.expectError('peer-not-found', { to: 'nobody' });
        assert.ok(!('id' in error));
        await b.leave();
        await a.expect('peer-left', { peer: 'b', reason: 'left' });
        a.signal('b', 1, 'late');
        await a.expectError('peer-not-found', { to: 'b', id: 'late' });
    });

    test('info: replaces mine, others see peer-info, I see nothing', async () => {
        const [a, b] = await pair(on);
        a.send({ type: 'info', info: { name: 'Ann', muted: true } });
        await b.expect('peer-info', { peer: 'a', info: { name: 'Ann', muted: true } });
        a.send({ type: 'info', info: {} });
        await b.expect('peer-info', { peer: 'a', info: {} });
        await a.quiet();
        a.send({ type: 'info', info: { last: 1 } });
        await b.expect('peer-info', { peer: 'a', info: { last: 1 } });
        const c = await Peer.join(on.server, { room: a.room, peer: 'c' });
        assert.deepEqual(c.roster.get('a').info, { last: 1 });
    });

    test('ping: pong with the count of signals received, none of them lost in errors', async () => {
        const [a, b] = await pair(on);
        assert.equal((await a.quiet()).received, 0);
        a.signal('b', 1);
        a.signal('nobody', 1);
        a.send({ type: 'info', info: {} });
        await a.expectError('peer-not-found');
        assert.equal((await a.quiet()).received, 2);
        await b.expect('signal');
        assert.equal((await b.settle(b.received)).received, 0);
    });

    test('leave: closed with 1000, the others see peer-left, and no resume', async () => {
        const [a, b] = await pair(on);
        b.send({ type: 'leave' });
        await b.expectClose(1000);
        await a.expect('peer-left', { peer: 'b', reason: 'left' });
        const again = await b.resume(on.server, { peer: 'b' });
        assert.equal(again.joined.resumed, false);
        assert.notEqual(again.session, b.session);
        await a.expect('peer-joined', { peer: again.id });
    });

    test('peer-away when a socket is lost, peer-back on resume, state in the roster', async () => {
        const [a, b] = await pair(on);
        await b.lose();
        await a.expect('peer-away', { peer: 'b' });
        const c = await Peer.join(on.server, { room: a.room, peer: 'c' });
        assert.equal(c.roster.get('b').state, 'away');
        await a.expect('peer-joined', { peer: 'c' });
        const again = await b.resume(on.server);
        assert.equal(again.joined.resumed, true);
        await a.expect('peer-back', { peer: 'b' });
        await c.expect('peer-back', { peer: 'b' });
        assert.equal(c.roster.get('b').state, 'here');
    });

    test('a close frame of the client is a lost socket, not a leave', async () => {
        const [a, b] = await pair(on);
        b.ws.close(1001);
        await b.expectClose(1001);
        await a.expect('peer-away', { peer: 'b' });
    });

    test('a reset is a lost socket too', async () => {
        const [a, b] = await pair(on);
        await b.ws.reset();
        await a.expect('peer-away', { peer: 'b' });
    });
});

// After `join`: the error, whether 4000 follows, and what was said.
const AFTER_JOIN = [
    ['unknown-type', false, { type: 'dance' }],
    ['unknown-type', false, { type: '' }],
    ['unknown-type', false, { type: 'joined' }],
    ['unknown-type', false, { type: 'SIGNAL', to: 'a', data: 1 }],
    ['already-joined', true, { type: 'join' }],
    ['already-joined', true, { type: 'join', peer: 'other' }],
    ['bad-message', true, {}],
    ['bad-message', true, []],
    ['bad-message', true, 'true'],
    ['bad-message', true, '[{"type":"ping"}]'],
    ['bad-message', true, { type: 7 }],
    ['bad-message', true, { type: 'signal' }],
    ['bad-message', true, { type: 'signal', to: 'a' }],
    ['bad-message', true, { type: 'signal', data: 1 }],
    ['bad-message', true, { type: 'signal', to: 5, data: 1 }],
    ['bad-message', true, { type: 'signal', to: ['a'], data: 1 }],
    ['bad-message', true, { type: 'signal', to: 'a', data: 1, id: {} }],
    ['too-large', false, { type: 'signal', to: 'a', data: 1, id: 'x'.repeat(129) }],
    ['bad-message', true, { type: 'info' }],
    ['bad-message', true, { type: 'info', info: null }],
    ['bad-message', true, { type: 'info', info: [] }],
    ['bad-message', true, { type: 'info', info: 'x' }],
    ['bad-message', true, { type: 'ping', received: 'x' }],
    ['bad-message', true, { type: 'ping', received: -1 }],
    ['bad-message', true, { type: 'ping', received: 0.5 }],
    ['too-large', false, { type: 'info', info: { x: 'x'.repeat(4096) } }],
];

suite('errors after join', [PLAIN, PLAIN2], {}, (on) => {
    for (const [code, closes, message] of AFTER_JOIN) {
        const text = typeof message === 'string' ? message : JSON.stringify(message);
        test(`${code}${closes ? ' then 4000' : ''}: ${text.slice(0, 60)}`, async () => {
            const a = await Peer.join(on.server, { peer: 'a' });
            a.send(text);
            const error = await a.expectError(code);
            assert.equal(typeof error.message, 'string');
            if (closes) await a.expectClose(4000);
            else await a.quiet();
        });
    }

    test('unknown-type echoes the id', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        a.send({ type: 'dance', id: 'x1' });
        await a.expectError('unknown-type', { id: 'x1' });
    });

    test('after 4000 a peer is away and may come back', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        b.send([]);
        await b.expectClose(4000);
        await a.expect('peer-away', { peer: 'b' });
        assert.equal((await b.resume(on.server)).joined.resumed, true);
    });

    test('info of exactly 4 KiB is taken, one byte more is too-large', async () => {
        const room = freshRoom();
        const info = { x: 'x'.repeat(4096 - '{"x":""}'.length) };
        const a = await Peer.join(on.server, { room, peer: 'a', info });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        assert.deepEqual(b.roster.get('a').info, info);
        b.send({ type: 'info', info });
        await a.expect('peer-info', { peer: 'b', info });
        info.x += 'x';
        b.send({ type: 'info', info });
        await b.expectError('too-large');
        await a.quiet();
    });

    test('an id of 128 bytes, its quotes included, is echoed', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        a.signal('nobody', 1, 'x'.repeat(126));
        await a.expectError('peer-not-found', { id: 'x'.repeat(126) });
    });

    test('an id is echoed byte for byte', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        for (const id of ['1.50e+0', '12345678901234567890', '"\\u0041\\/"', '-0']) {
            a.send(`{"type":"signal","to":"nobody","data":1,"id":${id}}`);
            const { text } = await a.expectError('peer-not-found');
            assert.ok(text.includes(`"id":${id}`), text);
        }
    });

    test('data may be any JSON value, null and false among them', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        for (const data of [null, false, 0, '', [], {}]) {
            a.signal('a', data);
            await a.expect('signal', { data });
        }
    });

    test('of keys given twice the last counts, as in JSON.parse', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        a.send('{"type":"leave","type":"signal","to":"x","to":"a","data":1,"data":2}');
        await a.expect('signal', { data: 2 });
    });

    test('keys and types written with escapes are the same keys and types', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        a.send('{"\\u0074ype":"sign\\u0061l","t\\u006f":"a","data":[1]}');
        await a.expect('signal', { from: 'a', data: [1] });
    });
});

// What ends a connection without an `error`: the code, and how to get it.
const CLOSES = [
    [
        1003,
        'a binary message',
        (ws) => ws.sendFrame({ opcode: 'binary', payload: '{"type":"ping"}' }),
    ],
    [1003, 'an empty binary message', (ws) => ws.sendFrame({ opcode: 'binary' })],
    [1007, 'not UTF-8', (ws) => ws.sendFrame({ payload: Buffer.from([0x22, 0xc3, 0x28, 0x22]) })],
    [1007, 'not JSON', (ws) => ws.sendText('{"type":"ping"')],
    [1007, 'an empty message', (ws) => ws.sendText('')],
    [1009, 'a message over the limit', (ws) => ws.sendText(`"${'x'.repeat(70_000)}"`)],
    [
        1009,
        'a length over the limit, with the first byte of its payload',
        (ws) => ws.sendFrame({ payload: '"', length: 2 ** 40, form: 64 }),
    ],
];

suite('close codes', ALL_MODES, {}, (on) => {
    for (const joined of [false, true]) {
        for (const [code, what, act] of CLOSES) {
            test(`${code}: ${what}, ${joined ? 'after' : 'before'} join`, async () => {
                const a = joined
                    ? await Peer.join(on.server, { peer: 'a' })
                    : await Peer.connect(on.server);
                act(a.ws);
                await a.expectClose(code);
            });
        }
    }

    test('1009: a message of exactly the limit passes', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        const around = '{"type":"signal","to":"a","data":""}'.length;
        const data = 'x'.repeat(65536 - around);
        a.signal('a', data);
        await a.expect('signal', { data });
        a.signal('a', data + 'x');
        await a.expectClose(1009);
    });

    test('4009: the session lives on another connection', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        const again = await a.resume(on.server);
        await a.expectClose(4009);
        await again.quiet();
    });
});

test('iceServers come from the configuration', async (t) => {
    const config = [
        'session:',
        '  ice_servers:',
        '    - urls: stun:stun.example.net:3478',
        '    - urls: ["turn:turn.example.net:3478?transport=udp", "turns:turn.example.net"]',
        '      username: "me"',
        "      credential: 'se\"cret'",
        '  ping_interval: 7s',
        '  resume_window: 90s',
        'drain: { linger: 0, spread: 0, deadline: 300ms }',
    ].join('\n');
    const server = await ownServer(t, { config });
    const a = await Peer.join(server);
    assert.deepEqual(a.joined.iceServers, [
        { urls: ['stun:stun.example.net:3478'] },
        {
            urls: ['turn:turn.example.net:3478?transport=udp', 'turns:turn.example.net'],
            username: 'me',
            credential: 'se"cret',
        },
    ]);
    assert.equal(a.joined.pingInterval, 7);
    assert.equal(a.joined.resumeWindow, 90);
    const again = await a.resume(server);
    assert.deepEqual(again.joined.iceServers, a.joined.iceServers);
});

test('1012: draining', async (t) => {
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { workers });
        const a = await Peer.join(server, { peer: 'a' });
        server.signal('SIGTERM');
        await a.expect('goaway');
        await a.expectClose(1012);
        await server.expectExit();
    }
});
