// A peer that speaks the protocol: joins, signals, keeps the roster and both counts, resumes.
//
//   const a = await Peer.join(server, { room, peer: 'a' });
//   const b = await Peer.join(server, { room, peer: 'b', worker: 1 });
//   await a.expect('peer-joined', { peer: 'b' });
//   a.signal('b', { sdp: '...' });
//   const { from, data } = await b.expect('signal');

import assert from 'node:assert/strict';
import { DEFAULT_TIMEOUT, Inbox } from './inbox.js';
import { hide } from './secrets.js';
import { connectWebSocket } from './websocket.js';

let rooms = 0;

/** A room name nobody else has. */
export function freshRoom(name = 'room') {
    return `${name}-${process.pid}-${++rooms}`;
}

export class Peer {
    inbox = new Inbox('messages', (m) => m.text);
    joined = null; // the server's answer to `join`
    roster = new Map(); // peer -> {peer, info, state}, everyone but this one
    received = 0; // `signal` messages received in this membership
    resumedAt = null; // the same, as it was told when it resumed

    constructor(ws, room) {
        Object.assign(this, { ws, room });
        ws.follow(
            (message) => this.#onMessage(message),
            (error) => this.inbox.end(error),
        );
    }

    /** Connects without joining. Options: room and those of connectWebSocket. */
    static async connect(server, { room = freshRoom(), ...options } = {}) {
        return new Peer(await connectWebSocket(server, { room, ...options }), room);
    }

    /** Connects and joins; rejects with the server's `error` or close code. */
    static async join(server, { room, peer, token, info, resume, ...options } = {}) {
        hide(token);
        const self = await Peer.connect(server, { room, ...options });
        self.send({ type: 'join', peer, token, info, resume });
        await self.expectJoined();
        return self;
    }

    /** Connects and sends `join`; the answer is the caller's to read. */
    static async ask(server, { room = freshRoom(), ...join } = {}, options = {}) {
        hide(join.token);
        const self = await Peer.connect(server, { room, ...options });
        self.send({ type: 'join', ...join });
        return self;
    }

    /** The answer to a `join` that was sent. */
    async expectJoined() {
        const message = await this.next();
        assert.equal(message.type, 'joined', `not joined: ${message.text}`);
        return message;
    }

    get id() {
        return this.joined.peer;
    }

    get session() {
        return this.joined.session;
    }

    /** An object, or the very text of a message. */
    send(message) {
        this.ws.sendText(typeof message === 'string' ? message : JSON.stringify(message));
    }

    signal(to, data, id) {
        this.send({ type: 'signal', to, data, id });
    }

    /** The next message, with its `text`. */
    next(timeout) {
        return this.inbox.take(undefined, timeout, 'message');
    }

    /** The next message must be of this type and have these fields. */
    async expect(type, fields = {}, timeout = DEFAULT_TIMEOUT) {
        const message = await this.inbox.take(undefined, timeout, type);
        assert.equal(message.type, type, `got ${message.text}`);
        for (const [name, value] of Object.entries(fields)) {
            assert.deepEqual(message[name], value, `${name} in ${message.text}`);
        }
        return message;
    }

    /** The first message of this type with these fields; what came before it stays. */
    until(type, fields = {}, timeout = DEFAULT_TIMEOUT) {
        const match = (m) =>
            m.type === type &&
            Object.entries(fields).every(
                ([name, value]) => JSON.stringify(m[name]) === JSON.stringify(value),
            );
        return this.inbox.take(match, timeout, `${type} ${JSON.stringify(fields)}`);
    }

    /** `count` signals, as they come, everything else left alone. */
    async signals(count, timeout = DEFAULT_TIMEOUT) {
        const list = [];
        while (list.length < count) list.push(await this.until('signal', {}, timeout));
        return list;
    }

    expectError(code, fields = {}) {
        return this.expect('error', { code, ...fields });
    }

    /** The server has handled all that was sent, and had nothing to say but the pong. Returns the pong. */
    async quiet(received) {
        this.send({ type: 'ping', received });
        return this.expect('pong');
    }

    /** The server has handled all that was sent; what it said before stays in the inbox. */
    async settle(received) {
        this.send({ type: 'ping', received });
        return this.until('pong');
    }

    expectClose(code, timeout) {
        return this.ws.expectClose(code, timeout);
    }

    /** Leaves for good. */
    async leave() {
        this.send({ type: 'leave' });
        await this.ws.expectClose(1000);
    }

    /** Loses the connection without a word. */
    lose() {
        return this.ws.destroy();
    }

    /** Stops reading and answering while the connection stays up. */
    freeze() {
        this.ws.freeze();
    }

    /** Reads and answers again. */
    thaw() {
        this.ws.thaw();
    }

    /**
     * Takes the membership back over a new connection; the server's answer is in `joined`, and how
     * many signals were said to be received in `resumedAt`.
     * Options: those of connect, and `session`, `received`, `peer` in place of this peer's own.
     */
    async resume(server, { session = this.session, received, peer, token, ...options } = {}) {
        const again = await Peer.connect(server, { room: this.room, ...options });
        // The old connection may have brought more while the new one was made.
        again.resumedAt = again.received = received ?? this.received;
        const resume = { session, received: again.resumedAt };
        again.send({ type: 'join', peer, token, resume });
        await again.expectJoined();
        return again;
    }

    #onMessage({ text, size }) {
        const message = { ...JSON.parse(text), text, size };
        const entry = this.roster.get(message.peer);
        if (message.type === 'signal') this.received++;
        if (message.type === 'peer-joined')
            this.roster.set(message.peer, {
                peer: message.peer,
                info: message.info,
                state: 'here',
            });
        if (message.type === 'peer-left') this.roster.delete(message.peer);
        if (message.type === 'peer-info' && entry) entry.info = message.info;
        if (message.type === 'peer-away' && entry) entry.state = 'away';
        if (message.type === 'peer-back' && entry) entry.state = 'here';
        if (message.type === 'joined') this.#onJoined(message);
        this.inbox.push(message);
    }

    #onJoined(joined) {
        this.joined = joined;
        hide(joined.session, ...joined.iceServers.map(({ credential }) => credential));
        if (!joined.resumed) this.received = 0;
        this.roster = new Map(joined.peers.map((entry) => [entry.peer, entry]));
    }
}

/** Asks to join, and is told `code` and closed with `close`. */
export async function expectRefused(server, join, code, close, options) {
    const peer = await Peer.ask(server, join, options);
    await peer.expectError(code);
    await peer.expectClose(close);
}
