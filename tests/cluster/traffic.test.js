// What a signal costs Redis, and who hears of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';

/** The publishes of a MONITOR's lines: {inbox, kind} where kind is the first byte. */
function publishes(lines) {
    const pattern = /"publish" "rl:inbox:([0-9a-f]{16})" "(.)/i;
    return lines
        .map((line) => pattern.exec(line))
        .filter(Boolean)
        .map(([, inbox, kind]) => ({ inbox, kind }));
}

for (const workers of [1, 2]) {
    test(`instances that host neither peer are sent nothing (${workers} workers)`, async (t) => {
        const COUNT = 200;
        const cluster = await ownCluster(t, { instances: 3, workers });
        const room = freshRoom();
        const a = await Peer.join(cluster.at(0), { room, peer: 'a', worker: 0 });
        const b = await Peer.join(cluster.at(1), { room, peer: 'b', worker: workers - 1 });
        await a.expect('peer-joined');
        // So that the others live, too: each a room of its own.
        for (let n = 0; n < workers; n++) await Peer.join(cluster.at(2), { worker: n });
        const ids = [];
        for (const instance of [0, 1, 2]) ids.push(await cluster.workerIds(instance));
        const ends = [ids[0][0], ids[1][workers - 1]];

        const monitor = await cluster.redis.monitor();
        for (let n = 0; n < COUNT; n++) {
            a.signal('b', n);
            await b.expect('signal', { data: n });
            b.signal('a', n);
            await a.expect('signal', { data: n });
        }
        a.send({ type: 'info', info: { n: 1 } });
        await b.expect('peer-info');
        await b.lose();
        await a.expect('peer-away');
        const seen = publishes(await monitor.stop());

        const told = seen.filter(({ kind }) => kind !== 'B'); // a worker's own beat
        const strangers = told.filter(({ inbox }) => !ends.includes(inbox));
        assert.deepEqual(strangers, []);
        const packets = told.filter(({ kind }) => kind === 'L').length;
        // Each signal in a packet of its own, as each is awaited; and now and then one that acknowledges.
        assert.ok(packets >= 2 * COUNT && packets <= 2.2 * COUNT, `${packets} packets`);
    });
}

test('a signal costs Redis one PUBLISH, within an instance nothing; many of a pass go together', async (t) => {
    const COUNT = 500;
    const cluster = await ownCluster(t, { instances: 2 });
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    const c = await Peer.join(cluster.at(0), { room, peer: 'c' });
    for (const peer of [a, b]) await peer.until('peer-joined', { peer: 'c' });
    const { redis } = cluster;

    async function cost(run) {
        await redis.call('CONFIG', 'RESETSTAT');
        const began = Date.now();
        await run();
        const { publish = 0, evalsha = 0 } = await redis.commandCounts();
        // Beats and sweeps go on: both workers, every 3 s.
        const beats = 2 * (1 + (Date.now() - began) / 1000);
        assert.ok(evalsha <= 6 + beats, `${evalsha} scripts`);
        return publish;
    }

    const one = await cost(async () => {
        for (let n = 0; n < COUNT; n++) {
            a.signal('b', n);
            await b.expect('signal', { data: n });
        }
    });
    assert.ok(one >= COUNT && one <= 1.1 * COUNT + 20, `${one} for one by one`);

    const inside = await cost(async () => {
        for (let n = 0; n < COUNT; n++) {
            a.signal('c', n);
            await c.expect('signal', { data: n });
        }
    });
    assert.ok(inside <= 20, `${inside} within an instance`);

    const together = await cost(async () => {
        for (let n = 0; n < 10; n++) {
            // One write: how many passes 50 would be read in is up to the scheduler.
            a.ws.socket.cork();
            for (let k = 0; k < 50; k++) a.signal('b', k);
            a.ws.socket.uncork();
            await b.signals(50);
        }
    });
    assert.ok(together <= 10 + 20, `${together} for fifty at a time`);
});

test('a directory that knows nobody any more keeps no key but its own', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, workers: 2 });
    const room = freshRoom();
    const peers = [];
    for (let n = 0; n < 8; n++) peers.push(await Peer.join(cluster.at(n % 2), { room }));
    for (const peer of peers) await peer.leave();
    const ofWorkers = ['rl:seen', 'rl:workers', 'rl:recovering', 'rl:told', 'rl:cards'];
    const left = (await cluster.keys()).filter((key) => !ofWorkers.includes(key));
    assert.deepEqual(left, []);
    await Promise.all(cluster.servers.map((server) => server.stop()));
    assert.deepEqual(await cluster.keys(), []);
});
