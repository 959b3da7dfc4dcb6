// Calls between Rooms on a made-up server, over made-up connections.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { FakePeerConnection, FakeStream, FakeTrack } from './fake_rtc.js';
import { FakeServer, idle, record } from './fake_room.js';
import { Clock } from './fakes.js';

let clock, server, ann, ben;

beforeEach(async () => {
    clock = new Clock();
    clock.now = 1_000;
    server = new FakeServer();
    ann = await server.join('ann');
    ben = await server.join('ben');
});

afterEach(() => clock.restore());

const camera = () => new FakeStream(new FakeTrack('audio'), new FakeTrack('video'));
const connectionOf = (call) => /** @type {FakePeerConnection} */ (call.pc);

// Ann calls, Ben answers.
async function talking(options = {}) {
    ben.on('call', ({ call }) => call.accept({ stream: camera() }), { once: true });
    const mine = ann.call('ben', { stream: camera(), ...options });
    await idle();
    return [mine, ben.calls.get('ann')];
}

const reports = (peer) => server.sockets.get(peer).ofType('report').map(({ call }) => call);

test('a call rings, connects and ends for both, with what went between', async () => {
    const incoming = record(ben, 'call');
    const mine = ann.call('ben', { stream: camera() });
    const states = record(mine, 'state');
    assert.deepEqual([mine.state, mine.incoming], ['ringing', false]);
    const theirs = incoming[0].call;
    assert.deepEqual([theirs.state, theirs.incoming, theirs.peer], ['ringing', true, 'ann']);
    theirs.accept();
    assert.equal(await mine.until('connected'), mine);
    await idle();
    assert.equal(theirs.state, 'connected');

    const heard = record(theirs, 'message');
    assert.ok(mine.send('hello'));
    await idle();
    assert.equal(heard[0].text, 'hello');
    const ends = [...record(mine, 'ended'), ...record(theirs, 'ended')];
    theirs.hangUp();
    assert.deepEqual([mine.state, mine.reason, theirs.reason], ['ended', 'hangup', 'hangup']);
    assert.deepEqual(ends.length, 0);
    assert.deepEqual(states.map(({ state }) => state), ['connecting', 'connected', 'ended']);
    assert.deepEqual([ann.calls.size, ben.calls.size], [0, 0]);
    assert.ok(FakePeerConnection.all.every(({ signalingState }) => signalingState === 'closed'));
    assert.equal(mine.send('too late'), false);
    await assert.rejects(mine.until('connected'), { code: 'hangup' });
});

test('how each call can end before it begins', async () => {
    const cases = [
        ['declined', (theirs) => theirs.decline(), 'cancelled', 'peer-left'],
        ['busy', (theirs) => theirs.decline('busy'), 'cancelled', 'peer-left'],
        ['cancelled', (theirs, mine) => mine.hangUp(), 'cancelled', 'hangup'],
        ['no-answer', () => clock.advance(45_000), 'cancelled', 'no-answer'],
        ['gone', () => ben.leave(), 'cancelled', 'peer-left'],
    ];
    for (const [reason, act, outcome, reported] of cases) {
        const incoming = record(ben, 'call');
        const mine = ann.call('ben');
        act(incoming[0].call, mine);
        await idle();
        assert.deepEqual([mine.state, mine.reason], ['ended', reason]);
        const { outcome: told, reason: why } = reports('ann').at(-1);
        assert.deepEqual([told, why], [outcome, reported], reason);
    }
});

test('a call ends when its signal aborts', async () => {
    const ending = new AbortController();
    const [mine, theirs] = await talking({ signal: ending.signal });
    ending.abort();
    assert.deepEqual([mine.reason, theirs.reason], ['hangup', 'hangup']);
    const early = ann.call('ben', { signal: AbortSignal.abort() });
    await idle();
    assert.equal(early.reason, 'cancelled');
});

test('two calls that cross are one', async () => {
    server.waiting = [];
    const stream = camera();
    const [one, other] = [ann.call('ben', { stream }), ben.call('ann', { stream })];
    server.flush();
    await idle();
    assert.deepEqual([one.state, other.state], ['connected', 'connected']);
    assert.equal(FakePeerConnection.all.length, 2);
    one.hangUp();
    assert.equal(other.state, 'ended');
});

