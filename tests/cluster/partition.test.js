// One instance's way to Redis goes wrong, while all others have theirs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, startCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startServer } from '../support/server.js';
import { Stream, streamsAmong } from '../support/stream.js';
import { openWay } from '../support/way.js';
import { becomesWhole } from '../support/whole.js';

/** An instance with a good way, and one with a way that can be made to fail; a peer on each. */
async function setUp(t, config = {}) {
    const cluster = await startCluster({ instances: 1, config });
    const way = await openWay(cluster.redis.port);
    t.after(async () => {
        way.filter = null;
        way.flow();
        await cluster.stop();
        way.close();
    });
    const { args, ...rest } = cluster.options;
    const server = await startServer({ ...rest, args: ['--redis', way.url] });
    cluster.servers.push(server);
    await server.waitLog((line) => line.event === 'store-ready');
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    const c = await Peer.join(cluster.at(1), { room, peer: 'c' });
    for (const peer of [a, b]) await peer.until('peer-joined', { peer: 'c' });
    return { cluster, way, room, a, b, c };
}

test('a subscription that looks alive and hears nothing is noticed within 30 s and made anew', async (t) => {
    const { cluster, way, a, b, c } = await setUp(t);
    const streams = streamsAmong([a, b], { pace: 200 });
    await Promise.all(streams.map((stream) => stream.flows(2)));
    // What is published is swallowed, answers to PING are not.
    way.filter = (chunk) => (chunk.includes('$7\r\nmessage\r\n') ? null : chunk);
    const began = Date.now();
    await cluster.at(1).nextLog((line) => line.event === 'inbox-deaf', 30_000);
    t.diagnostic(`noticed after ${Date.now() - began} ms`);
    way.filter = null;
    await becomesWhole(cluster, [a, b, c]);
    await Promise.all(streams.map((stream) => stream.finish({ mayFail: true })));
});

test('the way stalls for less than a lease: nothing is lost', async (t) => {
    const { cluster, way, a, b, c } = await setUp(t);
    const streams = streamsAmong([a, b], { pace: 100 });
    const local = new Stream(b, c, { pace: 50 });
    await Promise.all([...streams, local].map((stream) => stream.flows(2)));
    const { sent } = streams[0];
    way.stall();
    await local.flows(40);
    await eventually(() => streams[0].sent > sent + 15, 'some were sent meanwhile');
    way.flow();
    const took = await becomesWhole(cluster, [a, b, c]);
    t.diagnostic(`whole after ${took} ms`);
    await Promise.all([...streams, local].map((stream) => stream.finish()));
});

test('cut off for longer than a lease: away for the others, local life goes on, back again', async (t) => {
    const { cluster, way, room, a, b, c } = await setUp(t, { 'session.resume_window': '30s' });
    const local = new Stream(b, c, { pace: 100 });
    await local.flows(2);
    const began = Date.now();
    way.stall();
    for (const id of ['b', 'c']) await a.until('peer-away', { peer: id }, 15_000);
    assert.ok(Date.now() - began <= 12_000, `away after ${Date.now() - began} ms`);
    await local.flows(10);
    const d = await Peer.join(cluster.at(1), { room, peer: 'd' }); // known there alone
    await b.until('peer-joined', { peer: 'd' });
    assert.deepEqual([...d.roster.keys()].sort(), ['a', 'b', 'c']);
    way.flow();
    const took = await becomesWhole(cluster, [a, b, c, d]);
    t.diagnostic(`whole after ${took} ms`);
    await local.finish();
    for (const peer of [a, b, c, d])
        assert.deepEqual(
            peer.inbox.items.filter(({ type, peer: id }) => type === 'peer-left' && id.length === 1),
            [],
        );
});
