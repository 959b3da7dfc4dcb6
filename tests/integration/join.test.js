// Joining (protocol sections 1 to 3): what `joined` says, names, and every refusal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WITH_ADMIN } from '../support/admin.js';
import { frame } from '../support/frame.js';
import { metricsUntil } from '../support/metrics.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, PLAIN2, suite } from '../support/suite.js';

suite('join', ALL_MODES, {}, (on) => {
    test('joined carries every field of the protocol', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        assert.equal(a.joined.room, room);
        assert.equal(a.joined.peer, 'a');
        assert.equal(a.joined.resumed, false);
        assert.equal(a.joined.received, 0);
        assert.deepEqual(a.joined.peers, []);
        assert.deepEqual(a.joined.iceServers, []);
        assert.equal(a.joined.pingInterval, 25);
        assert.equal(a.joined.resumeWindow, 30);
        assert.match(a.joined.session, /^[A-Za-z0-9_-]{22,}$/);
    });

    test('the server chooses an ID of at least 96 random bits where none is given', async () => {
        const room = freshRoom();
        const ids = new Set();
        for (let i = 0; i < 8; i++) {
            const { id } = await Peer.join(on.server, { room });
            assert.ok(Buffer.byteLength(id) <= 64);
            assert.match(id, /^[A-Za-z0-9_-]{16,}$/); // 16 characters of 6 bits are 96
            ids.add(id);
        }
        assert.equal(ids.size, 8);
    });

    test('info defaults to {}, and what is given is seen in the roster and in peer-joined', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const info = { name: '가온 \u{1F600}', 'role"': [1, null, true, { deep: {} }] };
        const b = await Peer.join(on.server, { room, peer: 'b', info });
        assert.deepEqual(b.joined.peers, [{ peer: 'a', info: {}, state: 'here' }]);
        await a.expect('peer-joined', { peer: 'b', info });
        const c = await Peer.join(on.server, { room, peer: 'c' });
        const roster = [...c.roster.values()].sort((x, y) => (x.peer < y.peer ? -1 : 1));
        assert.deepEqual(roster, [
            { peer: 'a', info: {}, state: 'here' },
            { peer: 'b', info, state: 'here' },
        ]);
    });

    test('peer-joined goes to every member but the one that joined', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined', { peer: 'b', info: {} });
        const c = await Peer.join(on.server, { room, peer: 'c' });
        await a.expect('peer-joined', { peer: 'c' });
        await b.expect('peer-joined', { peer: 'c' });
        await c.quiet();
    });

    test('session secrets differ from peer to peer and from join to join', async () => {
        const room = freshRoom();
        const secrets = new Set();
        for (let i = 0; i < 4; i++) {
            const a = await Peer.join(on.server, { room, peer: 'a' });
            secrets.add(a.session);
            await a.leave();
        }
        assert.equal(secrets.size, 4);
    });

    test('the name of a peer that left can be taken again', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        await b.leave();
        await a.expect('peer-left', { peer: 'b', reason: 'left' });
        const again = await Peer.join(on.server, { room, peer: 'b' });
        assert.equal(again.joined.resumed, false);
        await a.expect('peer-joined', { peer: 'b' });
    });

    test('names compare byte for byte: case and normal form make different peers', async () => {
        const room = freshRoom();
        const names = ['a', 'A', '\u00e9', 'e\u0301', 'a ', ' a'];
        for (const peer of names) await Peer.join(on.server, { room, peer });
        const last = await Peer.join(on.server, { room, peer: 'last' });
        assert.deepEqual([...last.roster.keys()].sort(), names.sort());
    });

    test('peer-taken: 4010, and the one who has the name notices nothing', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        for (let i = 0; i < 4; i++) {
            const other = await Peer.connect(on.server, { room });
            other.send({ type: 'join', peer: 'a' });
            await other.expectError('peer-taken');
            await other.expectClose(4010);
        }
        await a.quiet();
    });

    test('unknown fields are ignored, in every message', async () => {
        const a = await Peer.connect(on.server);
        a.send({ extra: { type: 'leave' }, type: 'join', peer: 'a', future: [1] });
        await a.expectJoined();
        a.send({ type: 'ping', type2: 'leave', more: null });
        await a.expect('pong');
        a.send({ type: 'signal', to: 'a', data: 1, from: 'someone-else', ttl: 5 });
        await a.expect('signal', { from: 'a', data: 1 });
    });
});