test('calling who is calling me answers', async () => {
    ann.call('ben', { stream: camera() });
    const theirs = ben.call('ann', { stream: camera() });
    await idle();
    assert.deepEqual([theirs.incoming, theirs.state], [true, 'connected']);
});

test('signals that come twice, late and in another order change nothing', async () => {
    const seen = new Map();
    for (let round = 0; round < 30; round++) {
        let seed = round + 1;
        const random = () => (seed = (seed * 48271) % 0x7fffffff) / 0x7fffffff;
        const late = [];
        server.carry = (deliver) => {
            late.push(deliver);
            if (random() < 0.3) late.push(deliver);
        };
        ben.on('call', ({ call }) => call.accept({ stream: camera() }), { once: true });
        const mine = ann.call('ben', { stream: camera() });
        for (let i = 0; i < 200 && (late.length > 0 || mine.state !== 'connected'); i++) {
            if (late.length > 0) late.splice(Math.floor(random() * late.length), 1)[0]();
            await idle();
            if (late.length === 0) clock.advance(500);
        }
        const theirs = ben.calls.get('ann');
        assert.deepEqual([mine.state, theirs?.state], ['connected', 'connected'], `round ${round}`);
        assert.deepEqual([mine.pc.signalingState, theirs.pc.signalingState], ['stable', 'stable']);
        seen.set(round, mine.id);
        server.carry = (deliver) => deliver();
        mine.hangUp();
        await idle();
        clock.advance(2_000);
    }
    assert.equal(new Set(seen.values()).size, 30);
});

test('a signal that never comes is waited for, not for ever', async () => {
    let lost = 0;
    server.carry = (deliver, { data }) => {
        if (data.candidate && lost++ === 0) return;
        deliver();
    };
    const [mine, theirs] = await talking();
    clock.advance(500);
    await idle();
    assert.ok(lost > 0);
    assert.deepEqual([mine.state, theirs.state], ['connected', 'connected']);
    mine.hangUp();
    clock.advance(500);
    assert.equal(theirs.state, 'ended');
});

test('a page that believes in a call that is no more is told', async () => {
    server.sockets.get('ann').say({
        type: 'signal',
        from: 'ben',
        data: { call: 'old', n: 0, description: { type: 'offer', sdp: '' } },
    });
    const [{ data }] = server.sockets.get('ann').ofType('signal');
    assert.deepEqual([data.call, data.action], ['old', 'hangup']);
});

test('the hang-up arrives without signaling, too', async () => {
    const [mine, theirs] = await talking();
    server.carry = () => {};
    mine.hangUp();
    await idle();
    assert.equal(theirs.state, 'connected');
    clock.advance(2_000);
    assert.deepEqual([theirs.state, theirs.reason], ['ended', 'gone']);
});

test('mute, camera and screen: the other side is told, and the camera comes back', async () => {
    const stream = camera();
    const [mine, theirs] = await talking({ stream });
    const sender = (kind) =>
        mine.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind).sender;
    assert.deepEqual(theirs.remoteMedia, { microphone: true, camera: true, screen: false });
    mine.mute();
    mine.camera(false);
    await idle();
    assert.deepEqual(theirs.remoteMedia, { microphone: false, camera: false, screen: false });
    mine.mute(false);
    mine.camera();

    const [screen] = [new FakeTrack('video')];
    await mine.shareScreen(new FakeStream(screen));
    await idle();
    assert.equal(sender('video').track, screen);
    assert.equal(screen.contentHint, 'detail');
    assert.deepEqual(theirs.remoteMedia, { microphone: true, camera: true, screen: true });

    const other = new FakeTrack('video');
    await mine.setTrack('video', other); // not before the screen is over
    assert.equal(sender('video').track, screen);
    screen.dispatchEvent(new Event('ended')); // the browser's own button
    await idle();
    assert.equal(sender('video').track, other);
    assert.equal(theirs.remoteMedia.screen, false);
    assert.equal(screen.isStopped, false, 'a stream that was given is not mine to stop');
    mine.hangUp();
    assert.ok(stream.getTracks().every(({ isStopped }) => !isStopped));
});

