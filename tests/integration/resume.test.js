// Sessions that outlive a socket (protocol section 5): taking a membership back, and who may.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSteadyClock } from '../support/clock.js';
import { closePayload, frame } from '../support/frame.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, PLAIN2, suite } from '../support/suite.js';

const NO_RATE = { 'limits.messages_per_second': 0 };

/** Two peers on worker 0 that know of each other. */
async function pair(on, room = freshRoom()) {
    const a = await Peer.join(on.server, { room, peer: 'a', worker: 0 });
    const b = await Peer.join(on.server, { room, peer: 'b', worker: 0 });
    await a.expect('peer-joined', { peer: 'b' });
    return [a, b];
}

async function away(a, b) {
    await b.lose();
    await a.until('peer-away', { peer: b.id });
}

const data = (messages) => messages.map((m) => m.data);

suite('resume', ALL_MODES, {}, (on) => {
    const places =
        on.mode.workers === 1
            ? [['the same worker', 0]]
            : [
                  ['the same worker', 0],
                  ['another worker', 1],
              ];

    for (const [where, worker] of places) {
        test(`on ${where}: same peer, new secret, held signals in order`, async () => {
            const [a, b] = await pair(on);
            b.signal('a', 'x');
            await a.expect('signal');
            await away(a, b);
            for (let n = 0; n < 10; n++) a.signal('b', n);
            await a.quiet();
            const again = await b.resume(on.server, { worker });
            assert.equal(again.joined.resumed, true);
            assert.equal(again.joined.peer, 'b');
            assert.equal(again.joined.room, a.room);
            assert.equal(again.joined.received, 1);
            assert.notEqual(again.session, b.session);
            assert.deepEqual(data(await again.signals(10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            await a.expect('peer-back', { peer: 'b' });
            a.signal('b', 'live');
            await again.expect('signal', { data: 'live' });
            again.signal('a', 'back');
            await a.expect('signal', { data: 'back' });
            assert.equal((await again.quiet()).received, 2);
        });

        test(`on ${where}, while the old socket is half open: 4009, no peer-away`, async () => {
            const [a, b] = await pair(on);
            b.freeze();
            for (let n = 0; n < 10; n++) a.signal('b', n);
            const again = await b.resume(on.server, { worker });
            assert.equal(again.joined.resumed, true);
            assert.deepEqual(data(await again.signals(10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
            await again.quiet();
            b.thaw();
            await b.expectClose(4009);
            await a.settle();
            assert.deepEqual(
                a.inbox.items.filter((m) => m.type !== 'peer-back'),
                [],
            );
            a.signal('b', 'live');
            await again.expect('signal', { data: 'live' });
        });

        test(`on ${where}: what was acknowledged is not sent again, what was not is`, async () => {
            const [a, b] = await pair(on);
            for (let n = 0; n < 8; n++) a.signal('b', n);
            await b.signals(8);
            await b.quiet(5);
            b.freeze();
            for (let n = 8; n < 12; n++) a.signal('b', n);
            await a.quiet();
            const again = await b.resume(on.server, { worker, received: 8 });
            assert.deepEqual(data(await again.signals(4)), [8, 9, 10, 11]);
            await again.quiet();
            const third = await again.resume(on.server, { received: 10 });
            assert.deepEqual(data(await third.signals(2)), [10, 11]);
            await third.quiet();
        });

        test(`on ${where}: the client resends what the server has not received`, async () => {
            const [a, b] = await pair(on);
            const sent = Array.from(
                { length: 8 },
                (_, n) => `{"type":"signal","to":"a","data":${n}}`,
            );
            const bytes = Buffer.concat(sent.map((payload) => frame({ payload })));
            b.ws.sendRaw(bytes.subarray(0, bytes.length - 60)); // cut in the last but one
            await b.ws.sendPieces([]);
            await a.signals(6);
            await away(a, b);
            const again = await b.resume(on.server, { worker });
            assert.equal(again.joined.received, 6);
            for (const text of sent.slice(again.joined.received)) again.send(text);
            assert.deepEqual(data(await a.signals(2)), [6, 7]);
            assert.equal((await again.quiet()).received, 8);
        });

        test(`on ${where}: the roster is fresh, presence is not replayed`, async () => {
            const [a, b] = await pair(on);
            const c = await Peer.join(on.server, { room: a.room, peer: 'c' });
            await b.expect('peer-joined', { peer: 'c' });
            await away(a, b);
            a.send({ type: 'info', info: { n: 1 } });
            await c.until('peer-info');
            await c.leave();
            await a.until('peer-left', { peer: 'c' });
            const d = await Peer.join(on.server, { room: a.room, peer: 'd', info: { n: 2 } });
            const again = await b.resume(on.server, { worker });
            assert.deepEqual(
                [...again.roster.values()].sort((x, y) => (x.peer < y.peer ? -1 : 1)),
                [
                    { peer: 'a', info: { n: 1 }, state: 'here' },
                    { peer: 'd', info: { n: 2 }, state: 'here' },
                ],
            );
            await again.quiet();
            await d.expect('peer-back', { peer: 'b' });
        });

        test(`on ${where}: the info of a peer survives`, async () => {
            const room = freshRoom();
            const a = await Peer.join(on.server, { room, peer: 'a', worker: 0 });
            const b = await Peer.join(on.server, {
                room,
                peer: 'b',
                worker: 0,
                info: { name: 'B' },
            });
            await away(a, b);
            await b.resume(on.server, { worker });
            const c = await Peer.join(on.server, { room });
            assert.deepEqual(c.roster.get('b'), { peer: 'b', info: { name: 'B' }, state: 'here' });
        });

        test(`on ${where}: two racing with the same secret, one wins, nothing is lost`, async () => {
            const [a, b] = await pair(on);
            await away(a, b);
            for (let n = 0; n < 5; n++) a.signal('b', n);
            await a.quiet();
            const join = { type: 'join', resume: { session: b.session, received: 0 } };
            const racers = [
                await Peer.connect(on.server, { room: b.room, worker: 0 }),
                await Peer.connect(on.server, { room: b.room, worker }),
            ];
            for (const racer of racers) racer.send(join);
            const closed = await Promise.race(
                racers.map(async (racer) => {
                    await racer.ws.ended;
                    return racer;
                }),
            );
            assert.ok(
                [4009, 4010].includes(closed.ws.closeFrame.code),
                `${closed.ws.closeFrame.code}`,
            );
            const winner = racers.find((racer) => racer !== closed);
            await winner.expectJoined();
            assert.equal(winner.joined.resumed, true);
            assert.deepEqual(data(await winner.signals(5)), [0, 1, 2, 3, 4]);
            a.signal('b', 'live');
            await winner.expect('signal', { data: 'live' });
            await winner.quiet();
        });
    }

    test('the late end of an old socket never evicts the peer that came back', async () => {
        const [a, b] = await pair(on);
        b.ws.autoClose = false;
        const again = await b.resume(on.server, { worker: on.mode.workers - 1 });
        b.ws.sendFrame({ opcode: 'close', payload: closePayload(1000) });
        await b.ws.reset();
        a.signal('b', 1);
        await again.expect('signal', { data: 1 });
        await again.quiet();
        await a.settle();
        assert.deepEqual(
            a.inbox.items.filter((m) => m.type !== 'peer-back'),
            [],
        );
    });

    test('a secret that was replaced is of no use: peer-taken, and nobody is disturbed', async () => {
        const [a, b] = await pair(on);
        const again = await b.resume(on.server, { worker: on.mode.workers - 1 });
        await again.quiet();
        for (const worker of on.mode.workers === 1 ? [0] : [0, 1]) {
            const thief = await Peer.connect(on.server, { room: a.room, worker });
            thief.send({ type: 'join', resume: { session: b.session, received: 0 } });
            await thief.expectError('peer-taken');
            await thief.expectClose(4010);
        }
        await again.quiet();
        a.signal('b', 1);
        await again.expect('signal', { data: 1 });
    });

    test('a secret stays good while its answer may have been lost', async () => {
        const [a, b] = await pair(on);
        await away(a, b);
        const lost = await Peer.connect(on.server, { room: a.room });
        lost.freeze(); // its answer is never read, and no pong sent
        lost.send({ type: 'join', resume: { session: b.session, received: 0 } });
        await a.expect('peer-back', { peer: 'b' });
        await lost.lose();
        await a.expect('peer-away', { peer: 'b' });
        a.signal('b', 1);
        await a.quiet();
        const again = await b.resume(on.server, { worker: on.mode.workers - 1 });
        assert.equal(again.joined.resumed, true);
        assert.deepEqual(data(await again.signals(1)), [1]);
    });

    test('a secret that nobody gave: a plain join where the name is free, else peer-taken', async () => {
        const [a, b] = await pair(on);
        const forged = b.session.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'));
        const thief = await Peer.connect(on.server, { room: a.room });
        thief.send({ type: 'join', peer: 'b', resume: { session: forged, received: 0 } });
        await thief.expectClose(4010);
        for (const session of ['', 'x', '!!!', 'A'.repeat(22), 'A'.repeat(108), '\u0000']) {
            const guest = await Peer.connect(on.server, { room: freshRoom() });
            guest.send({ type: 'join', peer: 'g', resume: { session, received: 3 } });
            await guest.expectJoined();
            assert.equal(guest.joined.resumed, false);
            assert.equal(guest.joined.peer, 'g');
        }
        await b.quiet();
    });

    test('a secret opens its own room only', async () => {
        const [a, b] = await pair(on);
        const guest = await Peer.connect(on.server, { room: freshRoom() });
        guest.send({ type: 'join', resume: { session: b.session, received: 0 } });
        await guest.expectJoined();
        assert.equal(guest.joined.resumed, false);
        assert.deepEqual(guest.joined.peers, []);
        await a.quiet();
        await b.quiet();
    });

    test('many times in a row', async () => {
        const [a, b] = await pair(on);
        let peer = b;
        for (let n = 0; n < 12; n++) {
            const worker = n % on.mode.workers;
            peer.freeze();
            a.signal('b', n);
            peer = await peer.resume(on.server, { worker });
            assert.equal(peer.joined.resumed, true);
            assert.equal((await peer.until('signal')).data, n);
            await peer.settle(peer.received);
        }
        assert.deepEqual([...a.roster.keys()], ['b']);
    });
});

suite('resume under traffic', [PLAIN, PLAIN2], { config: NO_RATE }, (on) => {
    test('a peer that keeps changing its connection gets each signal once, in order', async () => {
        const [a, b] = await pair(on);
        const total = 300;
        const sending = (async () => {
            for (let n = 0; n < total; n++) {
                a.signal('b', n);
                if (n % 10 === 9) await a.settle(a.received);
                await new Promise((resolve) => setTimeout(resolve, 1)); // a pace, not a wait
            }
        })();
        const seen = [];
        let peer = b;
        let changes = 0;
        while (seen.length < total) {
            for (let n = 0; n < 17 && seen.length < total; n++)
                seen.push((await peer.until('signal')).data);
            if (changes % 2) await peer.lose();
            const old = peer;
            peer = await old.resume(on.server, { worker: changes++ % on.mode.workers });
            assert.equal(peer.joined.resumed, true);
            // What had arrived but was not looked at yet will not come again.
            const left = data(old.inbox.items.filter((m) => m.type === 'signal'));
            seen.push(...left.slice(0, peer.resumedAt - seen.length));
        }
        await sending;
        assert.deepEqual(
            seen,
            Array.from({ length: total }, (_, n) => n),
        );
        assert.ok(changes > 5);
    });
});

for (const workers of [1, 2]) {
    test(`the window ends: peer-left, timeout (${workers} workers)`, async (t) => {
        const server = await ownServer(t, {
            workers,
            config: { 'session.resume_window': '300ms' },
        });
        const [a, b] = await pair({ server });
        await away(a, b);
        await a.expect('peer-left', { peer: 'b', reason: 'timeout' });
        a.signal('b', 1);
        await a.expectError('peer-not-found');
        const again = await b.resume(server, { worker: workers - 1 });
        assert.equal(again.joined.resumed, false);
        assert.equal(again.joined.peer, 'b');
        assert.equal(again.joined.received, 0);
        await a.expect('peer-joined', { peer: 'b' });
        await again.quiet();
    });

    test(`just inside the window, again and again (${workers} workers)`, async (t) => {
        const config = { 'session.resume_window': '4s' };
        const server = await ownServer(t, { workers, config });
        await withSteadyClock(async () => {
            const [a, b] = await pair({ server });
            let peer = b;
            for (let n = 0; n < 3; n++) {
                const next = await Peer.connect(server, { room: a.room, worker: n % workers });
                await away(a, peer);
                a.signal('b', n);
                // Three of these are past one window.
                await new Promise((resolve) => setTimeout(resolve, 1500));
                const resume = { session: peer.session, received: peer.received };
                next.send({ type: 'join', resume });
                await next.expectJoined();
                assert.equal(next.joined.resumed, true);
                await next.expect('signal', { data: n });
                await a.until('peer-back');
                next.received = peer.received + 1;
                peer = next;
            }
        });
    });

    test(`a window of 0 is no window: who is lost has left (${workers} workers)`, async (t) => {
        const server = await ownServer(t, { workers, config: { 'session.resume_window': '0' } });
        const [a, b] = await pair({ server });
        assert.equal(a.joined.resumeWindow, 0);
        await b.lose();
        await a.expect('peer-left', { peer: 'b', reason: 'timeout' });
        const again = await b.resume(server);
        assert.equal(again.joined.resumed, false);
        assert.equal(again.id, 'b');
    });

    test(`a room of which all are away is kept for the window, then gone (${workers} workers)`, async (t) => {
        const server = await ownServer(t, {
            workers,
            config: { 'session.resume_window': '3s' },
        });
        const [a, b] = await pair({ server });
        await away(a, b);
        await a.lose();
        const back = await b.resume(server, { worker: workers - 1 });
        assert.equal(back.joined.resumed, true);
        assert.equal(back.roster.get('a').state, 'away');
        await back.expect('peer-left', { peer: 'a', reason: 'timeout' });
        await back.leave();
        const next = await Peer.join(server, { room: a.room, peer: 'b' });
        assert.deepEqual(next.joined.peers, []);
    });
}
