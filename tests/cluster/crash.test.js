// Workers and whole instances end without a word, or stand still and come back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { withSteadyClock } from '../support/clock.js';
import { eventually, ownCluster } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { streamsAmong } from '../support/stream.js';

const LEASE = 10_000; // ms
const WINDOW = 3000;
const FROZEN = process.env.ROOMLINE_LONG ? 30_000 : 0; // ms that an instance stands still at least; some 12 s it takes anyway
const config = { 'session.resume_window': `${WINDOW}ms` };

async function crowd(cluster, places, room = freshRoom()) {
    const peers = [];
    for (const [instance, worker, peer] of places) {
        const joined = await Peer.join(cluster.at(instance), { room, peer, worker });
        for (const other of peers) await other.until('peer-joined', { peer });
        peers.push(joined);
    }
    return peers;
}

test('kill -9 of a worker: the other instances see its peers away at once, and the rest goes on', async (t) => {
    const cluster = await ownCluster(t, { instances: 3, workers: 2, config });
    const [dead, beside, far, third] = await crowd(cluster, [
        [0, 0, 'dead'],
        [0, 1, 'beside'],
        [1, 0, 'far'],
        [2, 1, 'third'],
    ]);
    const streams = streamsAmong([beside, far, third]);
    await Promise.all(streams.map((stream) => stream.flows(5)));
    const restarted = cluster.at(0).nextLog((line) => line.event === 'worker-started');
    const began = Date.now();
    process.kill(cluster.at(0).workers.get(0), 'SIGKILL');
    for (const peer of [beside, far, third]) await peer.until('peer-away', { peer: 'dead' });
    assert.ok(Date.now() - began < 3000, `only after ${Date.now() - began} ms`);
    far.signal('dead', 1, 'x');
    await far.until('error', { code: 'unavailable', to: 'dead', id: 'x' });
    const again = await dead.resume(cluster.at(1));
    assert.deepEqual([again.joined.resumed, again.id], [false, 'dead']);
    for (const peer of [beside, far, third]) await peer.until('peer-back', { peer: 'dead' });
    far.signal('dead', 2);
    await again.until('signal', { from: 'far', data: 2 });
    await restarted;
    await Promise.all(streams.map((stream) => stream.finish()));
});

test('an instance dies: away within 12 s, left after the window, no key of it stays', async (t) => {
    const cluster = await ownCluster(t, { instances: 3, workers: 2, config });
    const dead = await cluster.workerIds(0);
    const [, , far, third] = await crowd(cluster, [
        [0, 0, 'dead0'],
        [0, 1, 'dead1'],
        [1, 0, 'far'],
        [2, 1, 'third'],
    ]);
    // A room that nobody else is in, and many small ones.
    for (let n = 0; n < 40; n++) await Peer.join(cluster.at(0), { peer: 'alone' });
    const streams = streamsAmong([far, third], { pace: 20 });
    const began = Date.now();
    await cluster.at(0).crash();
    await withSteadyClock(async () => {
        for (const peer of [far, third])
            for (const id of ['dead0', 'dead1'])
                await peer.until('peer-away', { peer: id }, LEASE + 5000);
        const away = Date.now();
        assert.ok(away - began <= LEASE + 2000, `away after ${away - began} ms`);
        for (const peer of [far, third])
            for (const id of ['dead0', 'dead1'])
                await peer.until('peer-left', { peer: id, reason: 'timeout' }, WINDOW + 5000);
        assert.ok(Date.now() - away >= WINDOW - 100, `left after ${Date.now() - away} ms`);
    });
    await Promise.all(streams.map((stream) => stream.finish()));
    await eventually(async () => {
        const keys = await cluster.keys();
        const rooms = keys.filter((key) => key.startsWith('rl:room:'));
        return rooms.length === 1 && !dead.some((id) => keys.some((key) => key.includes(id)));
    }, 'no key of it stays');
    const workers = await cluster.redis.call('ZRANGE', 'rl:workers', 0, -1);
    assert.equal(workers.length, 4);
    for (const id of dead) assert.ok(!workers.includes(id), `${id} is still a worker`);
    assert.deepEqual(await cluster.redis.call('ZRANGE', 'rl:orphans', 0, -1), []);
});

test('an instance dies: its peers come back elsewhere at once, not after its lease', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, config: { 'session.resume_window': '30s' } });
    const [a, b, far] = await crowd(cluster, [
        [0, 0, 'a'],
        [0, 0, 'b'],
        [1, 0, 'far'],
    ]);
    far.signal('a', 'seen');
    await a.until('signal');
    await cluster.at(0).crash();
    const began = Date.now();
    // Nobody knows yet that it is dead: the claim has to be given up.
    const [a2, b2] = await Promise.all([a.resume(cluster.at(1)), b.resume(cluster.at(1))]);
    assert.ok(Date.now() - began < 3000, `only after ${Date.now() - began} ms`);
    assert.deepEqual([a2.joined.resumed, a2.id], [false, 'a']);
    assert.deepEqual([b2.joined.resumed, b2.id], [false, 'b']);
    assert.deepEqual([...a2.roster.keys()].sort(), ['b', 'far']);
    far.signal('a', 'again');
    await a2.until('signal', { from: 'far', data: 'again' });
    a2.signal('b', 'to b');
    await b2.until('signal', { from: 'a', data: 'to b' });
    const left = far.inbox.items.filter(({ type }) => type === 'peer-left');
    assert.deepEqual(left, []);
});

