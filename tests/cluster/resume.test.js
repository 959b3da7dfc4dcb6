// A membership is taken back on another instance (protocol section 5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../support/client.js';
import { clusterSuite, ownCluster } from '../support/cluster.js';
import { DEFAULT_TIMEOUT } from '../support/inbox.js';
import { freshRoom, Peer } from '../support/peer.js';
import { Random, seed } from '../support/random.js';
import { TWO, TWO_PAIRS, THREE } from './modes.js';

const numbers = (count) => [...Array(count).keys()];
const data = (messages) => messages.map((m) => m.data);

clusterSuite('resume', [TWO, TWO_PAIRS], {}, (on) => {
    const elsewhere = () => on.mode.workers - 1; // worker to come back to

    /** b, who is about to move, on instance 0; a on `where`; who know of each other. */
    async function pair(where, room = freshRoom()) {
        const a = await Peer.join(on.cluster.at(where), { room, peer: 'a', worker: 0 });
        const b = await Peer.join(on.cluster.at(0), { room, peer: 'b', worker: 0 });
        await a.expect('peer-joined');
        return [a, b];
    }

    const come = (peer, options) =>
        peer.resume(on.cluster.at(1), { worker: elsewhere(), ...options });

    for (const [place, where] of [
        ['the old instance', 0],
        ['the new instance', 1],
    ]) {
        test(`what was held is handed over in order, the sender on ${place}`, async () => {
            const [a, b] = await pair(where);
            b.signal('a', 'x');
            await a.expect('signal');
            await b.lose();
            await a.expect('peer-away');
            for (const n of numbers(30)) a.signal('b', n);
            await a.quiet();
            const again = await come(b);
            assert.deepEqual(
                [again.joined.resumed, again.id, again.joined.received],
                [true, 'b', 1],
            );
            assert.notEqual(again.session, b.session);
            assert.deepEqual(data(await again.signals(30)), numbers(30));
            await a.expect('peer-back');
            a.signal('b', 'live');
            await again.expect('signal', { data: 'live' });
            again.signal('a', 'back');
            await a.expect('signal', { data: 'back' });
        });

        test(`the old socket is half open: 4009, nobody hears of it, the sender on ${place}`, async () => {
            const [a, b] = await pair(where);
            b.freeze();
            for (const n of numbers(10)) a.signal('b', n);
            const again = await come(b);
            assert.equal(again.joined.resumed, true);
            assert.deepEqual(data(await again.signals(10)), numbers(10));
            b.thaw();
            await b.expectClose(4009);
            await a.settle();
            assert.deepEqual(a.inbox.items, []);
        });

        test(`signals that come all through the move arrive once and in order, the sender on ${place}`, async () => {
            for (const round of numbers(10)) {
                const [a, b] = await pair(where);
                b.ws.autoPong = false; // it would acknowledge
                for (const n of numbers(15)) a.signal('b', n);
                const moving = come(b, { received: 0 });
                for (const n of numbers(15)) a.signal('b', 15 + n);
                const again = await moving;
                for (const n of numbers(15)) a.signal('b', 30 + n);
                assert.equal(again.joined.resumed, true, `round ${round}`);
                assert.deepEqual(data(await again.signals(45)), numbers(45));
                await again.quiet();
            }
        });
    }

    test('a full hold is handed over as full: peer-busy until it is acknowledged', async () => {
        const [a, b] = await pair(1);
        await b.lose();
        await a.expect('peer-away');
        for (const n of numbers(64)) a.signal('b', n);
        a.signal('b', 64, 'full');
        await a.expectError('peer-busy', { to: 'b', id: 'full' });
        const again = await come(b);
        assert.deepEqual(data(await again.signals(64)), numbers(64));
        await again.quiet(64);
    });

    test('there and back again, with what was not acknowledged on the way', async () => {
        const [a, b] = await pair(1);
        let peer = b;
        for (const n of numbers(6)) {
            a.signal('b', n);
            await peer.until('signal', { data: n });
            peer = await peer.resume(on.cluster.at((n + 1) % 2), { received: n });
            assert.equal(peer.joined.resumed, true);
            await peer.until('signal', { data: n });
        }
        await peer.quiet();
    });

    test('two that race for one session on two instances: one has it, the other is closed', async () => {
        for (const round of numbers(10)) {
            const [a, b] = await pair(round % 2);
            await b.lose();
            await a.until('peer-away');
            for (const n of numbers(5)) a.signal('b', n);
            await a.settle();
            const racing = await Promise.all(
                [0, 1].map((n) => Peer.connect(on.cluster.at(n), { room: a.room })),
            );
            const resume = { session: b.session, received: 0 };
            for (const peer of racing) peer.send({ type: 'join', resume });
            // Both may be let in, each with its first word at once: the second took over before the
            // first one's word had confirmed its new secret to the directory.
            const joins = racing.map(async (peer) => {
                await peer.until('joined', { peer: 'b', resumed: true });
                peer.send({ type: 'ping' });
            });
            for (const join of joins) join.catch(() => {}); // one may be refused
            const ends = racing.map((peer) => peer.ws.ended.then(() => peer));
            const lost = await Promise.race(ends);
            assert.ok([4009, 4010, 1013].includes(lost.ws.closeFrame?.code), `round ${round}`);
            const has = racing.find((peer) => peer !== lost);
            await joins[racing.indexOf(has)];
            a.signal('b', 5);
            assert.deepEqual(data(await has.signals(6)), numbers(6), `round ${round}`);
            await has.leave();
        }
    });

    test('a stolen name without the secret is refused on every instance', async () => {
        const [a, b] = await pair(1);
        await b.lose();
        await a.expect('peer-away');
        for (const n of [0, 1]) {
            const thief = await Peer.connect(on.cluster.at(n), { room: a.room });
            thief.send({ type: 'join', peer: 'b', resume: { session: a.session, received: 0 } });
            const answer = await thief.next();
            assert.ok(answer.type === 'error' || answer.peer === 'a', answer.text);
            if (answer.type === 'joined') await a.ws.ended;
        }
    });
});

