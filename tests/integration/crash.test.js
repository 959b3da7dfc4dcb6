// kill -9 of a worker, of the supervisor, and what the others notice of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';

const config = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };

/** kill -9 of one worker; resolves once it runs again. */
async function crash(server, index) {
    const again = server.nextLog(
        (line) => line.event === 'worker-started' && line.worker === index,
    );
    process.kill(server.workers.get(index), 'SIGKILL');
    return again;
}

/** Signals between two peers until stopped: each must come once, in order, without an error. */
function traffic(from, to) {
    let running = true;
    const done = (async () => {
        let count = 0;
        for (; running; count++) {
            from.signal(to.id, count);
            const { data } = await to.until('signal', { from: from.id });
            assert.equal(data, count);
            if (count % 32 === 0) await to.settle(to.received);
        }
        assert.deepEqual(
            from.inbox.items.filter((m) => m.type === 'error'),
            [],
        );
        return count;
    })();
    done.catch(() => {}); // it is looked at when it is stopped
    return {
        stop: () => {
            running = false;
            return done;
        },
    };
}

/** Signals without an answer, one each turn of the loop, until the connection is lost. */
async function pour(from, to) {
    for (let n = 0; !from.ws.closed; n++) {
        from.signal(to.id, n);
        await new Promise(setImmediate);
    }
}

test('kill -9 of a worker under load: others notice nothing, its peers become away and come back', async (t) => {
    const server = await ownServer(t, { workers: 3, config });
    const [room, quiet] = [freshRoom(), freshRoom()];
    const a = await Peer.join(server, { room, peer: 'a', worker: 0 });
    const b = await Peer.join(server, { room, peer: 'b', worker: 1, info: { name: 'B' } });
    const c = await Peer.join(server, { room, peer: 'c', worker: 2 });
    await a.until('peer-joined', { peer: 'c' });
    const d = await Peer.join(server, { room: quiet, peer: 'd', worker: 0 });
    const e = await Peer.join(server, { room: quiet, peer: 'e', worker: 2 });
    await d.expect('peer-joined');
    const flows = [traffic(a, c), traffic(c, a), traffic(d, e), traffic(e, d)];
    const poured = pour(b, a); // through the worker that dies
    await a.until('signal', { from: 'b' });

    const restarted = crash(server, 1);
    await a.until('peer-away', { peer: 'b' });
    await c.until('peer-away', { peer: 'b' });
    await poured;
    const fromB = a.inbox.items.filter((m) => m.from === 'b').map((m) => m.data);
    fromB.forEach((n, i) => assert.equal(n, i + 1));
    c.signal('b', 'into nothing', 'x');
    await c.until('error', { code: 'unavailable', to: 'b', id: 'x' });

    const again = await b.resume(server, { worker: 2 });
    assert.equal(again.joined.resumed, false);
    assert.equal(again.joined.peer, 'b');
    assert.deepEqual([...again.roster.keys()].sort(), ['a', 'c']);
    a.signal('b', 'hello again');
    await again.until('signal', { from: 'a', data: 'hello again' });
    again.signal('a', 'here');
    await a.until('signal', { from: 'b', data: 'here' });
    assert.equal(a.roster.get('b').state, 'here');

    await restarted;
    await Peer.join(server, { room: quiet, worker: 1 });
    for (const flow of flows) assert.ok((await flow.stop()) > 0);
    for (const peer of [a, c, d, e]) assert.ok(!peer.ws.closed);
});

test('peers that do not come back leave when the window ends', async (t) => {
    const server = await ownServer(t, {
        workers: 2,
        config: { ...config, 'session.resume_window': '500ms' },
    });
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a', worker: 0 });
    await Peer.join(server, { room, peer: 'b', worker: 1 });
    await a.expect('peer-joined');
    const restarted = crash(server, 1);
    await a.expect('peer-away', { peer: 'b' });
    await a.expect('peer-left', { peer: 'b', reason: 'timeout' });
    await restarted;
    const fresh = await Peer.join(server, { room, peer: 'b' });
    assert.deepEqual([...fresh.roster.keys()], ['a']);
});

