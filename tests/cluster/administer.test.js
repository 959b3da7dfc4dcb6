// What administrators ask of one instance holds on all of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WITH_ADMIN, ask } from '../support/admin.js';
import { clusterSuite, eventually, ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { TWO, TWO_PAIRS } from './modes.js';

async function does(server, status, method, path, options = {}) {
    const answer = await ask(server, method, path, options);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.body}`);
    return answer.json;
}

/** ann on the first instance, ben on the second. */
async function meet(on, room = freshRoom()) {
    const ann = await Peer.join(on.cluster.at(0), { room, peer: 'ann' });
    const ben = await Peer.join(on.cluster.at(1), { room, peer: 'ben' });
    await ann.expect('peer-joined', { peer: 'ben' });
    return { room, path: `/v1/rooms/${room}`, ann, ben };
}

const refused = async (server, room, peer, code, close) => {
    const late = await Peer.connect(server, { room });
    late.send({ type: 'join', peer });
    await late.expectError(code);
    await late.expectClose(close);
};

clusterSuite('administered', [TWO, TWO_PAIRS], WITH_ADMIN, (on) => {
    test('a room is listed and described by any of them', async () => {
        const { room, path } = await meet(on);
        for (const n of [0, 1]) {
            const { rooms, missing } = await does(on.cluster.at(n), 200, 'GET', `/v1/rooms?prefix=${room}`);
            assert.deepEqual([rooms.map((one) => one.room), missing], [[room], []]);
            assert.equal(rooms[0].peers, 2);
            const { peers } = await does(on.cluster.at(n), 200, 'GET', path);
            assert.equal(new Set(peers.map((one) => one.instance)).size, 2);
        }
    });

    test('the instances know of each other', async () => {
        const names = await eventually(async () => {
            const { instances } = await does(on.cluster.at(0), 200, 'GET', '/v1/instances');
            return instances.length === 2 && instances.map((one) => one.instance);
        }, 'two instances');
        const { instances } = await does(on.cluster.at(1), 200, 'GET', '/v1/instances');
        assert.deepEqual(instances.map((one) => one.instance).sort(), names.sort());
    });

    test('a peer is removed from afar, and its resume is in vain', async () => {
        const { path, room, ann, ben } = await meet(on);
        await does(on.cluster.at(0), 200, 'DELETE', `${path}/peers/ben?ban=60`);
        await ben.expectClose(4005);
        await ann.expect('peer-left', { peer: 'ben', reason: 'kicked' });
        await refused(on.cluster.at(0), room, 'ben', 'forbidden', 4003);
        const again = await Peer.connect(on.cluster.at(0), { room });
        again.send({ type: 'join', resume: { session: ben.session, received: 0 } });
        await again.expectError('forbidden');
        await again.expectClose(4005);
    });

    test('a lock holds on all of them', async () => {
        const { path, room } = await meet(on);
        await does(on.cluster.at(1), 200, 'PUT', path, { body: { locked: true } });
        for (const n of [0, 1]) await refused(on.cluster.at(n), room, 'late', 'room-locked', 4007);
    });

    test('a notice reaches everybody', async () => {
        const { path, ann, ben } = await meet(on);
        await does(on.cluster.at(1), 200, 'POST', `${path}/notices`, { body: { data: { n: 1 } } });
        await ann.expect('notice', { data: { n: 1 } });
        await ben.expect('notice', { data: { n: 1 } });
    });

    test('a closed room is closed for all, and may be joined anew', async () => {
        const { path, room, ann, ben } = await meet(on);
        await does(on.cluster.at(1), 200, 'DELETE', path);
        await ann.expectClose(4004);
        await ben.expectClose(4004);
        const next = await Peer.join(on.cluster.at(0), { room, peer: 'ben' });
        assert.equal(next.roster.size, 0);
    });

    test('a Redis that was emptied is told of locks and bans again', async () => {
        const { path, room, ann } = await meet(on);
        await does(on.cluster.at(0), 200, 'DELETE', `${path}/peers/ben?ban=600`);
        await ann.expect('peer-left', { peer: 'ben' });
        await on.cluster.redis.call('FLUSHALL');
        await eventually(async () => {
            const { peers } = (await ask(on.cluster.at(1), 'GET', path)).json;
            return peers?.length === 1;
        }, 'ann is known again');
        await refused(on.cluster.at(1), room, 'ben', 'forbidden', 4003);
    });
});

test('rooms are listed over all shards, and one that is away is named', async (t) => {
    const redis = [await startRedis(), await startRedis()];
    for (const one of redis) t.after(() => one.end());
    const cluster = await ownCluster(t, { instances: 1, redis, ...WITH_ADMIN });
    const server = cluster.at(0);
    const names = Array.from({ length: 16 }, (_, n) => `r${String.fromCharCode(97 + n)}`);
    for (const name of names) await does(server, 201, 'PUT', `/v1/rooms/${name}`, { body: { emptyTtl: 600 } });
    const listed = [];
    for (let query = 'limit=5', pages = 0; query !== null && pages < 10; pages++) {
        const page = await does(server, 200, 'GET', `/v1/rooms?${query}`);
        listed.push(...page.rooms.map((one) => one.room));
        query = page.next ? `limit=5&cursor=${encodeURIComponent(page.next)}` : null;
    }
    assert.deepEqual(listed, names);
    await redis[1].end('SIGKILL');
    const left = await eventually(async () => {
        const page = (await ask(server, 'GET', '/v1/rooms?limit=100')).json;
        return page.missing?.length === 1 && page;
    }, 'a shard is missing');
    assert.ok(left.rooms.length > 0 && left.rooms.length < names.length, `${left.rooms.length}`);
    assert.ok(left.missing[0].includes(String(redis[1].port)), left.missing[0]);
    await redis[1].start();
    await eventually(async () => {
        const page = (await ask(server, 'GET', '/v1/rooms?limit=100')).json;
        return page.missing?.length === 0;
    }, 'none is missing');
});