/** SIGTERM to one instance, from which nobody moves before the deadline. */
async function drain(cluster, index) {
    const server = cluster.at(index);
    server.signal('SIGTERM');
    return server.expectExit();
}

test('drained: who did not move is in a mailbox, and resumes elsewhere with everything in order', async (t) => {
    const config = { 'timeouts.close': '200ms' }; // what a silent client's end may take
    const cluster = await ownCluster(t, { instances: 3, config });
    const room = freshRoom();
    const b = await Peer.join(cluster.at(0), { room, peer: 'b' });
    const a = await Peer.join(cluster.at(1), { room, peer: 'a' });
    const c = await Peer.join(cluster.at(2), { room, peer: 'c' });
    for (const peer of [a, b]) await peer.until('peer-joined', { peer: 'c' });
    b.signal('a', 'before');
    await a.until('signal');
    b.freeze(); // the last ones are written to a socket that nobody reads
    for (const n of numbers(10)) a.signal('b', n);
    for (const n of numbers(10)) c.signal('b', n);
    await Promise.all([a.settle(), c.settle()]);
    await drain(cluster, 0);
    for (const n of numbers(5)) a.signal('b', 10 + n); // straight into the mailbox
    for (const n of numbers(5)) c.signal('b', 10 + n);
    await Promise.all([a.settle(), c.settle()]);
    assert.equal(a.roster.get('b').state, 'away');

    const again = await b.resume(cluster.at(2));
    assert.deepEqual([again.joined.resumed, again.id, again.joined.received], [true, 'b', 1]);
    const got = await again.signals(30);
    for (const from of ['a', 'c'])
        assert.deepEqual(data(got.filter((m) => m.from === from)), numbers(15));
    await a.until('peer-back', { peer: 'b' });
    a.signal('b', 'live');
    await again.until('signal', { data: 'live' });
    again.signal('c', 'live');
    await c.until('signal', { data: 'live' });
    await again.quiet();
    for (const peer of [a, c]) {
        const presence = ['peer-away', 'peer-back', 'peer-joined'];
        const wrong = peer.inbox.items.filter(({ type }) => !presence.includes(type));
        assert.deepEqual(wrong, []);
    }
    const keys = await cluster.keys();
    assert.deepEqual(keys.filter((key) => key.startsWith('rl:mail:')), []);
});

