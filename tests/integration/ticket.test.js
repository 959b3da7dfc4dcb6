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

    test('an admin locks, kicks and closes', async () => {
        const room = freshRoom();
        const admin = await enter(on.server, { room, sub: 'host', grants: ['signal', 'admin'] }, last());
        const guest = await enter(on.server, { room, sub: 'guest' });
        await admin.until('peer-joined', { peer: 'guest' });

        admin.send({ type: 'lock', locked: true });
        await admin.quiet();
        await lockedOut(on.server, room);
        await guest.lose();
        const again = await guest.resume(on.server, { token: sign({ room, sub: 'guest', exp: soon() }) });
        assert.equal(again.joined.resumed, true);
        admin.send({ type: 'lock', locked: false });
        await unlocked(on.server, room);

        admin.send({ type: 'kick', peer: 'nobody', id: 3 });
        await admin.until('error', { code: 'peer-not-found', id: 3 });
        admin.send({ type: 'kick', peer: 'guest', ban: 60 });
        await again.expectClose(4005);
        await admin.until('peer-left', { peer: 'guest', reason: 'kicked' });
        const token = sign({ room, sub: 'guest', exp: soon() });
        await expectRefused(on.server, { room, token }, 'forbidden', 4003, last());

        const other = await enter(on.server, { room, sub: 'other' });
        admin.send({ type: 'close' });
        await other.expectClose(4004);
        await admin.expectClose(4004);
        await enter(on.server, { room, sub: 'guest' }); // a new room of the same name, without bans

        const told = ({ event, room: where, op }) => event === 'administered' && where === room && op === 'close';
        await on.server.waitLog(told); // the last of them
        const outcomes = on.server.logs.filter((line) => line.event === 'administered' && line.room === room);
        assert.deepEqual(
            outcomes.map(({ peer, op, kicked, outcome }) => [peer, op, kicked, op === 'close' || outcome]),
            [
                ['host', 'lock', undefined, 'done'],
                ['host', 'lock', undefined, 'done'],
                ['host', 'kick', 'nobody', 'peer-not-found'],
                ['host', 'kick', 'guest', 'done'],
                ['host', 'close', undefined, true], // he goes himself, maybe before he is answered
            ],
        );
    });
});
