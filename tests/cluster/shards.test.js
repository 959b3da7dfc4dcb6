// Rooms spread over two Redis servers, of which one goes and comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { streamsAmong } from '../support/stream.js';
import { becomesWhole } from '../support/whole.js';

async function sharded(t) {
    const redis = [];
    for (let n = 0; n < 2; n++) {
        const one = await startRedis();
        t.after(() => one.end());
        redis.push(one);
    }
    return { redis, cluster: await ownCluster(t, { instances: 2, workers: 2, redis }) };
}

const has = async (redis, room) => (await redis.call('EXISTS', `rl:room:{${room}}`)) === 1;

/** A room of one peer on each instance, and on which shard it is. */
async function meet({ redis, cluster }, room = freshRoom()) {
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    await a.until('peer-joined', { peer: 'b' });
    const places = await Promise.all(redis.map((one) => has(one, room)));
    assert.equal(places.filter(Boolean).length, 1, 'a room is on one shard');
    return { room, peers: [a, b], shard: places.indexOf(true) };
}

/** One room on each shard. */
async function meetOnEach(on) {
    const rooms = [];
    while (!rooms[0] || !rooms[1]) {
        const met = await meet(on);
        rooms[met.shard] = met;
    }
    return rooms;
}

test('rooms are spread over the shards, and each instance finds them on the same', async (t) => {
    const on = await sharded(t);
    const counts = [0, 0];
    for (let n = 0; n < 24; n++) {
        const { peers, shard } = await meet(on);
        const [a, b] = peers;
        a.signal('b', n);
        await b.until('signal', { data: n });
        counts[shard]++;
    }
    assert.ok(Math.min(...counts) >= 3, `${counts}`);
});

test('a shard that is away disturbs no room of the other, and is whole when it is back', async (t) => {
    const on = await sharded(t);
    const [gone, other] = await meetOnEach(on);
    const streams = streamsAmong(other.peers, { pace: 5 });
    await Promise.all(streams.map((stream) => stream.flows(5)));
    await on.redis[0].end('SIGKILL');
    await Promise.all(streams.map((stream) => stream.flows(200)));
    const late = await Peer.join(on.cluster.at(0), { room: other.room, peer: 'late' });
    assert.deepEqual([...late.roster.keys()].sort(), ['a', 'b']);
    for (const peer of other.peers) await peer.until('peer-joined', { peer: 'late' });
    await on.redis[0].start();
    await becomesWhole(on.cluster, gone.peers);
    await Promise.all(streams.map((stream) => stream.finish()));
    const odd = other.peers.flatMap(({ inbox }) => inbox.items.map(({ text }) => text));
    assert.deepEqual(odd, []);
});
