// The admin API of a cluster: whichever instance is asked, it is the same rooms.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATTERNS, WITH_ADMIN, askBy, note } from '../support/admin.js';
import { clusterSuite, eventually, ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { TWO, TWO_PAIRS } from './modes.js';

const { ROOMS, ROOM, PEER, NOTICES, INSTANCES, DRAIN } = PATTERNS;

/** Asks again while Redis is out of reach for a moment, as it is for who starts or is starved. */
async function call(server, method, pattern, expected, options) {
    const answer = await eventually(async () => {
        const one = await askBy(server, method, pattern, options);
        return (one.status !== 503 || expected === 503) && one;
    }, `${method} ${pattern} is available`);
    return note(method, pattern, answer, expected);
}

/** The name that an instance goes by. */
const nameOf = ({ logs }) => logs.find(({ event }) => event === 'ready').instance;

/** The instances, as one of them tells; every worker says who it is with its next beat. */
function instancesOf(server, count, workers) {
    return eventually(async () => {
        const { instances } = (await call(server, 'GET', INSTANCES, 200)).json;
        const all = instances.filter((one) => one.workers === workers && one.answers);
        return all.length === count && instances;
    }, `${count} instances with ${workers} workers each`);
}

clusterSuite('admin', [TWO, TWO_PAIRS], WITH_ADMIN, (on) => {
    test('a room that one instance made is there on the other', async () => {
        const [here, there] = on.cluster.servers;
        const room = freshRoom();
        const body = { maxPeers: 3, emptyTtl: 60, metadata: { made: 'here' } };
        const made = await call(here, 'PUT', ROOM, 201, { room, body });
        const read = await call(there, 'GET', ROOM, 200, { room });
        assert.deepEqual(read.json, { ...made.json, peers: [] });
        const { etag } = read.headers;
        await call(there, 'PUT', ROOM, 200, { room, body: { locked: true }, headers: { 'If-Match': etag } });
        await call(here, 'PUT', ROOM, 412, { room, body: {}, headers: { 'If-Match': etag } });
        await assert.rejects(Peer.join(here, { room }), /room-locked/);
        assert.equal((await call(here, 'DELETE', ROOM, 200, { room })).json.peers, 0);
        await call(there, 'GET', ROOM, 404, { room });
    });

    test('peers on both are seen and steered from either', async () => {
        const [here, there] = on.cluster.servers;
        const room = freshRoom();
        const a = await Peer.join(here, { room, peer: 'a', info: { n: 1 } });
        const b = await Peer.join(there, { room, peer: 'b' });
        await a.expect('peer-joined', { peer: 'b' });
        await instancesOf(here, 2, on.mode.workers);
        const [first, second] = await Promise.all(
            [here, there].map(async (one) => (await call(one, 'GET', ROOM, 200, { room })).json),
        );
        const sorted = (peers) => peers.sort((x, y) => (x.peer < y.peer ? -1 : 1));
        assert.deepEqual(sorted(first.peers), sorted(second.peers));
        const [one, two] = first.peers;
        assert.deepEqual([one.peer, one.info, one.state, one.address], ['a', { n: 1 }, 'here', '127.0.0.1']);
        assert.deepEqual([one.instance, two.instance], [nameOf(here), nameOf(there)]);

        const notice = await call(there, 'POST', NOTICES, 200, { room, body: { data: 'all' } });
        assert.equal(notice.json.reached, 2);
        for (const peer of [a, b]) await peer.expect('notice', { data: 'all' });
        assert.equal((await call(there, 'DELETE', PEER, 200, { room, peer: 'a' })).json.kicked, true);
        await a.expectClose(4005);
        await b.expect('peer-left', { peer: 'a', reason: 'kicked' });
        await call(here, 'DELETE', ROOM, 200, { room });
        await b.expectClose(4004);
    });

    test('a list of all rooms', async () => {
        const prefix = freshRoom('list');
        const names = Array.from({ length: 9 }, (_, i) => `${prefix}-${i}`);
        const peers = await Promise.all(
            names.map((room, i) => Peer.join(on.cluster.at(i % 2), { room, peer: 'a' })),
        );
        for (const server of on.cluster.servers) {
            const told = [];
            for (let cursor = ''; cursor !== undefined; ) {
                const query = `?limit=4&prefix=${prefix}${cursor && `&cursor=${cursor}`}`;
                const { json } = await call(server, 'GET', ROOMS, 200, { query });
                told.push(...json.rooms);
                cursor = json.next;
            }
            assert.deepEqual(told, names.map((room) => ({ room, peers: 1, locked: false })));
        }
        for (const peer of peers) await peer.leave();
    });
});

test('an instance is drained where it is asked itself, and the others hear of it', async (t) => {
    const config = { 'drain.linger': '60s', 'drain.deadline': '60s' };
    const cluster = await ownCluster(t, { ...TWO, ...WITH_ADMIN, config });
    const [here, there] = cluster.servers;
    const instances = await instancesOf(here, 2, 1);
    assert.deepEqual(instances.map(({ instance }) => instance).sort(), [nameOf(here), nameOf(there)].sort());
    for (const one of [here, there])
        assert.equal((await call(one, 'GET', INSTANCES, 200)).json.self, nameOf(one));
    await Peer.join(there, { room: freshRoom() }); // so that it lingers
    await call(here, 'POST', DRAIN, 404, { instance: 'nobody' });
    await call(here, 'POST', DRAIN, 409, { instance: nameOf(there) });
    await call(there, 'POST', DRAIN, 202, { instance: nameOf(there) });
    await eventually(async () => {
        const { instances: now } = (await call(here, 'GET', INSTANCES, 200)).json;
        return now.find(({ instance }) => instance === nameOf(there)).draining;
    }, 'the other is draining');
    there.signal('SIGTERM');
    await there.expectExit();
});

test('a Redis that is away is named, and what needs it is unavailable', async (t) => {
    const redis = [await startRedis(), await startRedis()];
    t.after(() => Promise.all(redis.map((one) => one.end())));
    const { servers } = await ownCluster(t, { ...TWO, ...WITH_ADMIN, redis });
    await instancesOf(servers[0], 2, 1);
    const prefix = freshRoom('shard');
    const rooms = Array.from({ length: 16 }, (_, i) => `${prefix}-${i}`);
    for (const room of rooms) await call(servers[0], 'PUT', ROOM, 201, { room, body: { emptyTtl: 600 } });
    await redis[0].end('SIGKILL');
    const listed = await eventually(async () => {
        const { json } = await call(servers[1], 'GET', ROOMS, 200, { query: `?prefix=${prefix}` });
        return json.missing.length > 0 && json;
    }, 'a missing shard');
    assert.deepEqual(listed.missing, [`127.0.0.1:${redis[0].port}`]);
    assert.ok(listed.rooms.length > 0 && listed.rooms.length < 16);
    const there = listed.rooms.map(({ room }) => room);
    await call(servers[0], 'GET', ROOM, 200, { room: there[0] });
    const away = rooms.find((room) => !there.includes(room));
    await eventually(
        async () => (await askBy(servers[0], 'GET', ROOM, { room: away })).status === 503,
        'a room that is away',
    );
    await call(servers[0], 'GET', ROOM, 503, { room: away });
    await redis[1].end('SIGKILL');
    await eventually(
        async () => (await askBy(servers[0], 'GET', INSTANCES)).status === 503,
        'no instance can be told of',
    );
    await call(servers[0], 'GET', INSTANCES, 503);
    await call(servers[0], 'POST', DRAIN, 503, { instance: 'another' });
    await redis[0].start();
    await redis[1].start();
});
