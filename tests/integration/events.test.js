// The webhook that is told who comes and goes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, WITH_ADMIN } from '../support/admin.js';
import { runServer } from '../support/command.js';
import { Book } from '../support/events.js';
import { metricsUntil, readMetrics } from '../support/metrics.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { isSigned, WEBHOOK_SECRET } from '../support/webhook.js';

const BRIEF = { 'session.resume_window': '500ms' };
const NO_PATIENCE = { 'webhooks.events_backoff': '20ms' };

/** A server that tells the book, of its end, too. */
async function telling(t, book, options) {
    const server = await ownServer(t, options);
    book.endWith(t);
    return server;
}

async function does(server, method, path, options) {
    const { status, body } = await ask(server, method, path, options);
    assert.ok(status >= 200 && status < 300, `${method} ${path}: ${status} ${body}`);
}

for (const workers of [1, 2]) {
    const on = (index) => ({ worker: index % workers });

    test(`a room's story is told, signed, each event once (${workers} workers)`, async (t) => {
        const book = await Book.start();
        const env = { ROOMLINE_WEBHOOKS_SECRET: WEBHOOK_SECRET };
        const server = await telling(t, book, { workers, env, config: book.config({ 'server.instance': 'one' }) });
        const room = freshRoom('한 "방"');
        const before = Date.now();
        const ann = await Peer.join(server, { room, peer: 'ann', info: { name: 'canary-info' }, ...on(0) });
        const ben = await Peer.join(server, { room, peer: 'ben', token: 'canary-token', ...on(1) });
        ann.signal('ben', 'canary-data');
        await ben.until('signal');
        await ann.leave();
        await ben.leave();
        const story = ['room-opened', 'ann joined', 'ben joined', 'ann left: left', 'ben left: left', 'room-closed: empty'];
        assert.deepEqual(await book.story(room, story.length), story);
        for (const { id, type, time, instance, room: name, ...rest } of book.of(room)) {
            assert.match(id, /^[0-9a-f]{32}$/);
            assert.ok(time >= before - 1 && time <= Date.now(), `${time}`);
            assert.deepEqual([instance, name], ['one', room]);
            const expected = { 'room-opened': [], 'room-closed': ['reason'], 'peer-joined': ['peer'] };
            assert.deepEqual(Object.keys(rest), expected[type] ?? ['peer', 'reason']);
        }
        for (const request of book.hook.requests.items) {
            assert.equal(request.headers['content-type'], 'application/json');
            assert.match(request.headers['roomline-delivery'], /^[\w-]{22}$/);
            assert.ok(isSigned(request), 'the signature');
            assert.doesNotMatch(request.text, /canary/);
        }
    });

    test(`who comes back has neither left nor joined (${workers} workers)`, async (t) => {
        const book = await Book.start();
        const server = await telling(t, book, { workers, config: book.config() });
        const room = freshRoom();
        const ann = await Peer.join(server, { room, peer: 'ann', ...on(0) });
        await ann.lose();
        const again = await ann.resume(server, on(1));
        assert.equal(again.joined.resumed, true);
        await again.leave();
        assert.deepEqual(await book.story(room, 4), ['room-opened', 'ann joined', 'ann left: left', 'room-closed: empty']);
    });

    test(`who does not come back has left in the end (${workers} workers)`, async (t) => {
        const book = await Book.start();
        const server = await telling(t, book, { workers, config: book.config(BRIEF) });
        const room = freshRoom();
        const ann = await Peer.join(server, { room, peer: 'ann', ...on(1) });
        await ann.lose();
        assert.deepEqual(await book.story(room, 4), ['room-opened', 'ann joined', 'ann left: timeout', 'room-closed: empty']);
    });

    test(`what administrators do is told with its reason (${workers} workers)`, async (t) => {
        const book = await Book.start();
        const server = await telling(t, book, { ...WITH_ADMIN, workers, config: book.config() });
        const room = freshRoom();
        await does(server, 'PUT', `/v1/rooms/${room}`, { body: {} });
        await book.take('room-opened', { room });
        const ann = await Peer.join(server, { room, peer: 'ann', ...on(0) });
        await Peer.join(server, { room, peer: 'ben', ...on(1) });
        await does(server, 'DELETE', `/v1/rooms/${room}/peers/ann?ban=60`);
        await ann.expectClose(4005);
        await does(server, 'DELETE', `/v1/rooms/${room}`);
        assert.deepEqual(await book.story(room, 6), [
            'room-opened',
            'ann joined',
            'ben joined',
            'ann left: kicked',
            'ben left: room-closed',
            'room-closed: closed',
        ]);
    });
}

