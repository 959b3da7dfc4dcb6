// What the directory decides of those who show tokens: who is whom, tickets, and what an admin does through his
// connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectRefused, freshRoom, Peer } from '../support/peer.js';
import { PLAIN, PLAIN2, suite } from '../support/suite.js';
import { enter, GUARDED, sign, soon } from '../support/token.js';

/** Joins until the lock is seen, which takes the way to the directory. */
async function lockedOut(server, room) {
    for (;;) {
        const peer = await Peer.ask(server, { room, token: sign({ room, exp: soon() }) });
        const answer = await peer.next();
        if (answer.type === 'joined') {
            await peer.leave();
            continue;
        }
        assert.equal(answer.code, 'room-locked');
        return peer.expectClose(4007);
    }
}

async function unlocked(server, room) {
    for (;;) {
        const peer = await Peer.ask(server, { room, token: sign({ room, exp: soon() }) });
        const answer = await peer.next();
        if (answer.type === 'joined') return peer.leave();
        assert.equal(answer.code, 'room-locked');
        await peer.expectClose(4007);
    }
}

suite('tickets and admins', [PLAIN, PLAIN2], { ...GUARDED, concurrency: true }, (on) => {
    const last = () => ({ worker: on.mode.workers - 1 });

    test('joining again with the same sub replaces the old membership', async () => {
        const room = freshRoom();
        const b = await enter(on.server, { room, sub: 'ben' });
        const a = await enter(on.server, { room, sub: 'ann' });
        await b.until('peer-joined', { peer: 'ann' });
        const again = await enter(on.server, { room, sub: 'ann' }, last());
        assert.equal(again.joined.resumed, false);
        await a.expectClose(4009);
        await b.expect('peer-left', { peer: 'ann', reason: 'replaced' });
        await b.expect('peer-joined', { peer: 'ann' });
        b.signal('ann', 1);
        await again.expect('signal', { from: 'ben', data: 1 });
    });

    test('a ticket lets in once', async () => {
        const room = freshRoom();
        const token = sign({ room, exp: soon(), jti: freshRoom('ticket'), once: true });
        const a = await Peer.join(on.server, { room, token });
        await expectRefused(on.server, { room, token }, 'unauthorized', 4001, last());
        await a.lose();
        const again = await a.resume(on.server, { token, ...last() });
        assert.equal(again.joined.resumed, true);
        await again.leave();
        await expectRefused(on.server, { room, token }, 'unauthorized', 4001);
    });

    test('of many who show one ticket at once, one gets in', async () => {
        const room = freshRoom();
        const token = sign({ room, exp: soon(), jti: freshRoom('ticket'), once: true });
        const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.connect(on.server, { room })));
        for (const peer of peers) peer.send({ type: 'join', token });
        const answers = await Promise.all(peers.map((peer) => peer.next()));
        const types = answers.map(({ type, code }) => code ?? type).sort();
        assert.deepEqual(types, ['joined', ...Array(7).fill('unauthorized')]);
    });

    /** What the log says of an admin's orders in a room, once it tells of the last of them. */
    async function administered(room, last) {
        const told = (line) => line.event === 'administered' && line.room === room;
        await on.server.waitLog((line) => told(line) && line.op === last);
        return on.server.logs.filter(told).map(({ peer, op, kicked, outcome }) => [peer, op, kicked, outcome]);
    }

    const admin = (room) => enter(on.server, { room, sub: 'host', grants: ['signal', 'admin'] }, last());

    test('lock: room-locked, 4007, for all but those who resume', async () => {
        const room = freshRoom();
        const host = await admin(room);
        const guest = await enter(on.server, { room, sub: 'guest' });
        host.send({ type: 'lock', locked: true });
        await lockedOut(on.server, room);
        await guest.lose();
        const again = await guest.resume(on.server, { token: sign({ room, sub: 'guest', exp: soon() }) });
        assert.equal(again.joined.resumed, true);
        host.send({ type: 'lock', locked: false });
        await unlocked(on.server, room);
        assert.deepEqual((await administered(room, 'lock'))[0], ['host', 'lock', undefined, 'done']);
    });

    test('kick: kicked, 4005, and where there is a ban forbidden, 4003', async () => {
        const room = freshRoom();
        const host = await admin(room);
        const guest = await enter(on.server, { room, sub: 'guest' });
        await host.until('peer-joined', { peer: 'guest' });
        host.send({ type: 'kick', peer: 'nobody', id: 3 });
        await host.until('error', { code: 'peer-not-found', id: 3 });
        host.send({ type: 'kick', peer: 'guest', ban: 60 });
        await guest.expectClose(4005);
        await host.until('peer-left', { peer: 'guest', reason: 'kicked' });
        const token = sign({ room, sub: 'guest', exp: soon() });
        await expectRefused(on.server, { room, token }, 'forbidden', 4003, last());
        await on.server.waitLog(({ room: where, kicked }) => where === room && kicked === 'guest');
        assert.deepEqual(await administered(room, 'kick'), [
            ['host', 'kick', 'nobody', 'peer-not-found'],
            ['host', 'kick', 'guest', 'done'],
        ]);
    });

    test('close: 4004 for everybody, and a new room has no bans', async () => {
        const room = freshRoom();
        const host = await admin(room);
        const guest = await enter(on.server, { room, sub: 'guest' });
        await host.until('peer-joined', { peer: 'guest' });
        host.send({ type: 'kick', peer: 'other', ban: 60 });
        await on.server.waitLog(({ room: where, kicked }) => where === room && kicked === 'other');
        host.send({ type: 'close' });
        await guest.expectClose(4004);
        await host.expectClose(4004);
        await enter(on.server, { room, sub: 'other' });
        // He goes himself, maybe before he is answered.
        assert.deepEqual((await administered(room, 'close')).at(-1).slice(0, 2), ['host', 'close']);
    });
});