const GOOD_NAMES = [
    ['one byte', 'x'],
    ['64 bytes', 'x'.repeat(64)],
    ['64 bytes of UTF-8', '\u{1F600}'.repeat(16)],
    ['a slash', 'a/b'],
    ['quotes and backslashes', '"\\"'],
    ['non-breaking and ideographic space', '\u00a0\u3000'],
    ['looks like a property', '__proto__'],
];

const BAD_NAMES = [
    ['empty', ''],
    ['65 bytes', 'x'.repeat(65)],
    ['65 bytes of UTF-8', '\u{1F600}'.repeat(16) + 'x'],
    ['NUL', 'a\u0000b'],
    ['newline', 'a\nb'],
    ['escape', '\u001b'],
    ['DEL', 'a\u007f'],
    ['C1 control', 'a\u0085'],
];

suite('peer names', [PLAIN], {}, (on) => {
    for (const [what, peer] of GOOD_NAMES) {
        test(`taken: ${what}`, async () => {
            const room = freshRoom();
            const a = await Peer.join(on.server, { room, peer });
            assert.equal(a.id, peer);
            const b = await Peer.join(on.server, { room });
            await a.expect('peer-joined', { peer: b.id });
            b.signal(peer, 'hello');
            await a.expect('signal', { from: b.id, data: 'hello' });
        });
    }

    for (const [what, peer] of BAD_NAMES) {
        test(`bad-name then 4000: ${what}`, async () => {
            const a = await Peer.connect(on.server);
            a.send({ type: 'join', peer });
            await a.expectError('bad-name');
            await a.expectClose(4000);
        });
    }

    test('bad-name on a signal is an error only', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        for (const [, to] of BAD_NAMES) {
            a.send({ type: 'signal', to, data: 1, id: 7 });
            await a.expectError('bad-name', { id: 7 });
        }
        await a.quiet();
    });

    test('a name with a lone surrogate is bad-name', async () => {
        const a = await Peer.connect(on.server);
        a.send('{"type":"join","peer":"\\ud800"}');
        await a.expectError('bad-name');
        await a.expectClose(4000);
    });

    test('a name written with escapes is the same name', async () => {
        const room = freshRoom();
        const a = await Peer.connect(on.server, { room });
        a.send('{"type":"join","peer":"\\u0061\\u00e9\\ud83d\\ude00\\/"}');
        await a.expectJoined();
        assert.equal(a.id, 'a\u00e9\u{1F600}/');
        const b = await Peer.join(on.server, { room });
        b.send('{"type":"signal","to":"a\u00e9\u{1F600}/","data":1}');
        await a.until('signal', { from: b.id, data: 1 });
    });
});

// What may be said before `join`, and the answer: every error closes.
const BEFORE_JOIN = [
    ['not-joined', 4000, { type: 'ping' }],
    ['not-joined', 4000, { type: 'signal', to: 'a', data: 1 }],
    ['not-joined', 4000, { type: 'info', info: {} }],
    ['not-joined', 4000, { type: 'leave' }],
    ['not-joined', 4000, { type: 'something-new' }],
    ['bad-message', 4000, {}],
    ['bad-message', 4000, []],
    ['bad-message', 4000, 'null'],
    ['bad-message', 4000, '5'],
    ['bad-message', 4000, '"join"'],
    ['bad-message', 4000, { type: 5 }],
    ['bad-message', 4000, { type: null }],
    ['bad-message', 4000, { type: ['join'] }],
    ['bad-message', 4000, { type: 'join', peer: 5 }],
    ['bad-message', 4000, { type: 'join', peer: {} }],
    ['bad-message', 4000, { type: 'join', info: 'text' }],
    ['bad-message', 4000, { type: 'join', info: [] }],
    ['bad-message', 4000, { type: 'join', resume: 'text' }],
    ['bad-message', 4000, { type: 'join', resume: { session: 5, received: 0 } }],
    ['bad-message', 4000, { type: 'join', resume: { received: 0 } }],
    ['bad-message', 4000, { type: 'join', resume: { session: 'x', received: 'many' } }],
    ['bad-message', 4000, { type: 'join', resume: { session: 'x', received: -1 } }],
    ['bad-message', 4000, { type: 'join', resume: { session: 'x', received: 1.5 } }],
    ['bad-message', 4000, { type: 'join', token: 5 }],
    ['too-large', 4000, { type: 'join', info: { x: 'x'.repeat(4096) } }],
];