test('the peers of a worker that crashed have left after the window', async (t) => {
    const book = await Book.start();
    const server = await telling(t, book, { workers: 3, config: book.config(BRIEF) });
    const [room, other] = [freshRoom(), freshRoom()];
    await Peer.join(server, { room, peer: 'ann', worker: 0 });
    const ben = await Peer.join(server, { room, peer: 'ben', worker: 1 });
    await Peer.join(server, { room: other, peer: 'cat', worker: 0 });
    await book.take('peer-joined', { room: other, peer: 'cat' }); // what waits in a worker dies with it
    await book.take('peer-joined', { room, peer: 'ann' });
    process.kill(server.workers.get(0), 'SIGKILL');
    assert.deepEqual(await book.story(other, 4), ['room-opened', 'cat joined', 'cat left: timeout', 'room-closed: empty']);
    await book.take('peer-left', { room, peer: 'ann', reason: 'timeout' });
    await ben.leave();
    const story = ['room-opened', 'ann joined', 'ben joined', 'ann left: timeout', 'ben left: left', 'room-closed: empty'];
    assert.deepEqual(await book.story(room, story.length), story);
});

test('a batch that failed is sent again until it is taken, and events behind it wait', async (t) => {
    const answers = [{ status: 500 }, { status: 302 }, { status: 404 }, {}];
    const book = await Book.start(() => answers.shift() ?? {});
    const server = await telling(t, book, { ...WITH_ADMIN, config: book.config(NO_PATIENCE) });
    const room = freshRoom();
    const ann = await Peer.join(server, { room, peer: 'ann' });
    await ann.leave();
    assert.deepEqual(await book.story(room, 4), ['room-opened', 'ann joined', 'ann left: left', 'room-closed: empty']);
    const [first, ...more] = book.hook.requests.items;
    for (const { headers, text } of more.slice(0, 3)) {
        assert.equal(text, first.text);
        assert.equal(headers['roomline-delivery'], first.headers['roomline-delivery']);
    }
    const metrics = await metricsUntil(server, (m) => m.value('roomline_webhook_events_waiting') === 0);
    assert.equal(metrics.value('roomline_webhook_events_failures_total'), 3);
    assert.equal(metrics.value('roomline_webhook_events_total', { outcome: 'delivered' }), 4);
    assert.equal(metrics.value('roomline_webhook_events_total', { outcome: 'dropped' }), 0);
});

test('nobody listens for a while: what happened then is told later, once', async (t) => {
    const book = await Book.start();
    const server = await telling(t, book, { config: book.config(NO_PATIENCE) });
    const room = freshRoom();
    const ann = await Peer.join(server, { room, peer: 'ann' });
    await book.take('peer-joined', { room });
    book.stop();
    const ben = await Peer.join(server, { room, peer: 'ben' });
    await ann.leave();
    await server.waitLog((line) => line.event === 'event-webhook-failed');
    await book.listen();
    await ben.leave();
    const story = ['room-opened', 'ann joined', 'ben joined', 'ann left: left', 'ben left: left', 'room-closed: empty'];
    assert.deepEqual(await book.story(room, story.length), story);
});

test('what finds the queue full is dropped, and counted', async (t) => {
    let answer = { status: 503 };
    const book = await Book.start(() => answer);
    const config = book.config({ ...NO_PATIENCE, 'webhooks.events_queue': 5 });
    const server = await telling(t, book, { ...WITH_ADMIN, config });
    const room = freshRoom();
    for (let n = 1; n <= 10; n++) await Peer.join(server, { room, peer: `p${n}` });
    let metrics = await metricsUntil(
        server,
        (m) => m.value('roomline_webhook_events_total', { outcome: 'dropped' }) === 6,
    );
    assert.equal(metrics.value('roomline_webhook_events_waiting'), 5);
    answer = {};
    await book.take('peer-joined', { room, peer: 'p4' });
    assert.deepEqual(await book.story(room, 5), ['room-opened', 'p1 joined', 'p2 joined', 'p3 joined', 'p4 joined']);
    await server.waitLog((line) => line.event === 'events-dropped');
    metrics = await metricsUntil(server, (m) => m.value('roomline_webhook_events_waiting') === 0);
    assert.equal(metrics.value('roomline_webhook_events_total', { outcome: 'delivered' }), 5);
    await Peer.join(server, { room, peer: 'late' });
    await book.take('peer-joined', { room, peer: 'late' });
});

test('a batch is given up in the end', async (t) => {
    const book = await Book.start(() => ({ status: 400 }));
    const config = book.config({ ...NO_PATIENCE, 'webhooks.events_keep': '1s' });
    const server = await telling(t, book, { config });
    await Peer.join(server, { room: freshRoom() });
    const { events } = await server.waitLog((line) => line.event === 'events-dropped');
    assert.equal(events, 2);
    book.answer = () => ({});
});

test('only what was asked for is told, a few at a time', async (t) => {
    const book = await Book.start();
    const config = book.config({ 'webhooks.events_types': 'room-opened,room-closed', 'webhooks.events_batch': 1 });
    const server = await telling(t, book, { config });
    const room = freshRoom();
    const ann = await Peer.join(server, { room });
    await ann.leave();
    assert.deepEqual(await book.story(room, 2), ['room-opened', 'room-closed: empty']);
    for (const { body } of book.hook.requests.items) assert.equal(body.events.length, 1);
});

