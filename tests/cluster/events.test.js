// The webhook for events, where several instances share Redis: each event is told by one of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, WITH_ADMIN } from '../support/admin.js';
import { ownCluster } from '../support/cluster.js';
import { Book } from '../support/events.js';
import { freshRoom, Peer } from '../support/peer.js';

async function told(t, { config, ...options } = {}) {
    const book = await Book.start();
    const cluster = await ownCluster(t, { instances: 2, workers: 2, config: book.config(config), ...options });
    book.endWith(t);
    return { book, cluster };
}

test('whoever does it, and wherever: told once, in the order of the IDs', async (t) => {
    const { book, cluster } = await told(t, WITH_ADMIN);
    const room = freshRoom();
    const ann = await Peer.join(cluster.at(0), { room, peer: 'ann', worker: 0 });
    const ben = await Peer.join(cluster.at(1), { room, peer: 'ben', worker: 1 });
    await Peer.join(cluster.at(0), { room, peer: 'cat', worker: 1 });
    await ann.lose();
    const again = await ann.resume(cluster.at(1), { worker: 0 });
    assert.equal(again.joined.resumed, true);
    await again.leave();
    assert.equal((await ask(cluster.at(0), 'DELETE', `/v1/rooms/${room}/peers/ben`)).status, 200);
    await ben.expectClose(4005);
    assert.equal((await ask(cluster.at(1), 'DELETE', `/v1/rooms/${room}`)).status, 200);
    assert.deepEqual(await book.story(room, 8), [
        'room-opened',
        'ann joined',
        'ben joined',
        'cat joined',
        'ann left: left',
        'ben left: kicked',
        'cat left: room-closed',
        'room-closed: closed',
    ]);
    assert.equal(new Set(book.of(room).map(({ instance }) => instance)).size, 2);
});

test('kill -9 of a worker: who sweeps up tells that its peers have left', async (t) => {
    const { book, cluster } = await told(t, { config: { 'session.resume_window': '500ms' } });
    const [room, other] = [freshRoom(), freshRoom()];
    await Peer.join(cluster.at(0), { room, peer: 'ann', worker: 0 });
    await Peer.join(cluster.at(0), { room: other, peer: 'cat', worker: 0 });
    const ben = await Peer.join(cluster.at(1), { room, peer: 'ben', worker: 0 });
    await book.take('peer-joined', { room, peer: 'ann' }); // what waits in a worker dies with it
    await book.take('peer-joined', { room: other, peer: 'cat' });
    process.kill(cluster.at(0).workers.get(0), 'SIGKILL');
    assert.deepEqual(await book.story(other, 4), ['room-opened', 'cat joined', 'cat left: timeout', 'room-closed: empty']);
    await book.take('peer-left', { room, peer: 'ann', reason: 'timeout' });
    await ben.leave();
    const story = ['room-opened', 'ann joined', 'ben joined', 'ann left: timeout', 'ben left: left', 'room-closed: empty'];
    assert.deepEqual(await book.story(room, story.length), story);
});

test('who moves from an instance that is drained has not left', async (t) => {
    const { book, cluster } = await told(t);
    const room = freshRoom();
    const ann = await Peer.join(cluster.at(0), { room, peer: 'ann' });
    await cluster.at(0).stop();
    const again = await ann.resume(cluster.at(1));
    assert.equal(again.joined.resumed, true);
    await again.leave();
    assert.deepEqual(await book.story(room, 4), ['room-opened', 'ann joined', 'ann left: left', 'room-closed: empty']);
});

test('Redis comes back empty: who came meanwhile is told of, who was in is told of again', async (t) => {
    const { book, cluster } = await told(t, { instances: 1 });
    const [server, room] = [cluster.at(0), freshRoom()];
    const ann = await Peer.join(server, { room, peer: 'ann', worker: 0 });
    await book.take('peer-joined', { room, peer: 'ann' });
    await cluster.redis.end();
    const ben = await Peer.join(server, { room, peer: 'ben', worker: 0 });
    await cluster.redis.start();
    await book.take('peer-joined', { room, peer: 'ann' });
    await book.take('peer-joined', { room, peer: 'ben' });
    await ann.leave();
    await ben.leave();
    const story = await book.story(room, 8);
    assert.deepEqual(story.slice(0, 3), ['room-opened', 'ann joined', 'room-opened']);
    assert.deepEqual(story.slice(3, 5).sort(), ['ann joined', 'ben joined']);
    assert.deepEqual(story.slice(5), ['ann left: left', 'ben left: left', 'room-closed: empty']);
});