suite('before join', [PLAIN, PLAIN2], {}, (on) => {
    for (const [error, close, message] of BEFORE_JOIN) {
        const text = typeof message === 'string' ? message : JSON.stringify(message);
        test(`${error} then ${close}: ${text.slice(0, 60)}`, async () => {
            const a = await Peer.connect(on.server);
            a.send(text);
            const said = await a.expectError(error);
            assert.equal(typeof said.message, 'string');
            await a.expectClose(close);
        });
    }

    test('one refused connection leaves nothing in the room', async () => {
        const room = freshRoom();
        const refused = await Peer.connect(on.server, { room });
        refused.send({ type: 'join', peer: '' });
        await refused.expectClose(4000);
        const a = await Peer.join(on.server, { room });
        assert.deepEqual(a.joined.peers, []);
    });

    test('what follows a refused join in the same write is not looked at', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.connect(on.server, { room });
        const texts = ['{"type":"join","peer":""}', '{"type":"join","peer":"b"}'];
        b.ws.sendRaw(Buffer.concat(texts.map((payload) => frame({ payload }))));
        await b.expectError('bad-name');
        await b.expectClose(4000);
        await a.quiet();
    });
});

test('room-full: 4006, and room again once somebody left', async (t) => {
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { workers, config: { 'limits.peers_per_room': 2 } });
        const room = freshRoom();
        const a = await Peer.join(server, { room, peer: 'a' });
        const b = await Peer.join(server, { room, peer: 'b' });
        const c = await Peer.connect(server, { room });
        c.send({ type: 'join', peer: 'c' });
        await c.expectError('room-full');
        await c.expectClose(4006);
        await Peer.join(server, { room: freshRoom() }); // another room has space of its own
        await b.leave();
        await a.until('peer-left', { peer: 'b' });
        await Peer.join(server, { room, peer: 'c' });
    }
});

test('a peer that is away keeps its place in a full room', async (t) => {
    const server = await ownServer(t, { config: { 'limits.peers_per_room': 2 } });
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a' });
    const b = await Peer.join(server, { room, peer: 'b' });
    await b.lose();
    await a.until('peer-away', { peer: 'b' });
    const c = await Peer.connect(server, { room });
    c.send({ type: 'join', peer: 'c' });
    await c.expectClose(4006);
    assert.equal((await b.resume(server)).joined.resumed, true);
});

test('rooms over the limit: unavailable and 1013, and again once a room emptied', async (t) => {
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { ...WITH_ADMIN, workers, config: { 'limits.rooms': 2 } });
        const rooms = [freshRoom(), freshRoom(), freshRoom()];
        await Peer.join(server, { room: rooms[0] });
        const b = await Peer.join(server, { room: rooms[1] });
        const over = await Peer.connect(server, { room: rooms[2] });
        over.send({ type: 'join' });
        await over.expectError('unavailable');
        await over.expectClose(1013);
        await metricsUntil(server, (m) => m.value('roomline_limits_hit_total', { limit: 'rooms' }) === 1);
        await Peer.join(server, { room: rooms[0] }); // a room that is there takes more
        await b.leave();
        await retry(() => Peer.join(server, { room: rooms[2] }));
    }
});

// For what becomes true soon, on another worker, with no event of its own to wait for.
async function retry(attempt, times = 50) {
    for (let i = 1; ; i++) {
        try {
            return await attempt();
        } catch (error) {
            if (i === times) throw error;
        }
    }
}

test('limits of 0 are no limits', async (t) => {
    const none = ['peers_per_room', 'rooms', 'connections', 'connections_per_address'];
    const config = Object.fromEntries(none.map((name) => [`limits.${name}`, 0]));
    const server = await ownServer(t, { config });
    const room = freshRoom();
    for (let i = 0; i < 70; i++) await Peer.join(server, { room });
    assert.equal((await Peer.join(server, { room })).roster.size, 70);
});