test('drained: a full mailbox says peer-busy', async (t) => {
    const config = { 'limits.hold_messages': 4 };
    const cluster = await ownCluster(t, { instances: 2, config });
    const room = freshRoom();
    const b = await Peer.join(cluster.at(0), { room, peer: 'b' });
    const a = await Peer.join(cluster.at(1), { room, peer: 'a' });
    await b.expect('peer-joined');
    await drain(cluster, 0);
    await a.until('peer-away');
    for (const n of numbers(6)) a.signal('b', n, n);
    for (const id of [4, 5]) await a.expectError('peer-busy', { to: 'b', id });
    const again = await b.resume(cluster.at(1));
    assert.deepEqual(data(await again.signals(4)), numbers(4));
    await again.quiet();
});

test('drained and never back: peer-left after the window, and nothing of it stays', async (t) => {
    const config = { 'session.resume_window': '1500ms' };
    const cluster = await ownCluster(t, { instances: 2, config });
    const room = freshRoom();
    await Peer.join(cluster.at(0), { room, peer: 'b' });
    const a = await Peer.join(cluster.at(1), { room, peer: 'a' });
    await drain(cluster, 0);
    await a.expect('peer-away');
    a.signal('b', 'held');
    await a.expect('peer-left', { peer: 'b', reason: 'timeout' });
    const own = (await cluster.keys()).filter((key) => key.includes(room));
    assert.deepEqual(own, [`rl:room:{${room}}`]);
    a.signal('b', 1);
    await a.expectError('peer-not-found');
});

test('drained while the drained one is the last in its room: it is back on another instance', async (t) => {
    const cluster = await ownCluster(t, { instances: 2 });
    const b = await Peer.join(cluster.at(0), { peer: 'b' });
    for (const n of numbers(3)) b.signal('b', n);
    await drain(cluster, 0);
    const again = await b.resume(cluster.at(1), { received: 0 });
    assert.equal(again.joined.resumed, true);
    assert.deepEqual(data(await again.signals(3)), numbers(3));
});

const HOW = ['lose', 'reset', 'freeze', 'cut', 'take over'];

for (const mode of [TWO_PAIRS, THREE]) {
    test(`each signal once and in order, whatever connections do (${mode.name}, seed ${seed})`, async (t) => {
        const cluster = await ownCluster(t, mode);
        const room = freshRoom();
        const clients = [];
        for (const n of numbers(4)) {
            const server = cluster.at(n % mode.instances);
            const client = await Client.join(server, { room, peer: `p${n}` });
            // Nobody signals to whom the own worker has not heard of yet.
            for (const other of clients) await other.peer.until('peer-joined', { peer: client.id });
            clients.push(client);
        }
        const count = new Map(); // 'from>to' -> how many were sent
        const lives = clients.map((me, n) =>
            live(me, clients, new Random(seed + n), count, cluster),
        );
        await Promise.all(lives);
        for (const from of clients) for (const to of clients) from.signal(to.id, 'end');
        const until = Date.now() + DEFAULT_TIMEOUT;
        const ended = (to) => clients.every((from) => to.got.get(from.id)?.at(-1) === 'end');
        for (const to of clients) while (!ended(to) && Date.now() < until) await to.settle();
        for (const to of clients) {
            assert.deepEqual([to.restarts, to.busy], [0, 0]);
            for (const from of clients) {
                const sent = count.get(`${from.id}>${to.id}`) ?? 0;
                const got = to.got.get(from.id) ?? [];
                assert.deepEqual(got, [...numbers(sent), 'end'], `${from.id} to ${to.id}`);
            }
        }
    });
}

/** Rounds of signals to random peers; most end with a new connection, on a random instance. */
async function live(me, clients, random, count, cluster) {
    for (let round = 0; round < 25; round++) {
        for (let n = random.below(6); n > 0; n--) {
            const to = random.pick(clients);
            const key = `${me.id}>${to.id}`;
            const number = count.get(key) ?? 0;
            count.set(key, number + 1);
            me.signal(to.id, number);
        }
        me.server = random.pick(cluster.servers);
        if (random.chance(0.6)) await me.reconnect(random.pick(HOW));
        else await me.settle();
    }
    await me.settle();
}
