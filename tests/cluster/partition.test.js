// Hosts that can't reach each other: nobody sees a connection end, packets just do not arrive.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Client } from '../support/client.js';
import { withSteadyClock } from '../support/clock.js';
import { eventually, startCluster } from '../support/cluster.js';
import { startHaproxy } from '../support/haproxy.js';
import { openNetwork } from '../support/network.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { Stream, streamsAmong } from '../support/stream.js';
import { becomesWhole } from '../support/whole.js';

const AWAY_WITHIN = 12_000; // ms

/** Redis and two instances, each on a host of its own; null where that can't be. */
async function hostsApart(t, config = {}) {
    const network = openNetwork(t);
    if (!network) return null;
    const ends = [() => network.close()];
    t.after(async () => {
        network.heal();
        for (const end of ends.reverse()) await end();
    });
    const store = network.host('redis');
    const hosts = [network.host('near'), network.host('far')];
    const redis = await startRedis({ on: store });
    ends.push(() => redis.end());
    const cluster = await startCluster({ instances: 2, hosts, redis: [redis], config });
    ends.push(() => cluster.stop());
    return { network, store, hosts, cluster, ends };
}

/** One on the instance that stays, the others on the one that will be cut off. */
async function crowd(cluster, names, room = freshRoom()) {
    const peers = [];
    for (const [n, peer] of names.entries()) {
        const joined = await Peer.join(cluster.at(n === 0 ? 0 : 1), { room, peer });
        for (const other of peers) await other.until('peer-joined', { peer });
        peers.push(joined);
    }
    return peers;
}

function nobodyLeft(peers, names) {
    for (const { inbox } of peers) {
        const left = inbox.items.filter((m) => m.type === 'peer-left' && names.includes(m.peer));
        assert.deepEqual(left, []);
    }
}

const DIRECTIONS = {
    'in both directions': (network, one, other) => network.cut(one, other),
    'in what it sends': (network, one, other) => network.drop(one, other),
    'in what it is sent': (network, one, other) => network.drop(other, one),
};

describe('an instance cut off from Redis', { concurrency: true }, () => {
    for (const [direction, cut] of Object.entries(DIRECTIONS)) {
        test(`for less than a lease, ${direction}: nothing is lost`, async (t) => {
            const on = await hostsApart(t);
            if (!on) return;
            const [a, b, c] = await crowd(on.cluster, ['a', 'b', 'c']);
            const streams = streamsAmong([a, b], { pace: 100 });
            const local = new Stream(b, c, { pace: 50 });
            await Promise.all([...streams, local].map((stream) => stream.flows(2)));
            const { sent } = streams[0];
            cut(on.network, on.hosts[1], on.store);
            await local.flows(40);
            await eventually(() => streams[0].sent > sent + 15, 'some were sent meanwhile');
            on.network.heal();
            const took = await becomesWhole(on.cluster, [a, b, c]);
            t.diagnostic(`whole after ${took} ms`);
            await Promise.all([...streams, local].map((stream) => stream.finish()));
        });

        test(`for longer than a lease, ${direction}: away for the others, fenced once healed`, async (t) => {
            const on = await hostsApart(t, { 'session.resume_window': '30s' });
            if (!on) return;
            const { cluster, network } = on;
            const room = freshRoom();
            const [a, b, c, moving] = await crowd(cluster, ['a', 'b', 'c', 'moving'], room);
            const streams = streamsAmong([a, b], { pace: 200 });
            const local = new Stream(b, c, { pace: 100 });
            await Promise.all([...streams, local].map((stream) => stream.flows(2)));

            const began = Date.now();
            cut(network, on.hosts[1], on.store);
            await withSteadyClock(async () => {
                for (const peer of ['b', 'c', 'moving'])
                    await a.until('peer-away', { peer }, AWAY_WITHIN + 5000);
                const took = Date.now() - began;
                t.diagnostic(`away after ${took} ms`);
                assert.ok(took <= AWAY_WITHIN, `away after ${took} ms`);
            });
            const moved = await moving.resume(cluster.at(0));
            assert.deepEqual([moved.joined.resumed, moved.id], [false, 'moving']);
            const both = streamsAmong([a, moved]);
            await Promise.all(both.map((stream) => stream.flows(5)));
            // On the far side life goes on among those who are there.
            await local.flows(10);
            const d = await Peer.join(cluster.at(1), { room, peer: 'd' });
            await b.until('peer-joined', { peer: 'd' });
            assert.deepEqual([...d.roster.keys()].sort(), ['a', 'b', 'c', 'moving']);

            network.heal();
            await moving.expectClose(4009);
            const took = await becomesWhole(cluster, [a, b, c, d, moved]);
            t.diagnostic(`whole ${took} ms after the old session was closed`);
            await Promise.all(streams.map((stream) => stream.finish({ mayFail: true })));
            await Promise.all([...both, local].map((stream) => stream.finish()));
            nobodyLeft([a, b, c, d, moved], ['a', 'b', 'c', 'd', 'moving']);
        });
    }
});

