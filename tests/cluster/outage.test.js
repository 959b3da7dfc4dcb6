// Redis is away, for a while or for long, and comes back: empty, as it was, or as somebody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { eventually, ownCluster } from '../support/cluster.js';
import { fetchOnce } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startServer } from '../support/server.js';
import { Stream } from '../support/stream.js';
import { becomesWhole } from '../support/whole.js';

const DOWN = process.env.ROOMLINE_LONG ? 120_000 : 20_000; // ms

/** Two peers on each instance, in one room; a third room within one instance. */
async function people(cluster) {
    const room = freshRoom();
    const peers = [];
    for (const [n, server] of cluster.servers.entries()) {
        for (const name of [`a${n}`, `b${n}`]) {
            const peer = await Peer.join(server, { room, peer: name });
            for (const other of peers) await other.until('peer-joined', { peer: name });
            peers.push(peer);
        }
    }
    return { room, peers };
}

async function isServing(server) {
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
    assert.equal((await fetchOnce(server, '/readyz')).status, 200);
}

/** Within an instance a call goes on, and a new one can be made, as if nothing were. */
async function localLifeGoesOn(cluster, local) {
    for (const server of cluster.servers) await isServing(server);
    await Promise.all(local.map((stream) => stream.flows(10)));
    const room = freshRoom('new');
    const caller = await Peer.join(cluster.at(0), { room, peer: 'caller', worker: 0 });
    const callee = await Peer.join(cluster.at(0), { room, peer: 'callee', worker: 0 });
    await caller.until('peer-joined');
    caller.signal('callee', 'offer');
    await callee.until('signal', { data: 'offer' });
    callee.signal('caller', 'answer');
    await caller.until('signal', { data: 'answer' });
    return { room, caller, callee };
}

const noErrors = (peers) => {
    for (const peer of peers) {
        assert.ok(!peer.ws.closed, `${peer.id} was closed`);
        const odd = peer.inbox.items.filter(
            ({ type, peer: who }) => type === 'error' || (type === 'peer-left' && /^[ab]\d$/.test(who)),
        );
        assert.deepEqual(odd.map(({ text }) => text), []);
    }
};

/** Local and far streams of the people. */
function traffic(peers, pace) {
    const [a0, b0, a1, b1] = peers;
    const local = [new Stream(a0, b0, { pace }), new Stream(b1, a1, { pace })];
    const far = [new Stream(a0, a1, { pace }), new Stream(b1, b0, { pace })];
    return { local, far };
}

test('Redis restarts empty: nobody leaves, nothing is lost, and all is in it again', async (t) => {
    const cluster = await ownCluster(t, { instances: 3 });
    const { peers } = await people(cluster);
    const { local, far } = traffic(peers, 10);
    await Promise.all([...local, ...far].map((stream) => stream.flows(5)));
    await cluster.redis.end('SIGKILL');
    await cluster.redis.start();
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all([...local, ...far].map((stream) => stream.finish()));
    noErrors(peers);
    const size = await cluster.redis.call('HLEN', `rl:room:{${peers[0].room}}`);
    assert.equal(size, peers.length + 2);
});

test(`Redis is down for ${DOWN / 1000} s: what is local goes on, the rest is told and comes back`, async (t) => {
    const cluster = await ownCluster(t, { instances: 2, workers: 1 });
    const { peers } = await people(cluster);
    const { local, far } = traffic(peers, 50);
    await Promise.all([...local, ...far].map((stream) => stream.flows(5)));
    const down = Promise.all(
        cluster.servers.map((server) => server.nextLog((line) => line.event === 'redis-down')),
    );
    await cluster.redis.end('SIGKILL');
    const began = Date.now();
    await down;
    const made = await localLifeGoesOn(cluster, local);
    // What is for another instance comes back once it has waited for as long as a lease.
    peers[0].signal('a1', 'far', 'told');
    await peers[0].until('error', { id: 'told', code: 'unavailable' }, 20_000);
    await passed(Math.max(DOWN - (Date.now() - began), 0)); // that long is what is tested
    for (const server of cluster.servers) await isServing(server);
    await Promise.all(local.map((stream) => stream.flows(5)));

    await cluster.redis.start();
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all(local.map((stream) => stream.finish()));
    await Promise.all(far.map((stream) => stream.finish({ mayFail: true })));
    // The room that came about meanwhile is everybody's now.
    const guest = await Peer.join(cluster.at(1), { room: made.room });
    assert.deepEqual([...guest.roster.keys()].sort(), ['callee', 'caller']);
    guest.signal('caller', 'hello');
    await made.caller.until('signal', { data: 'hello' });
});

test('Redis is paused by CLIENT PAUSE: all waits, nothing is lost', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, workers: 2 });
    const { peers } = await people(cluster);
    const { local, far } = traffic(peers, 50);
    await Promise.all([...local, ...far].map((stream) => stream.flows(5)));
    await cluster.redis.call('CLIENT', 'PAUSE', 2000, 'ALL');
    await Promise.all(far.map((stream) => stream.flows(20)));
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all([...local, ...far].map((stream) => stream.finish()));
    noErrors(peers);
});

test('Redis stands still (SIGSTOP) for 8 s, which is noticed, and goes on', async (t) => {
    const cluster = await ownCluster(t, { instances: 2 });
    const { peers } = await people(cluster);
    const { local, far } = traffic(peers, 100);
    await Promise.all([...local, ...far].map((stream) => stream.flows(3)));
    const noticed = Promise.all(
        cluster.servers.map((server) => server.nextLog((line) => line.event === 'redis-down')),
    );
    cluster.redis.signal('SIGSTOP');
    const began = Date.now();
    await noticed;
    await localLifeGoesOn(cluster, local);
    await passed(Math.max(8000 - (Date.now() - began), 0));
    cluster.redis.signal('SIGCONT');
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all(local.map((stream) => stream.finish()));
    await Promise.all(far.map((stream) => stream.finish({ mayFail: true })));
});

test('an instance starts without Redis: alive, not ready; ready once there is one', async (t) => {
    const cluster = await ownCluster(t, { instances: 1 });
    await cluster.redis.end('SIGKILL');
    const late = await startServer(cluster.options);
    cluster.servers.push(late);
    assert.equal((await fetchOnce(late, '/livez')).status, 200);
    assert.equal((await fetchOnce(late, '/readyz')).status, 503);
    await cluster.redis.start();
    await eventually(async () => (await fetchOnce(late, '/readyz')).status === 200, 'it is ready');
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    await Peer.join(late, { room, peer: 'b' });
    await a.until('peer-joined', { peer: 'b' });
});

test('who left while Redis was away is gone everywhere when it is back; who came is there', async (t) => {
    const cluster = await ownCluster(t, { instances: 2 });
    const { room, peers } = await people(cluster);
    const [a0, b0, a1, b1] = peers;
    await cluster.redis.end('SIGKILL');
    await b0.leave();
    await a0.until('peer-left', { peer: 'b0' });
    const joining = Peer.join(cluster.at(1), { room, peer: 'c1' });
    const c1 = await joining;
    await a1.until('peer-joined', { peer: 'c1' });
    await cluster.redis.start();
    const took = await becomesWhole(cluster, [a0, a1, b1, c1]);
    t.diagnostic(`whole after ${took} ms`);
});
