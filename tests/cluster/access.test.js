// Tokens on several instances: a ticket counts once for all of them, and a membership follows its token.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterSuite } from '../support/cluster.js';
import { expectRefused, freshRoom, Peer } from '../support/peer.js';
import { enter, GUARDED, sign, soon } from '../support/token.js';
import { TWO } from './modes.js';

clusterSuite('access', [TWO], GUARDED, (on) => {
    const { instances } = on.mode;

    test('of many who show one ticket to all instances at once, one gets in', async () => {
        for (let round = 0; round < 5; round++) {
            const room = freshRoom();
            const token = sign({ room, exp: soon(), jti: freshRoom('ticket'), once: true });
            const connect = (_, n) => Peer.connect(on.cluster.at(n % instances), { room });
            const peers = await Promise.all(Array.from({ length: 6 }, connect));
            for (const peer of peers) peer.send({ type: 'join', token });
            const answers = await Promise.all(peers.map((peer) => peer.next()));
            const types = answers.map(({ type, code }) => code ?? type).sort();
            assert.deepEqual(types, ['joined', ...Array(5).fill('unauthorized')]);
        }
    });

    test('a ticket that was used lets its bearer resume elsewhere, and nobody in', async () => {
        const room = freshRoom();
        const token = sign({ room, exp: soon(), jti: freshRoom('ticket'), once: true });
        const a = await Peer.join(on.cluster.at(0), { room, token });
        await a.lose();
        const again = await a.resume(on.cluster.at(1), { token });
        assert.equal(again.joined.resumed, true);
        await again.leave();
        for (const n of [0, 1]) await expectRefused(on.cluster.at(n), { room, token }, 'unauthorized', 4001);
    });

    test('joining elsewhere with the same sub replaces the old membership', async () => {
        const room = freshRoom();
        const b = await enter(on.cluster.at(0), { room, sub: 'ben' });
        const a = await enter(on.cluster.at(0), { room, sub: 'ann' });
        await b.until('peer-joined', { peer: 'ann' });
        const again = await enter(on.cluster.at(1), { room, sub: 'ann' });
        await a.expectClose(4009);
        await b.until('peer-left', { peer: 'ann', reason: 'replaced' });
        await b.until('peer-joined', { peer: 'ann' });
        b.signal('ann', 'to the new one');
        await again.until('signal', { from: 'ben', data: 'to the new one' });
    });

    test('who was closed by expiry resumes on another instance with a fresh token', async () => {
        const room = freshRoom();
        const b = await enter(on.cluster.at(1), { room, sub: 'ben' });
        const a = await enter(on.cluster.at(0), { room, sub: 'ann', exp: soon(2) });
        await b.until('peer-joined', { peer: 'ann' });
        await a.until('error', { code: 'unauthorized' });
        await a.expectClose(4001);
        await b.until('peer-away', { peer: 'ann' });
        b.signal('ann', 'held');
        const again = await a.resume(on.cluster.at(1), { token: sign({ room, sub: 'ann', exp: soon() }) });
        assert.equal(again.joined.resumed, true);
        await again.until('signal', { from: 'ben', data: 'held' });
    });

    test('an admin steers peers of all instances', async () => {
        const room = freshRoom();
        const admin = await enter(on.cluster.at(0), { room, sub: 'host', grants: ['admin'] });
        const guests = [];
        for (let n = 0; n < instances; n++) guests.push(await enter(on.cluster.at(n), { room, sub: `g${n}` }));
        await admin.until('peer-joined', { peer: guests.at(-1).id });
        admin.send({ type: 'kick', peer: guests.at(-1).id, ban: 60 });
        await guests.pop().expectClose(4005);
        await admin.until('peer-left', { reason: 'kicked' });
        for (let n = 0; n < instances; n++) {
            const token = sign({ room, sub: `g${instances - 1}`, exp: soon() });
            await expectRefused(on.cluster.at(n), { room, token }, 'forbidden', 4003);
        }
        admin.send({ type: 'close' });
        for (const one of [...guests, admin]) await one.expectClose(4004);
    });
});
