// Three sentinels watch a master and its replica; the master changes under traffic.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis, startSentinels } from '../support/redis.js';
import { RespConnection } from '../support/resp.js';
import { Stream, streamsAmong } from '../support/stream.js';
import { becomesWhole } from '../support/whole.js';

/** A master, its replica and three sentinels that know of both. */
async function watched(t) {
    const master = await startRedis();
    t.after(() => master.end());
    const config = { replicaof: `127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay': 0 };
    const replica = await startRedis({ config });
    t.after(() => replica.end());
    await eventually(
        async () => /master_link_status:up/.test(await replica.call('INFO', 'replication')),
        'the replica follows',
    );
    const sentinels = await startSentinels(master);
    t.after(() => sentinels.end());
    for (const { program } of sentinels.sentinels) await program.waitLine(/\+slave slave/, 20_000);
    return { master, replica, sentinels };
}

async function crowd(cluster) {
    const room = freshRoom();
    const peers = [];
    for (const [n, server] of cluster.servers.entries()) {
        for (const name of [`a${n}`, `b${n}`]) {
            const peer = await Peer.join(server, { room, peer: name });
            for (const other of peers) await other.until('peer-joined', { peer: name });
            peers.push(peer);
        }
    }
    return peers;
}

// While it changes its role a Redis closes its connections.
const isMaster = async (redis) =>
    /role:master/.test(await redis.call('INFO', 'replication').catch(() => ''));

const ours = async (redis) =>
    (await redis.clients().catch(() => [])).filter(({ name }) => name?.startsWith('roomline'));

/** Resolves once every worker has left for the new master. */
async function moved(cluster, to) {
    const workers = cluster.servers.length;
    const isThere = async () => (await ours(to)).length === 2 * workers;
    await eventually(isThere, 'all are on the new master', 20_000);
}

function noErrors(peers) {
    for (const peer of peers) {
        assert.ok(!peer.ws.closed, `${peer.id} was closed`);
        const left = peer.inbox.items.filter(({ type }) => type === 'peer-left');
        assert.deepEqual(left.filter(({ peer: id }) => /^[ab]\d$/.test(id)), []);
    }
}

test('a failover by command: all follow, nothing is lost', async (t) => {
    const { master, replica, sentinels } = await watched(t);
    const cluster = await ownCluster(t, { redis: [master], url: sentinels.url });
    const peers = await crowd(cluster);
    const streams = streamsAmong([peers[0], peers[2]], { pace: 20 });
    await Promise.all(streams.map((stream) => stream.flows(5)));
    const [{ port }] = sentinels.sentinels;
    const sentinel = await RespConnection.open({ host: '127.0.0.1', port });
    await sentinel.call('SENTINEL', 'FAILOVER', 'main');
    sentinel.close();
    await eventually(() => isMaster(replica), 'the replica is the master', 20_000);
    await moved(cluster, replica);
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all(streams.map((stream) => stream.finish()));
    noErrors(peers);
});

test('the master stands still, is replaced, and comes back as if it were still one', async (t) => {
    const { master, replica, sentinels } = await watched(t);
    const cluster = await ownCluster(t, { redis: [master], url: sentinels.url });
    const peers = await crowd(cluster);
    const local = new Stream(peers[0], peers[1], { pace: 50 });
    const far = streamsAmong([peers[0], peers[2]], { pace: 100 });
    await Promise.all([local, ...far].map((stream) => stream.flows(3)));
    master.signal('SIGSTOP');
    await eventually(() => isMaster(replica), 'the replica is the master', 20_000);
    master.signal('SIGCONT'); // it takes the sentinels a while to tell it
    await moved(cluster, replica);
    const took = await becomesWhole(cluster, peers);
    t.diagnostic(`whole after ${took} ms`);
    // One who joins now, and what is sent now, is known to all: nobody listens to the old one.
    const late = await Peer.join(cluster.at(1), { room: peers[0].room, peer: 'late' });
    await peers[0].until('peer-joined', { peer: 'late' });
    peers[0].signal('late', 'hello');
    await late.until('signal', { data: 'hello' });
    await late.leave();
    await Promise.all([local, ...far].map((stream) => stream.flows(5)));
    await local.finish();
    await Promise.all(far.map((stream) => stream.finish({ mayFail: true })));
    noErrors(peers);
    await eventually(async () => (await ours(master)).length === 0, 'the old one is left');
});

test('sentinels are away: who has a master keeps it', async (t) => {
    const { master, sentinels } = await watched(t);
    const cluster = await ownCluster(t, { redis: [master], url: sentinels.url });
    const peers = await crowd(cluster);
    const streams = streamsAmong([peers[0], peers[2]], { pace: 20 });
    await sentinels.end();
    await Promise.all(streams.map((stream) => stream.flows(100)));
    await becomesWhole(cluster, peers);
    await Promise.all(streams.map((stream) => stream.finish()));
    noErrors(peers);
});