test('peers that were away already when their holder crashed come back with the same ID', async (t) => {
    const server = await ownServer(t, { workers: 2, config });
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a', worker: 0 });
    const b = await Peer.join(server, { room, peer: 'b', worker: 1 });
    await a.expect('peer-joined');
    await b.lose();
    await a.expect('peer-away', { peer: 'b' });
    a.signal('b', 'held by the one that dies');
    await a.quiet();
    await crash(server, 1);
    const again = await b.resume(server);
    assert.equal(again.joined.resumed, false);
    assert.equal(again.joined.peer, 'b');
    await again.quiet();
    a.signal('b', 1);
    await again.expect('signal', { data: 1 });
});

test('a secret works once the worker that gave it is dead, on the one that took its place', async (t) => {
    const server = await ownServer(t, { workers: 2, config });
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a', worker: 0 });
    let b = await Peer.join(server, { room, peer: 'b', worker: 1 });
    await a.expect('peer-joined');
    for (let n = 0; n < 2; n++) {
        await crash(server, 1);
        await a.until('peer-away', { peer: 'b' });
        b = await b.resume(server, { worker: 1 });
        assert.equal(b.joined.peer, 'b');
        a.signal('b', n);
        await b.until('signal', { data: n });
    }
    const thief = await Peer.connect(server, { room });
    thief.send({ type: 'join', peer: 'b' });
    await thief.expectClose(4010);
});

test('the only worker: it is started again and peers join anew with their old IDs', async (t) => {
    const server = await ownServer(t, { workers: 1, config });
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a' });
    const b = await Peer.join(server, { room, peer: 'b' });
    await crash(server, 0);
    await a.ws.ended;
    const one = await a.resume(server);
    assert.equal(one.joined.resumed, false);
    assert.equal(one.joined.peer, 'a');
    const two = await b.resume(server);
    assert.equal(two.joined.resumed, false);
    assert.equal(two.joined.peer, 'b');
    assert.deepEqual([...two.roster.keys()], ['a']);
    one.signal('b', 1);
    await two.expect('signal', { from: 'a', data: 1 });
});

test('connections that wait while a worker is dead are not reset', async (t) => {
    const server = await ownServer(t, { workers: 1, config });
    const restarted = crash(server, 0);
    const joins = Array.from({ length: 20 }, () => Peer.join(server));
    for (const join of joins) assert.ok((await join).joined);
    await restarted;
});

test('a worker that crashes again and again is restarted with a back-off, the others serve on', async (t) => {
    const server = await ownServer(t, { workers: 2, config });
    const a = await Peer.join(server, { peer: 'a', worker: 0 });
    for (let n = 0; n < 4; n++) {
        const exited = server.nextLog((line) => line.event === 'worker-exited');
        const started = await crash(server, 1);
        const waited = Date.parse(started.time) - Date.parse((await exited).time);
        assert.ok(waited >= 100 * 2 ** n - 10, `${waited} ms after crash ${n + 1}`);
    }
    a.signal('a', 1);
    await a.expect('signal', { data: 1 });
});

test('what a worker held of the limits is free again when it crashed', async (t) => {
    const limits = { 'limits.connections': 3, 'limits.connections_per_address': 3 };
    const server = await ownServer(t, { workers: 2, config: { ...config, ...limits } });
    const room = freshRoom();
    for (let n = 0; n < 3; n++) {
        const all = [];
        for (let k = 0; k < 3; k++) all.push(await Peer.join(server, { room }));
        const holders = new Set(all.map(({ ws }) => server.workerOf(ws.tcp)));
        for (const worker of holders) await crash(server, worker);
        for (const { ws } of all) await ws.ended;
    }
});

test('kill -9 of the supervisor: no worker is left behind', async (t) => {
    const server = await ownServer(t, { workers: 2, config });
    const a = await Peer.join(server, { worker: 0 });
    const b = await Peer.join(server, { worker: 1 });
    process.kill(server.pid, 'SIGKILL');
    await server.exited; // stderr has ended too: the workers held it open
    await a.ws.ended;
    await b.ws.ended;
});