test('many at once fit into large batches', async (t) => {
    const book = await Book.start(({ body }) => (body.events.length > 1 ? {} : { status: 500 }));
    const config = book.config({ ...NO_PATIENCE, 'webhooks.events_batch': 1000, 'limits.peers_per_room': 0 });
    const server = await telling(t, book, { ...WITH_ADMIN, config });
    const room = freshRoom('"'.repeat(100));
    const name = (n) => `${'"'.repeat(60)}${n}`;
    await Promise.all(Array.from({ length: 200 }, (_, n) => Peer.join(server, { room, peer: name(n) })));
    await does(server, 'DELETE', `/v1/rooms/${encodeURIComponent(room)}`);
    await book.take('room-closed', { room });
    assert.equal(book.of(room).length, 402);
    assert.equal(book.rooms().size, 0);
});

test('at the end what waits is told yet, where somebody takes it', async (t) => {
    let answer = { status: 503 };
    const book = await Book.start(() => answer);
    const server = await telling(t, book, { workers: 2, config: book.config(NO_PATIENCE) });
    const room = freshRoom();
    const ann = await Peer.join(server, { room, peer: 'ann', worker: 0 });
    await Peer.join(server, { room, peer: 'ben', worker: 1 });
    await ann.leave();
    await server.waitLog((line) => line.event === 'event-webhook-failed');
    server.signal('SIGTERM');
    await server.waitLog((line) => line.event === 'stopping');
    answer = {};
    await server.expectExit();
    assert.deepEqual(await book.story(room, 6), [
        'room-opened',
        'ann joined',
        'ben joined',
        'ann left: left',
        'ben left: room-closed',
        'room-closed: closed',
    ]);
});

test('where nobody does it ends all the same', async (t) => {
    const book = await Book.start(() => null);
    const server = await telling(t, book, { config: book.config() });
    await Peer.join(server, { room: freshRoom() }).then((ann) => ann.leave());
    await book.hook.requests.take();
    await server.stop();
    assert.ok(server.logs.some((line) => line.event === 'events-dropped' && line.events >= 2));
});

test('whatever peers do, the book and the server agree', async (t) => {
    const book = await Book.start(() => (Math.random() < 0.2 ? { status: 500 } : {}));
    const config = book.config({ ...BRIEF, ...NO_PATIENCE, 'webhooks.events_batch': 7 });
    const server = await telling(t, book, { ...WITH_ADMIN, workers: 3, config });
    const rooms = Array.from({ length: 4 }, () => freshRoom());
    const any = (list) => list[Math.floor(Math.random() * list.length)];
    const wander = async (peer) => {
        for (let n = 0; n < 12; n++) {
            const [room, worker] = [any(rooms), any([0, 1, 2])];
            const self = await Peer.join(server, { room, peer, worker }).catch(() => null);
            if (!self) continue; // its name is taken there: it is away yet
            const deed = any(['leave', 'lose', 'resume', 'kick', 'close']);
            if (deed === 'leave') await self.leave().catch(() => {});
            if (deed === 'lose' || deed === 'resume') await self.lose();
            if (deed === 'resume') await self.resume(server, { worker: any([0, 1, 2]) }).catch(() => {});
            if (deed === 'kick') await ask(server, 'DELETE', `/v1/rooms/${room}/peers/${peer}`);
            if (deed === 'close') await ask(server, 'DELETE', `/v1/rooms/${room}`);
        }
    };
    await Promise.all(['ann', 'ben', 'cat', 'dan', 'eve'].map(wander));
    for (const room of rooms) await Peer.join(server, { room, peer: 'stays' });
    await server.stop();
    assert.ok(!server.logs.some((line) => line.event === 'events-dropped'));
    assert.equal(book.rooms().size, 0);
    const last = new Set(rooms.map((room) => book.of(room).at(-1).reason));
    assert.deepEqual([...last], ['closed']);
});

test('nobody is told where no URL is set', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    await Peer.join(server, { room: freshRoom() }).then((ann) => ann.leave());
    assert.equal((await readMetrics(server)).sum('roomline_webhook_events_total'), 0);
});

test('a configuration that cannot work is refused', async () => {
    const wrong = [
        ['webhooks.events=ftp://a/', /webhooks\.events: .*http/],
        ['webhooks.events=https://user:secret@a/', /webhooks\.events: /],
        ['webhooks.events_types=room-opened,room-burnt', /webhooks\.events_types: "room-burnt" is no such event/],
        ['webhooks.events_types=1', /webhooks\.events_types: /],
        ['webhooks.events_queue=0', /webhooks\.events_queue/],
        ['webhooks.events_batch=1001', /webhooks\.events_batch/],
    ];
    for (const [setting, expected] of wrong) {
        const { code, stderr } = await runServer(['--check', '--set', setting]);
        assert.equal(code, 2, setting);
        assert.match(stderr, expected);
    }
});