test('a screen that the call asked for is stopped with it', async () => {
    const screen = new FakeTrack('video');
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    const mediaDevices = { getDisplayMedia: async () => new FakeStream(screen) };
    Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices }, configurable: true });
    try {
        const [mine] = await talking();
        await mine.shareScreen();
        mine.hangUp();
        assert.ok(screen.isStopped);
        globalThis.navigator.mediaDevices = {};
        await assert.rejects(mine.shareScreen(), { code: 'unsupported' });
    } finally {
        if (before) Object.defineProperty(globalThis, 'navigator', before);
        else delete globalThis.navigator;
    }
});

test('another device replaces the one before, and one that was missing is added', async () => {
    const [mine, theirs] = await talking({ stream: new FakeStream(new FakeTrack('audio')) });
    const video = mine.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === 'video');
    assert.equal(video.direction, 'recvonly');
    await mine.setTrack('video', new FakeTrack('video'));
    assert.equal(video.direction, 'sendrecv');
    mine.mute();
    const next = new FakeTrack('audio');
    await mine.setTrack('audio', next);
    assert.equal(next.enabled, false, 'muted stays muted');
    await idle();
    assert.deepEqual(theirs.remoteMedia, { microphone: false, camera: true, screen: false });
    assert.deepEqual([mine.pc.signalingState, theirs.pc.signalingState], ['stable', 'stable']);
});

test('without a stream and without wishes a call is data only', async () => {
    ben.on('call', ({ call }) => call.accept(), { once: true });
    const mine = ann.call('ben', { receive: false });
    await mine.until('connected');
    assert.deepEqual(mine.pc.getTransceivers(), []);
});

test('a connection that falters is restarted, by the impolite side first', async () => {
    const [mine, theirs] = await talking();
    const states = record(theirs, 'state');
    for (const call of [mine, theirs]) connectionOf(call).ice('disconnected');
    assert.deepEqual(states.map(({ state }) => state), ['reconnecting']);
    clock.advance(2_999);
    await idle();
    const restarts = () => [mine, theirs].map(({ pc }) => pc.restarts);
    assert.deepEqual(restarts(), [0, 0]);
    clock.advance(1);
    await idle();
    assert.deepEqual(restarts(), [0, 1]); // ann < ben, so ben is the impolite one
    for (const call of [mine, theirs]) connectionOf(call).ice('connected');
    assert.equal(theirs.state, 'connected');
    theirs.hangUp();
    assert.equal(reports('ben').at(-1).iceRestarts, 1);
});

test('a connection that never comes back is lost', async () => {
    const [mine, theirs] = await talking();
    server.carry = () => {};
    connectionOf(mine).ice('failed');
    clock.advance(44_000);
    await idle();
    assert.equal(mine.state, 'reconnecting');
    clock.advance(1_000);
    assert.deepEqual([mine.state, mine.reason], ['ended', 'lost']);
    assert.deepEqual(reports('ann').at(-1), {
        outcome: 'connected',
        reason: 'ice-failed',
        connectTime: 0,
        duration: 45_000,
        iceRestarts: reports('ann').at(-1).iceRestarts,
    });
    theirs.hangUp();
});

test('before an ICE restart with TURN credentials that are over, fresh ones are waited for', async () => {
    const turn = (username) => ({ urls: 'turn:x', username, credential: 'c' });
    const socket = server.sockets.get('ann');
    socket.say({ type: 'ice-servers', iceServers: [turn('first')], iceExpires: 60 });
    const [mine] = await talking();
    assert.deepEqual(mine.pc.config.iceServers, [turn('first')]);
    clock.advance(61_000);
    connectionOf(mine).ice('failed');
    clock.advance(2_000); // the polite side's patience
    await idle();
    assert.equal(mine.pc.restarts, 0);
    socket.say({ type: 'ice-servers', iceServers: [turn('second')], iceExpires: 600 });
    await idle();
    assert.equal(mine.pc.restarts, 1);
    assert.deepEqual(mine.pc.config.iceServers, [turn('second')]);

    clock.advance(600_000);
    connectionOf(mine).ice('failed');
    clock.advance(2_000);
    await idle();
    assert.equal(mine.pc.restarts, 1);
    clock.advance(5_000); // none came: the old ones may still do
    await idle();
    assert.equal(mine.pc.restarts, 2);
});

