// A Room against a server that the test plays: docs/protocol.md section 5 from the client's side.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Room, join } from '../../client/roomline.js';
import { Clock, FakeSocket, FakeStore } from './fakes.js';

let clock;
let page; // the window

beforeEach(() => {
    clock = new Clock();
    page = new EventTarget();
    FakeSocket.all = [];
    globalThis.WebSocket = FakeSocket;
    globalThis.addEventListener = page.addEventListener.bind(page);
});

afterEach(() => {
    clock.restore();
    delete globalThis.addEventListener;
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

function record(room, ...types) {
    const events = [];
    for (const type of types) room.addEventListener(type, (event) => events.push(event));
    return events;
}

async function newRoom(options) {
    const room = new Room('r', { url: 'http://test', ...options });
    const joining = room.join();
    joining.catch(() => {}); // some tests want it to fail
    await settled();
    return { room, joining, socket: FakeSocket.last };
}

async function joinedRoom(options, fields) {
    const { room, joining, socket } = await newRoom(options);
    socket.open();
    socket.joined(fields);
    await joining;
    return { room, socket };
}

// The next connection attempt, once its time has come.
async function reconnected() {
    clock.advance(10_000);
    await settled();
    FakeSocket.last.open();
    return FakeSocket.last;
}

test('join says who I am and tells who is there', async () => {
    const { room, joining, socket } = await newRoom({
        peer: 'ann',
        info: { name: 'Ann' },
        token: 't',
    });
    const come = record(room, 'peer-joined');
    assert.deepEqual([socket.url, socket.protocol], ['ws://test/v1/rooms/r/ws', 'roomline.v1']);
    socket.open();
    assert.deepEqual(socket.sent, [
        { type: 'join', peer: 'ann', info: { name: 'Ann' }, token: 't' },
    ]);
    socket.joined({
        peer: 'ann',
        peers: [{ peer: 'ben', info: {}, state: 'away' }],
        iceServers: [{ urls: 'stun:x' }],
    });
    assert.equal(await joining, room);
    assert.deepEqual(
        [room.peer, room.state, room.iceServers],
        ['ann', 'joined', [{ urls: 'stun:x' }]],
    );
    assert.equal(room.peers.get('ben').state, 'away');
    assert.deepEqual(
        come.map(({ peer }) => peer),
        ['ben'],
    );
});

test('the roster follows the server', async () => {
    const { room, socket } = await joinedRoom();
    const events = record(room, 'peer-joined', 'peer-info', 'peer-away', 'peer-back', 'peer-left');
    const rosters = record(room, 'roster');
    socket.say({ type: 'peer-joined', peer: 'ben', info: { name: 'Ben' } });
    socket.say({ type: 'peer-info', peer: 'ben', info: { name: 'Benno' } });
    socket.say({ type: 'peer-away', peer: 'ben' });
    assert.deepEqual(room.peers.get('ben'), {
        peer: 'ben',
        info: { name: 'Benno' },
        state: 'away',
    });
    socket.say({ type: 'peer-back', peer: 'ben' });
    assert.equal(room.peers.get('ben').state, 'here');
    socket.say({ type: 'peer-left', peer: 'ben', reason: 'left' });
    assert.equal(room.peers.size, 0);
    assert.deepEqual(
        events.map(({ type }) => type),
        ['peer-joined', 'peer-info', 'peer-away', 'peer-back', 'peer-left'],
    );
    assert.equal(rosters.length, 5);
    socket.say({ type: 'something-new' });
    assert.equal(room.state, 'joined');
});

test('a lost socket is resumed with the count of what came in', async () => {
    const { room, socket } = await joinedRoom();
    const signals = record(room, 'signal');
    for (const data of [1, 2, 3]) socket.say({ type: 'signal', from: 'ben', data });
    socket.die();
    assert.equal(room.state, 'resuming');
    const next = await reconnected();
    assert.deepEqual(next.sent[0].resume, { session: 's1', received: 3 });
    next.joined({ resumed: true, session: 's2' });
    assert.equal(room.state, 'joined');
    next.say({ type: 'signal', from: 'ben', data: 4 });
    assert.deepEqual(
        signals.map(({ data }) => data),
        [1, 2, 3, 4],
    );
    next.die();
    assert.deepEqual((await reconnected()).sent[0].resume, { session: 's2', received: 4 });
});

test('what the server did not receive is sent again after resuming, in order', async () => {
    const { room, socket } = await joinedRoom();
    for (const data of ['a', 'b', 'c']) room.signal('ben', data);
    socket.say({ type: 'pong', received: 1 });
    socket.die();
    room.signal('ben', 'd');
    const next = await reconnected();
    next.joined({ resumed: true, received: 2 });
    assert.deepEqual(
        next.ofType('signal').map(({ data }) => data),
        ['c', 'd'],
    );
});

test('a new membership starts both counts at 0 and repeats nothing', async () => {
    const { room, socket } = await joinedRoom();
    const again = record(room, 'joined');
    socket.say({ type: 'signal', from: 'ben', data: 1 });
    room.signal('ben', 'a');
    socket.die();
    let next = await reconnected();
    next.joined({ resumed: false, received: 0 });
    assert.deepEqual(
        again.map(({ resumed }) => resumed),
        [false],
    );
    assert.deepEqual(next.ofType('signal'), []);
    room.signal('ben', 'b');
    next.die();
    next = await reconnected();
    assert.equal(next.sent[0].resume.received, 0);
    next.joined({ resumed: true, received: 0 });
    assert.deepEqual(
        next.ofType('signal').map(({ data }) => data),
        ['b'],
    );
});

test('after resuming, the fresh roster is told as what happened', async () => {
    const peer = (name, state = 'here') => ({ peer: name, info: {}, state });
    const { room, socket } = await joinedRoom(
        {},
        { peers: [peer('a'), peer('b'), peer('c', 'away')] },
    );
    const events = record(room, 'peer-joined', 'peer-left', 'peer-away', 'peer-back');
    socket.die();
    (await reconnected()).joined({
        resumed: true,
        peers: [peer('b', 'away'), peer('c'), peer('d')],
    });
    assert.deepEqual(
        events.map((event) => `${event.type} ${event.peer}`),
        ['peer-left a', 'peer-away b', 'peer-back c', 'peer-joined d'],
    );
    assert.deepEqual([...room.peers.keys()].sort(), ['b', 'c', 'd']);
});

test('every 16 signals, and every ping interval, a ping acknowledges', async () => {
    const { socket } = await joinedRoom();
    for (let i = 0; i < 33; i++) socket.say({ type: 'signal', from: 'ben', data: i });
    assert.deepEqual(
        socket.ofType('ping').map(({ received }) => received),
        [16, 32],
    );
    clock.advance(1_000);
    socket.say({ type: 'pong', received: 0 });
    clock.advance(24_000);
    assert.deepEqual(socket.ofType('ping').at(-1), { type: 'ping', received: 33 });
    assert.equal(socket.ofType('ping').length, 3);
});

test('a server that does not answer a ping is left for a new connection', async () => {
    const { room, socket } = await joinedRoom();
    clock.advance(25_000);
    assert.equal(socket.ofType('ping').length, 1);
    clock.advance(4_000);
    assert.equal(room.state, 'joined');
    clock.advance(1_000);
    assert.deepEqual([room.state, socket.isClosed], ['resuming', true]);
    (await reconnected()).joined({ resumed: true });
    assert.equal(room.state, 'joined');
});

test('attempts come at growing distances, and start over after a steady connection', async () => {
    const { socket } = await joinedRoom();
    clock.advance(20_000);
    socket.die();
    const waits = [];
    for (let i = 0; i < 7; i++) {
        const { length } = FakeSocket.all;
        const start = clock.now;
        while (FakeSocket.all.length === length) {
            clock.advance(10);
            await settled();
        }
        waits.push(clock.now - start);
        FakeSocket.last.die();
    }
    assert.deepEqual(waits, [150, 300, 600, 1200, 2400, 4800, 5000]); // half of each maximum
    const next = await reconnected();
    next.joined({ resumed: true });
    clock.advance(11_000);
    next.die();
    const { length } = FakeSocket.all;
    clock.advance(150);
    await settled();
    assert.equal(FakeSocket.all.length, length + 1);
});

test('1013 and 4029 are given more time', async () => {
    for (const code of [1013, 4029]) {
        const { socket } = await joinedRoom();
        socket.die(code);
        const { length } = FakeSocket.all;
        clock.advance(2_399);
        await settled();
        assert.equal(FakeSocket.all.length, length);
        clock.advance(1);
        await settled();
        assert.equal(FakeSocket.all.length, length + 1);
    }
});

test('a final close code ends it and rejects join', async () => {
    const { room, joining, socket } = await newRoom();
    const closed = record(room, 'closed');
    socket.open();
    socket.say({ type: 'error', code: 'room-full', message: 'the room is full' });
    socket.die(4006);
    await assert.rejects(joining, { code: 'room-full', message: 'the room is full' });
    assert.deepEqual(
        closed.map(({ reason, code }) => [reason, code]),
        [['room-full', 4006]],
    );
    clock.advance(60_000);
    await settled();
    assert.equal(FakeSocket.all.length, 1);
    assert.throws(() => room.signal('ben', 1), { code: 'not-joined' });
});

test('being kicked or having moved to another tab is not fought', async () => {
    for (const [code, reason] of [
        [4005, 'kicked'],
        [4009, 'moved'],
        [4004, 'room-closed'],
    ]) {
        const { room, socket } = await joinedRoom();
        const closed = record(room, 'closed');
        socket.die(code);
        assert.equal(closed[0].reason, reason);
        assert.equal(room.state, 'closed');
    }
});

test('an expired token is replaced once', async () => {
    let number = 0;
    const { room, socket } = await joinedRoom({ token: async () => `token ${++number}` });
    socket.die(4001);
    const next = await reconnected();
    assert.equal(next.sent[0].token, 'token 2');
    next.die(4001);
    assert.equal(room.state, 'closed');

    const fixed = await joinedRoom({ token: 'always the same' });
    fixed.socket.die(4001);
    assert.equal(fixed.room.state, 'closed');
});

test('goaway: a new connection takes over within the time given, while the old one still works', async () => {
    const { room, socket } = await joinedRoom();
    const signals = record(room, 'signal');
    socket.say({ type: 'goaway', reason: 'draining', reconnectWithin: 8_000 });
    clock.advance(3_999);
    await settled();
    assert.equal(FakeSocket.all.length, 1);
    clock.advance(1); // half, as random() says here
    await settled();
    const next = FakeSocket.last;
    assert.notEqual(next, socket);
    assert.equal(room.state, 'joined');
    socket.say({ type: 'signal', from: 'ben', data: 'on the old one' });
    next.open();
    assert.equal(next.sent[0].resume.received, 1);
    socket.say({ type: 'signal', from: 'ben', data: 'too late, the server sends it again' });
    socket.die(4009);
    next.joined({ resumed: true });
    next.say({ type: 'signal', from: 'ben', data: 'too late, the server sends it again' });
    assert.deepEqual(
        signals.map(({ data }) => data),
        ['on the old one', 'too late, the server sends it again'],
    );
    assert.equal(room.state, 'joined');
});

test('goaway: when the new connection fails the old one is kept, and another attempt follows', async () => {
    const { room, socket } = await joinedRoom();
    socket.say({ type: 'goaway', reason: 'draining', reconnectWithin: 100 });
    clock.advance(50);
    await settled();
    FakeSocket.last.die();
    assert.equal(room.state, 'joined');
    room.signal('ben', 'still here');
    assert.equal(socket.ofType('signal').length, 1);
    const next = await reconnected();
    next.joined({ resumed: true, received: 1 });
    assert.deepEqual(next.ofType('signal'), []);
});

test('a connection that never gets to joined is given up', async () => {
    const { room, socket } = await newRoom();
    clock.advance(10_000);
    assert.ok(socket.isClosed);
    const next = await reconnected();
    assert.notEqual(next, socket);
    next.joined();
    assert.equal(room.state, 'joined');
});

test('coming online connects at once, and proves a connection that looks alive', async () => {
    const { room, socket } = await joinedRoom();
    page.dispatchEvent(new Event('online'));
    assert.equal(socket.ofType('ping').length, 1);
    socket.say({ type: 'pong', received: 0 });
    socket.die();
    for (let i = 0; i < 6; i++) (await reconnected()).die();
    const { length } = FakeSocket.all;
    page.dispatchEvent(new Event('online'));
    await settled();
    assert.equal(FakeSocket.all.length, length + 1);
    assert.equal(room.state, 'resuming');
});

test('a reload takes the membership over; a duplicated tab finds nothing', async () => {
    const store = new FakeStore();
    const { room, socket } = await joinedRoom({ store });
    socket.say({ type: 'signal', from: 'ben', data: 1 });
    room.signal('ben', 'a');
    assert.equal(store.size, 0);
    page.dispatchEvent(new Event('pagehide'));
    assert.equal(store.size, 1);

    const reloaded = await newRoom({ store });
    assert.equal(store.size, 0);
    reloaded.socket.open();
    assert.deepEqual(reloaded.socket.sent[0].resume, { session: 's1', received: 1 });
    assert.equal(reloaded.socket.sent[0].peer, 'me');
    reloaded.socket.joined({ resumed: true, received: 1, session: 's2' });
    reloaded.room.signal('ben', 'b');
    reloaded.socket.die();
    const next = await reconnected();
    next.joined({ resumed: true, received: 1 });
    assert.deepEqual(
        next.ofType('signal').map(({ data }) => data),
        ['b'],
    );
});

test('a page that ends and keeps nothing leaves; one that may come back does not', async () => {
    const { socket } = await joinedRoom();
    page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
    assert.deepEqual(socket.ofType('leave'), []);
    page.dispatchEvent(new Event('pagehide'));
    assert.equal(socket.ofType('leave').length, 1);

    const kept = await joinedRoom({ store: new FakeStore() });
    page.dispatchEvent(new Event('pagehide'));
    assert.deepEqual(kept.socket.ofType('leave'), []);
});

test('info that changed meanwhile is told after resuming', async () => {
    const { room, socket } = await joinedRoom({ info: { name: 'Ann' } });
    room.info = { name: 'Anna' };
    assert.deepEqual(socket.ofType('info'), [{ type: 'info', info: { name: 'Anna' } }]);
    socket.die();
    room.info = { name: 'Anne' };
    const next = await reconnected();
    next.joined({ resumed: true });
    assert.deepEqual(next.ofType('info'), [{ type: 'info', info: { name: 'Anne' } }]);
});

test('an error names the signal that failed', async () => {
    const { room, socket } = await joinedRoom();
    const errors = record(room, 'error');
    const id = room.signal('nobody', {});
    assert.equal(socket.ofType('signal')[0].id, id);
    socket.say({
        type: 'error',
        code: 'peer-not-found',
        message: 'no such peer',
        to: 'nobody',
        id,
    });
    assert.deepEqual(
        errors.map(({ error }) => [error.code, error.to, error.id, error.retryable]),
        [['peer-not-found', 'nobody', id, false]],
    );
    assert.equal(room.state, 'joined');
});

test('leave says so and ends', async () => {
    const { room, socket } = await joinedRoom({ store: new FakeStore() });
    const closed = record(room, 'closed');
    room.leave();
    assert.deepEqual(socket.sent.at(-1), { type: 'leave' });
    assert.ok(socket.isClosed);
    assert.equal(closed[0].reason, 'left');
    clock.advance(60_000);
    await settled();
    assert.equal(FakeSocket.all.length, 1);
});

test('names that the server would refuse are refused at once', () => {
    assert.throws(() => new Room('a/b', { url: 'http://test' }), { code: 'bad-name' });
    assert.throws(() => new Room('r', { url: 'http://test', peer: '' }), { code: 'bad-name' });
});

test('on() gives back its undo, and listens no longer than its signal', async () => {
    const { room, socket } = await joinedRoom();
    const heard = [];
    const listening = new AbortController();
    const undo = room.on('notice', ({ data }) => heard.push(`a${data}`));
    room.on('notice', ({ data }) => heard.push(`b${data}`), { signal: listening.signal });
    room.on('notice', ({ data }) => heard.push(`c${data}`), { once: true });
    socket.say({ type: 'notice', data: 1 });
    undo();
    socket.say({ type: 'notice', data: 2 });
    listening.abort();
    socket.say({ type: 'notice', data: 3 });
    assert.deepEqual(heard, ['a1', 'b1', 'c1', 'b2']);
});

test('join(): a name is short for an info, and an abort leaves', async () => {
    const leaving = new AbortController();
    const joining = join('r', {
        url: 'http://test',
        name: 'Ann',
        info: { role: 'x' },
        signal: leaving.signal,
    });
    await settled();
    FakeSocket.last.open();
    assert.deepEqual(FakeSocket.last.sent[0].info, { role: 'x', name: 'Ann' });
    FakeSocket.last.joined();
    const room = await joining;
    const closed = record(room, 'closed');
    leaving.abort();
    assert.equal(FakeSocket.last.sent.at(-1).type, 'leave');
    assert.equal(closed[0].reason, 'left');
});

test('join(): an abort before it is in rejects with its reason', async () => {
    const leaving = new AbortController();
    const joining = join('r', { url: 'http://test', signal: leaving.signal });
    const why = new Error('too slow');
    leaving.abort(why);
    await assert.rejects(joining, why);
    await assert.rejects(join('r', { url: 'http://test', signal: AbortSignal.abort(why) }), why);
    assert.equal(FakeSocket.all.length, 1, 'aborted before it began, it never connected');
    clock.advance(60_000);
    await settled();
    assert.equal(FakeSocket.all.length, 1);
});

test('a token is renewed well before its end, over the same connection', async () => {
    let number = 0;
    const { socket } = await joinedRoom(
        { token: async () => `token ${++number}` },
        { tokenExpiresIn: 100 },
    );
    const answer = async (ms) => {
        for (let passed = 0; passed < ms; passed += 1_000) {
            clock.advance(1_000);
            await settled();
            if (socket.ofType('ping').length > 0) socket.say({ type: 'pong', received: 0 });
        }
    };
    await answer(79_000);
    assert.equal(socket.ofType('token').length, 0);
    await answer(2_000); // 0.8 of it, as random() says here
    assert.deepEqual(socket.ofType('token'), [{ type: 'token', token: 'token 2' }]);
    socket.say({ type: 'token', tokenExpiresIn: 50 });
    await answer(41_000);
    assert.deepEqual(socket.ofType('token').at(-1), { type: 'token', token: 'token 3' });
    socket.say({ type: 'token' }); // for ever
    await answer(200_000);
    assert.equal(socket.ofType('token').length, 2);
});

test('a renewal that fails is told, and tried again while there is time', async () => {
    let works = true;
    const token = async () => {
        if (works) return 'good';
        throw new Error('no network');
    };
    const { room, socket } = await joinedRoom({ token }, { tokenExpiresIn: 20 });
    const errors = record(room, 'error');
    works = false;
    clock.advance(16_000);
    await settled();
    assert.deepEqual(
        errors.map(({ error }) => [error.code, error.cause.message]),
        [['unauthorized', 'no network']],
    );
    works = true;
    clock.advance(3_200);
    await settled();
    assert.equal(socket.ofType('token').length, 1);
});

test('no token to join with is the end of it; to resume with, it is asked for again', async () => {
    const failing = async () => {
        throw new Error('no network');
    };
    const first = new Room('r', { url: 'http://test', token: failing });
    const refused = assert.rejects(first.join(), {
        code: 'unauthorized',
        message: 'Error: no network',
    });
    await settled();
    clock.advance(10_000); // the second try
    await refused;

    let works = true;
    const { room, socket } = await joinedRoom({ token: () => (works ? 'good' : failing()) });
    works = false;
    socket.die();
    for (let i = 0; i < 5; i++) {
        clock.advance(10_000);
        await settled();
    }
    assert.equal(room.state, 'resuming');
    works = true;
    (await reconnected()).joined({ resumed: true });
    assert.equal(room.state, 'joined');
});

test('a fixed token is not renewed, and no renewal outlives its connection', async () => {
    const { socket } = await joinedRoom({ token: 'text' }, { tokenExpiresIn: 10 });
    clock.advance(9_000);
    await settled();
    assert.equal(socket.ofType('token').length, 0);
    let asked = 0;
    const other = await joinedRoom({ token: async () => `${++asked}` }, { tokenExpiresIn: 10 });
    other.room.leave();
    clock.advance(9_000);
    await settled();
    assert.equal(asked, 1);
});

test('what an administrator may say, and what comes back', async () => {
    const { room, socket } = await joinedRoom();
    const errors = record(room, 'error');
    const ids = [room.lock(), room.lock(false), room.kick('ben', { ban: 60 }), room.end()];
    assert.deepEqual(socket.sent.slice(-4), [
        { type: 'lock', locked: true, id: ids[0] },
        { type: 'lock', locked: false, id: ids[1] },
        { type: 'kick', peer: 'ben', ban: 60, id: ids[2] },
        { type: 'close', id: ids[3] },
    ]);
    socket.say({ type: 'error', code: 'forbidden', message: 'no', id: ids[2] });
    assert.deepEqual([errors[0].error.code, errors[0].error.id], ['forbidden', ids[2]]);
    socket.say({ type: 'error', code: 'unknown-type', message: 'an older server' });
    assert.equal(errors.length, 1);
    socket.die();
    assert.throws(() => room.kick('ben'), { code: 'not-connected', retryable: true });
});

test('another kind of network is as good as coming online', async () => {
    const connection = Object.assign(new EventTarget(), { type: 'wifi' });
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    Object.defineProperty(globalThis, 'navigator', { value: { connection }, configurable: true });
    try {
        const { socket } = await joinedRoom();
        const change = (type) => {
            connection.type = type;
            connection.dispatchEvent(new Event('change'));
        };
        change('wifi'); // only its speed
        assert.equal(socket.ofType('ping').length, 0);
        change('cellular');
        assert.equal(socket.ofType('ping').length, 1);
    } finally {
        if (before) Object.defineProperty(globalThis, 'navigator', before);
        else delete globalThis.navigator;
    }
});

test('close() and Symbol.dispose leave', async () => {
    const { room, socket } = await joinedRoom();
    room.close();
    assert.deepEqual([room.state, socket.isClosed], ['closed', true]);
    if (!Symbol.dispose) return; // Node 18
    const other = await joinedRoom();
    other.room[Symbol.dispose]();
    assert.equal(other.room.state, 'closed');
});
