// The connections to Redis break while signals flow between instances: no signal is lost, doubled
// or out of order, and no client notices.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { Stream, streamsAmong } from '../support/stream.js';

const ROUNDS = 4;

/** A peer on each instance, who all know of each other. */
async function crowd(cluster, room = freshRoom()) {
    const peers = [];
    for (const [n, server] of cluster.servers.entries()) {
        const peer = await Peer.join(server, { room, peer: `p${n}` });
        for (const other of peers) await other.until('peer-joined', { peer: peer.id });
        peers.push(peer);
    }
    return peers;
}

/** Clients noticed nothing: all they were told is in `types`. */
function noticedNothing(peers, types = []) {
    for (const peer of peers) {
        assert.ok(!peer.ws.closed);
        const told = peer.inbox.items.filter(({ type }) => !types.includes(type));
        assert.deepEqual(told.map(({ text }) => text), []);
    }
}

/** CLIENT KILL of a type; resolves to how many there were. */
const cut = (cluster, type) => cluster.redis.call('CLIENT', 'KILL', 'TYPE', type);

/** Resolves when so many subscribers and other clients are there (this one is not counted). */
async function whole(cluster) {
    const workers = cluster.servers.length * cluster.servers[0].workers.size;
    await eventually(async () => {
        const clients = (await cluster.redis.clients()).filter(({ name }) => name);
        const listening = clients.filter(({ sub }) => Number(sub) > 0).length;
        return listening === workers && clients.length === 2 * workers;
    }, `${workers} workers are connected`);
}

const CUTS = [
    ['the subscribers', ['pubsub']],
    ['the command connections', ['normal']],
    ['both at once', ['pubsub', 'normal']],
];

for (const [what, types] of CUTS) {
    for (const workers of [1, 2]) {
        test(`${what} are cut under load, again and again (${workers} workers)`, async (t) => {
            const cluster = await ownCluster(t, { instances: 3, workers });
            const peers = await crowd(cluster);
            const streams = streamsAmong(peers, { pace: 3 });
            for (let round = 0; round < ROUNDS; round++) {
                await Promise.all(streams.map((stream) => stream.flows(5)));
                const before = await Promise.all(types.map((type) => cut(cluster, type)));
                assert.ok(before.every((count) => count >= 3), `${before} were cut`);
                await whole(cluster);
            }
            await Promise.all(streams.map((stream) => stream.finish()));
            noticedNothing(peers);
            const late = await Peer.join(cluster.at(0), { room: peers[0].room });
            assert.deepEqual([...late.roster.keys()].sort(), peers.map(({ id }) => id));
        });
    }
}

test('one connection is cut after the other, at any moment', async (t) => {
    const cluster = await ownCluster(t, { instances: 2 });
    const peers = await crowd(cluster);
    const streams = streamsAmong(peers, { pace: 1 });
    for (let round = 0; round < 6 * ROUNDS; round++) {
        await streams[round % streams.length].flows(3);
        const clients = (await cluster.redis.clients()).filter(({ name }) => name);
        const { id } = clients[round % Math.max(clients.length, 1)] ?? {};
        if (id) await cluster.redis.call('CLIENT', 'KILL', 'ID', id);
    }
    await Promise.all(streams.map((stream) => stream.finish()));
    noticedNothing(peers);
});

/** As a client resumes: what the new holder can't ask Redis for now is asked for again. */
function resume(peer, server) {
    const once = () =>
        peer.resume(server).catch(({ message }) => {
            assert.match(message, /"code":"unavailable"/);
            return null;
        });
    return eventually(once, `${peer.id} resumes`);
}

test('joins, leaves and losses while connections are cut: rosters are right', async (t) => {
    const config = { 'session.resume_window': '20s' };
    const cluster = await ownCluster(t, { instances: 3, config });
    const room = freshRoom();
    const watchers = await crowd(cluster, room);
    const expected = new Set();
    for (let n = 0; n < 18; n++) {
        const kind = n % 2 ? 'pubsub' : 'normal';
        await whole(cluster); // without Redis for long, a worker lets peers in on its own
        const [peer] = await Promise.all([
            Peer.join(cluster.at(n % 3), { room, peer: `x${n}` }),
            cut(cluster, kind),
        ]);
        if (n % 3 === 0) {
            expected.add(peer.id);
        } else if (n % 3 === 1) {
            await peer.leave();
        } else {
            await peer.lose();
            await whole(cluster);
            const [again] = await Promise.all([
                resume(peer, cluster.at((n + 1) % 3)),
                cut(cluster, kind),
            ]);
            assert.equal(again.joined.resumed, true);
            assert.equal(again.id, peer.id);
            expected.add(again.id);
        }
    }
    const here = (peer) =>
        [...peer.roster.values()]
            .filter(({ state, peer: id }) => state === 'here' && id.startsWith('x'))
            .map(({ peer: id }) => id)
            .sort();
    const right = [...expected].sort();
    for (const watcher of watchers) {
        await eventually(
            () => here(watcher).length === right.length && watcher.roster.size === right.length + 2,
            `${watcher.id} sees ${right.length}`,
            5000,
        ).catch(() => {});
        assert.deepEqual(here(watcher), right);
    }
    for (const server of cluster.servers) {
        const fresh = await Peer.join(server, { room });
        assert.deepEqual(here(fresh), right);
        await fresh.leave();
    }
});

test('a subscriber that Redis cuts for its full output buffer loses nothing', async (t) => {
    // What is published within one pass of Redis' loop goes over the hard limit.
    const redis = { config: { 'client-output-buffer-limit': 'pubsub 64kb 64kb 0' } };
    const cluster = await ownCluster(t, { instances: 2, redis });
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    await a.expect('peer-joined');
    const slow = new Stream(a, b, { pace: 10 });
    await slow.flows(5);
    const [worker] = cluster.at(1).workers.values();
    process.kill(worker, 'SIGSTOP');
    const isCut = async () => {
        const clients = await cluster.redis.clients();
        return clients.filter(({ sub }) => Number(sub) > 0).length === 1;
    };
    // Kernel buffers take some megabytes before Redis' own do.
    const big = 'x'.repeat(60_000);
    let sent = 0;
    while (!(await isCut())) {
        assert.ok(sent < 1000, 'it was never cut');
        a.signal('b', ['big', sent++, big]);
        await a.settle();
    }
    process.kill(worker, 'SIGCONT');
    await slow.finish({ mayFail: true });
    const got = b.inbox.items
        .filter((m) => m.type === 'signal' && m.data[0] === 'big')
        .map((m) => m.data[1]);
    const back = a.inbox.items.filter((m) => m.code).map((m) => m.code);
    assert.ok(back.every((code) => code === 'unavailable' || code === 'peer-busy'), `${back}`);
    got.forEach((n, i) => assert.ok(i === 0 || n > got[i - 1], `${n} after ${got[i - 1]}`));
    const late = await Peer.join(cluster.at(1), { room });
    assert.equal(late.roster.size, 2);
});