test('an instance dies: signals to its peers come back, never silence', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, config });
    const [, far] = await crowd(cluster, [
        [0, 0, 'dead'],
        [1, 0, 'far'],
    ]);
    await cluster.at(0).crash();
    for (let n = 0; n < 20; n++) far.signal('dead', n, n);
    const errors = [];
    while (errors.length < 20) errors.push(await far.until('error', {}, LEASE + 5000));
    assert.deepEqual(
        errors.map(({ code, id }) => [code, id]),
        [...Array(20).keys()].map((n) => ['unavailable', n]),
    );
    far.signal('dead', 'x', 'x');
    const { code } = await far.until('error', { id: 'x' });
    assert.ok(code === 'unavailable' || code === 'peer-not-found', code);
});

test('an instance that stood still for longer than its lease closes what is no longer its own', async (t) => {
    const cluster = await ownCluster(t, {
        instances: 2,
        workers: 2,
        config: { 'session.resume_window': '40s' },
    });
    const [moved, stays, far] = await crowd(cluster, [
        [0, 0, 'moved'],
        [0, 1, 'stays'],
        [1, 0, 'far'],
    ]);
    const pids = [...cluster.at(0).workers.values(), cluster.at(0).pid];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const frozen = pause(FROZEN);
    for (const id of ['moved', 'stays'])
        await far.until('peer-away', { peer: id }, LEASE + 5000);
    const taken = await moved.resume(cluster.at(1));
    assert.deepEqual([taken.joined.resumed, taken.id], [false, 'moved']);
    await far.until('peer-back', { peer: 'moved' });
    // What is sent to it while it stands still, and what it was sent, is not doubled later.
    far.signal('moved', 'to the new one');
    await taken.until('signal', { data: 'to the new one' });
    stays.signal('far', 'from the frozen one');
    await frozen;

    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await moved.expectClose(4009);
    // Nobody took this one's place: it is back, with all that it sent.
    await far.until('peer-back', { peer: 'stays' });
    // What it sent meanwhile was never handed to anybody else: it arrives or comes back.
    await Promise.any([
        far.until('signal', { from: 'stays', data: 'from the frozen one' }),
        stays.until('error', { code: 'unavailable', to: 'far' }),
    ]);
    far.signal('stays', 'hello');
    await stays.until('signal', { from: 'far', data: 'hello' });
    taken.signal('stays', 'too');
    await stays.until('signal', { from: 'moved', data: 'too' });
    await stays.settle();
    assert.deepEqual([...stays.roster.keys()].sort(), ['far', 'moved']);
    assert.deepEqual([...far.roster.values()].map(({ peer, state }) => `${peer} ${state}`).sort(), [
        'moved here',
        'stays here',
    ]);
    for (const peer of [taken, far])
        assert.deepEqual(peer.inbox.items.filter(({ type }) => type === 'signal'), []);
});

test('kill -9 of a supervisor: its workers put what they hold into the mailboxes and end', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, workers: 2, config });
    const [a, far] = await crowd(cluster, [
        [0, 1, 'a'],
        [1, 0, 'far'],
    ]);
    process.kill(cluster.at(0).pid, 'SIGKILL');
    await a.expectClose(1012);
    await far.until('peer-away', { peer: 'a' });
    far.signal('a', 'held');
    const again = await a.resume(cluster.at(1));
    assert.deepEqual([again.joined.resumed, again.id], [true, 'a']);
    await again.until('signal', { from: 'far', data: 'held' });
    await cluster.at(0).exited; // its workers, too: they hold its stderr open
});

test('a worker that stands still for less than its lease loses nothing', async (t) => {
    const cluster = await ownCluster(t, { instances: 2, config });
    const [a, b] = await crowd(cluster, [
        [0, 0, 'a'],
        [1, 0, 'b'],
    ]);
    const streams = streamsAmong([a, b], { pace: 50 }); // what waits must fit into the hold
    await Promise.all(streams.map((stream) => stream.flows(3)));
    const [pid] = cluster.at(1).workers.values();
    const { sent } = streams[0];
    process.kill(pid, 'SIGSTOP');
    await eventually(() => streams[0].sent >= sent + 40, 'some were sent meanwhile');
    process.kill(pid, 'SIGCONT');
    await Promise.all(streams.map((stream) => stream.finish()));
    for (const peer of [a, b]) assert.deepEqual(peer.inbox.items, []);
});