test('a clock that is wrong does not keep anybody from restarting', async () => {
    clock.now = 10_000_000;
    server.sockets.get('ann').say({ type: 'ice-servers', iceServers: [], iceExpires: 60 });
    const [mine] = await talking();
    connectionOf(mine).ice('failed');
    clock.advance(2_000);
    await idle();
    assert.equal(mine.pc.restarts, 1);
});

test('another network: every call restarts ICE at once', async () => {
    const [mine] = await talking();
    const page = new EventTarget();
    globalThis.addEventListener = page.addEventListener.bind(page);
    try {
        const cem = await server.join('cem');
        ben.on('call', ({ call }) => call.accept({ stream: camera() }), { once: true });
        const call = cem.call('ben', { stream: camera() });
        await call.until('connected');
        page.dispatchEvent(new Event('online'));
        await idle();
        assert.equal(call.pc.restarts, 1);
        assert.equal(mine.pc.restarts, 0, 'it joined before there was a window');

        page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
        assert.equal(call.state, 'connected');
        page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: false }));
        assert.deepEqual([call.state, call.reason], ['ended', 'left']);
    } finally {
        delete globalThis.addEventListener;
    }
});

test('a room that is refused leaves its calls alone; one that is closed does not', async () => {
    const [mine] = await talking();
    const socket = server.sockets.get('ann');
    socket.die(4007);
    assert.deepEqual([ann.state, mine.state], ['closed', 'connected']);
    const cem = await server.join('cem');
    ben.on('call', ({ call }) => call.accept({ stream: camera() }), { once: true });
    const call = cem.call('ben', { stream: camera() });
    await call.until('connected');
    server.sockets.get('cem').die(4005);
    assert.deepEqual([call.state, call.reason], ['ended', 'kicked']);
});

test('where a room is refused, what rings there has ended', async () => {
    const rings = record(ben, 'call');
    const mine = ann.call('ben');
    const [{ call: theirs }] = rings;
    server.sockets.get('ben').die(4009);
    server.sockets.get('ann').die(4007);
    assert.deepEqual([ben.state, theirs.state, theirs.reason], ['closed', 'ended', 'moved']);
    assert.deepEqual([mine.state, mine.reason], ['ended', 'room-locked']);
});

test('no more is reported than the server takes', async () => {
    for (let i = 0; i < 40; i++) ann.call('ben').hangUp();
    assert.equal(reports('ann').length, 16);
    clock.advance(30_000);
    for (let i = 0; i < 40; i++) ann.call('ben').hangUp();
    assert.equal(reports('ann').length, 18);
});

test('where there is no WebRTC one can neither call nor be called, and who calls hears why', async () => {
    const { RTCPeerConnection } = globalThis;
    const rings = record(ben, 'call');
    server.waiting = [];
    const mine = ann.call('ben');
    delete globalThis.RTCPeerConnection;
    try {
        server.flush();
        await idle();
        assert.deepEqual([mine.state, mine.reason, rings.length], ['ended', 'unsupported', 0]);
        assert.throws(() => ben.call('ann'), { code: 'unsupported', retryable: false });
        assert.equal(ben.calls.size, 0);
    } finally {
        Object.assign(globalThis, { RTCPeerConnection });
    }
});

test('nothing of a call that ended is kept', async () => {
    for (let i = 0; i < 5; i++) {
        const [mine] = await talking();
        mine.hangUp();
        await idle();
        clock.advance(1_000);
    }
    assert.deepEqual([ann.calls.size, ben.calls.size], [0, 0]);
});