/** A client that knows what it sent, and one that knows what it must have got. */
async function exactlyOnce(from, to, count) {
    const got = () => to.got.get(from.id) ?? [];
    await eventually(async () => {
        await Promise.all([from.settle(), to.settle()]);
        return got().length >= count;
    }, 'all arrived').catch(() => {}); // what is missing is told below
    assert.deepEqual([from.failed, to.failed], [[], []]);
    assert.deepEqual(got(), [...Array(count).keys()], `${from.id} to ${to.id}`);
}

describe('an instance cut off from the load balancer', { concurrency: true }, () => {
    for (const [direction, cut] of Object.entries(DIRECTIONS)) {
        test(`${direction}: its clients go elsewhere, nothing is lost or doubled`, async (t) => {
            // Who is silent for two and a half intervals is away.
            const on = await hostsApart(t, { 'session.ping_interval': '4s' });
            if (!on) return;
            const { cluster, network } = on;
            const door = network.host('haproxy');
            // The far one first: all go there until it is out.
            const servers = [cluster.at(1), cluster.at(0)];
            const haproxy = await startHaproxy(servers, { on: door, balance: 'first' });
            on.ends.push(() => haproxy.end());
            const room = freshRoom();
            const a = await Client.join(cluster.at(0), { room, peer: 'a' });
            const [quick, slow] = [
                await Client.join(haproxy, { room, peer: 'quick' }),
                await Client.join(haproxy, { room, peer: 'slow' }),
            ];
            const clients = [a, quick, slow];
            for (const peer of ['quick', 'slow']) await a.peer.until('peer-joined', { peer });
            await quick.peer.until('peer-joined', { peer: 'slow' });
            let sent = 0;
            const say = () => {
                for (const from of clients)
                    for (const to of clients) if (from !== to) from.signal(to.id, sent);
                sent++;
            };
            say();
            await Promise.all(clients.map((client) => client.settle()));
            const olds = [quick.peer, slow.peer];

            const out = haproxy.program.nextLine(/instances\/s0 is DOWN/);
            const began = Date.now();
            cut(network, on.hosts[1], door);
            await out;
            await quick.reconnect('take over');
            say(); // what the slow one says now is swallowed, or only its answers are
            await withSteadyClock(async () => {
                await a.peer.until('peer-away', { peer: 'slow' }, AWAY_WITHIN + 5000);
                const took = Date.now() - began;
                t.diagnostic(`away after ${took} ms`);
                assert.ok(took <= AWAY_WITHIN, `away after ${took} ms`);
            });
            a.signal('slow', sent); // held
            quick.signal('slow', sent);
            await slow.reconnect('take over');
            slow.signal('a', sent);
            slow.signal('quick', sent);
            a.signal('quick', sent);
            quick.signal('a', sent++);

            network.heal();
            await Promise.all(olds.map((old) => eventually(() => old.ws.closed, 'closed')));
            say();
            for (const from of clients)
                for (const to of clients) if (from !== to) await exactlyOnce(from, to, sent);
            for (const { restarts, busy, left } of clients)
                assert.deepEqual({ restarts, busy, left }, { restarts: 0, busy: 0, left: 0 });
        });
    }
});
