// A subscription that looks alive and hears nothing.

import { test } from 'node:test';
import { startCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startServer } from '../support/server.js';
import { streamsAmong } from '../support/stream.js';
import { openWay } from '../support/way.js';
import { becomesWhole } from '../support/whole.js';

/** An instance with a good way to Redis, and one with a way that can be made to fail. */
async function setUp(t) {
    const cluster = await startCluster({ instances: 1 });
    const way = await openWay(cluster.redis.port);
    t.after(async () => {
        way.filter = null;
        await cluster.stop();
        way.close();
    });
    const { args, ...rest } = cluster.options;
    const server = await startServer({ ...rest, args: ['--redis', way.url] });
    cluster.servers.push(server);
    await server.waitLog((line) => line.event === 'store-ready');
    return { cluster, way };
}

test('it is noticed within 30 s and made anew', async (t) => {
    const { cluster, way } = await setUp(t);
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    await a.until('peer-joined', { peer: 'b' });
    const streams = streamsAmong([a, b], { pace: 200 });
    await Promise.all(streams.map((stream) => stream.flows(2)));
    // What is published is swallowed, answers to PING are not.
    way.filter = (chunk) => (chunk.includes('$7\r\nmessage\r\n') ? null : chunk);
    const began = Date.now();
    await cluster.at(1).nextLog((line) => line.event === 'inbox-deaf', 30_000);
    t.diagnostic(`noticed after ${Date.now() - began} ms`);
    way.filter = null;
    await becomesWhole(cluster, [a, b]);
    await Promise.all(streams.map((stream) => stream.finish({ mayFail: true })));
});
