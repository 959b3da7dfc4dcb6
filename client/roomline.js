// roomline: the browser SDK.
//
//     const room = new Room('kitchen', { info: { name: 'Ann' } });
//     room.addEventListener('call', ({ call }) => call.accept(stream));
//     await room.join();
//     const call = room.call(somePeer, stream);
//
// A Room is one membership of one room. It survives lost sockets: it reconnects by itself, takes
// its session back, and neither loses nor repeats a signal (docs/protocol.md section 5). Calls are
// peer to peer and go on while the room is reconnecting.
//
// Events of a Room, each with the fields named:
//   state        state: 'connecting' | 'joined' | 'resuming' | 'closed'
//   roster       somebody came, went or changed; `room.peers` is already up to date
//   peer-joined  peer, info       peer-info  peer, info
//   peer-away    peer             peer-back  peer
//   peer-left    peer, reason
//   joined       resumed: false when the server no longer knew this session
//   call         call: an incoming Call, see call.js
//   signal       from, data: anything sent by `signal()` that is not a call's own
//   notice       data, from an administrator
//   error        code, message, to?, id?: the server refused one message
//   closed       reason, code: it is over; reasons are those of protocol.js

import { Calls } from './call.js';
import {
    Ledger,
    SLOW_ATTEMPT,
    backoff,
    closeRule,
    isPeerId,
    isRoomName,
    roomUrl,
} from './protocol.js';

export { Call } from './call.js';
export { compareIds } from './protocol.js';

const ACK_EVERY = 16; // signals, sent or received, between two acknowledgements
const CONNECT_TIMEOUT = 10_000; // ms from the first packet to `joined`
const PONG_TIMEOUT = 5_000; // ms
const STEADY = 10_000; // ms a connection must last before the back-off starts over

export class RoomError extends Error {
    constructor(code, message = code) {
        super(message);
        this.name = 'RoomError';
        this.code = code;
    }
}

export class Room extends EventTarget {
    peers = new Map(); // peer ID -> { peer, info, state: 'here' | 'away' }; everybody but me
    peer = null; // my own ID
    state = 'new';
    iceServers = [];

    #url;
    #info;
    #infoIsNews = false; // the server may still have an older one
    #token;
    #store; // where a reload finds the session again, or null
    #calls;
    #ledger = new Ledger();
    #session = null;
    #socket = null; // the connection in use
    #opening = null; // the one that may take over
    #attempt = 0;
    #joinedAt = 0;
    #tokenTries = 0;
    #unacknowledged = 0;
    #nextId = 1;
    #join = null; // { promise, resolve, reject } of join()
    #lastError = null; // the server's own words before it closes
    #retryTimer;
    #connectTimer;
    #pongTimer;
    #pingTimer;
    #awake = new AbortController(); // ends the listeners of #watchPage

    // options:
    //   url    any URL of the server; default: where this page came from
    //   peer   the ID to ask for; default: the server chooses
    //   info   what the others may know about me, a JSON object
    //   token  text, or a function (may be async) that gets a fresh one for every connection
    //   store  e.g. sessionStorage: the membership then survives a reload of the page
    constructor(
        name,
        { url = globalThis.location?.href, peer = null, info = {}, token, store = null } = {},
    ) {
        super();
        if (!isRoomName(name)) throw new RoomError('bad-name', `not a room name: ${name}`);
        if (peer !== null && !isPeerId(peer))
            throw new RoomError('bad-name', `not a peer ID: ${peer}`);
        this.name = name;
        this.peer = peer;
        this.#url = roomUrl(url, name);
        this.#info = info;
        this.#token = token;
        this.#store = store;
        this.#calls = new Calls(this);
    }

    // Resolves once in the room. Keeps trying while the network is down; rejects with a RoomError
    // when the server says no.
    join() {
        if (this.#join) return this.#join.promise;
        this.#join = {};
        this.#join.promise = new Promise((resolve, reject) =>
            Object.assign(this.#join, { resolve, reject }),
        );
        this.#restore();
        this.#watchPage();
        this.#enter('connecting');
        this.#connect();
        return this.#join.promise;
    }

    // Sends any JSON value to one peer, now or after resuming. Returns the number that an `error`
    // event about it would carry as `id`.
    signal(to, data) {
        if (!this.#session || this.state === 'closed') throw new RoomError('not-joined');
        const message = { type: 'signal', to, data, id: this.#nextId++ };
        if (!this.#ledger.sent(message))
            throw new RoomError('unavailable', 'too many signals wait');
        if (this.state === 'joined') {
            this.#send(message);
            this.#countForAck();
        }
        return message.id;
    }

    get info() {
        return this.#info;
    }

    set info(info) {
        this.#info = info;
        this.#infoIsNews = this.state !== 'joined';
        if (!this.#infoIsNews) this.#send({ type: 'info', info });
    }

    // Calls a peer with the given MediaStream, or with none to only receive. Where that peer is
    // calling me already, this answers.
    call(peer, stream = null) {
        return this.#calls.call(peer, stream);
    }

    // Leaves for good: nobody waits for this peer to come back.
    leave() {
        if (this.state === 'joined') {
            this.#calls.hangUpAll();
            this.#send({ type: 'leave' });
        }
        this.#finish(1000);
    }

    // ---- connection ----

    async #connect() {
        clearTimeout(this.#retryTimer);
        const opening = (this.#opening = {}); // holds the place while the token is fetched
        let token;
        try {
            token = typeof this.#token === 'function' ? await this.#token() : this.#token;
        } catch (error) {
            this.#lastError = String(error);
            if (this.#opening === opening) this.#closed(opening, 4001);
            return;
        }
        if (this.#opening !== opening) return;
        const socket = (this.#opening = new WebSocket(this.#url, 'roomline.v1'));
        clearTimeout(this.#connectTimer);
        this.#connectTimer = setTimeout(() => this.#drop(socket), CONNECT_TIMEOUT);
        socket.onopen = () => this.#take(socket, token);
        socket.onmessage = ({ data }) => this.#receive(data);
        socket.onclose = ({ code }) => this.#closed(socket, code);
    }

    // The new connection takes over. Whatever still arrives on the old one is not counted, so the
    // server sends it again on this one; the server closes the old one itself.
    #take(socket, token) {
        if (this.#socket) mute(this.#socket);
        this.#opening = null;
        this.#socket = socket;
        if (this.#session) this.#enter('resuming');
        this.#send({
            type: 'join',
            peer: this.peer ?? undefined,
            info: this.#info,
            token,
            resume: this.#session
                ? { session: this.#session, received: this.#ledger.received }
                : undefined,
        });
    }

    #closed(socket, code) {
        if (socket !== this.#socket && socket !== this.#opening) return;
        const wasSpare = socket === this.#opening && this.#socket !== null;
        if (socket === this.#opening) this.#opening = null;
        if (socket === this.#socket) this.#socket = null;
        if (!this.#opening) clearTimeout(this.#connectTimer);
        if (!wasSpare) this.#stopPinging();

        const { reconnect } = closeRule(code);
        const newToken =
            reconnect === 'token' && typeof this.#token === 'function' && this.#tokenTries++ === 0;
        if (reconnect === 'no' || (reconnect === 'token' && !newToken)) return this.#finish(code);
        if (!wasSpare && this.#session) this.#enter('resuming');
        if (this.#opening) return; // the next connection is on its way
        if (this.#joinedAt && Date.now() - this.#joinedAt > STEADY) this.#attempt = 0;
        if (reconnect === 'slow') this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
        this.#connectIn(backoff(this.#attempt++));
    }

    #connectIn(ms) {
        clearTimeout(this.#retryTimer);
        this.#retryTimer = setTimeout(() => this.#connect(), ms);
    }

    // For a socket that no longer answers: its own close event may take minutes.
    #drop(socket) {
        mute(socket);
        socket.close();
        this.#closed(socket, 1006);
    }

    #finish(code) {
        if (this.state === 'closed') return;
        clearTimeout(this.#retryTimer);
        clearTimeout(this.#connectTimer);
        this.#stopPinging();
        for (const socket of [this.#socket, this.#opening]) {
            if (!(socket instanceof WebSocket)) continue;
            mute(socket);
            socket.close(1000);
        }
        this.#socket = this.#opening = null;
        this.#awake.abort();
        this.#session = null;
        this.#forget();
        const { reason } = closeRule(code);
        this.#enter('closed');
        this.#join?.reject(new RoomError(reason, this.#lastError ?? reason));
        this.#emit('closed', { reason, code });
    }

    // ---- keeping alive (section 6) ----

    #startPinging(seconds) {
        clearInterval(this.#pingTimer);
        if (seconds > 0) this.#pingTimer = setInterval(() => this.#ping(), seconds * 1000);
    }

    #stopPinging() {
        clearInterval(this.#pingTimer);
        clearTimeout(this.#pongTimer);
        this.#pongTimer = undefined;
    }

    // Acknowledges what came in, learns what arrived, and finds out whether the socket still lives.
    #ping() {
        this.#unacknowledged = 0;
        this.#send({ type: 'ping', received: this.#ledger.received });
        const socket = this.#socket;
        this.#pongTimer ??= setTimeout(() => this.#drop(socket), PONG_TIMEOUT);
    }

    #countForAck() {
        if (++this.#unacknowledged >= ACK_EVERY) this.#ping();
    }

    // A phone that wakes up or changes networks does not wait for timers.
    #watchPage() {
        const { signal } = this.#awake;
        const wake = () => this.#wake();
        globalThis.addEventListener?.('online', wake, { signal });
        globalThis.addEventListener?.('pageshow', wake, { signal });
        globalThis.addEventListener?.('pagehide', () => this.#keep(), { signal });
        globalThis.document?.addEventListener(
            'visibilitychange',
            () => {
                if (document.visibilityState === 'hidden') this.#keep();
                else wake();
            },
            { signal },
        );
    }

    #wake() {
        this.#forget();
        if (this.state === 'joined') return this.#ping();
        if (this.#socket || this.#opening) return;
        this.#attempt = 0;
        this.#connect();
    }

    // ---- surviving a reload ----
    // The session is in the store only while the page is hidden or going away: a tab duplicated
    // from a live one must not steal its membership.

    get #key() {
        return `roomline:${this.name}`;
    }

    #keep() {
        if (!this.#session) return;
        const { received } = this.#ledger;
        this.#store?.setItem(
            this.#key,
            JSON.stringify({ peer: this.peer, session: this.#session, received }),
        );
    }

    #forget() {
        this.#store?.removeItem(this.#key);
    }

    #restore() {
        const kept = JSON.parse(this.#store?.getItem(this.#key) ?? 'null');
        this.#forget();
        if (!kept) return;
        this.peer = kept.peer;
        this.#session = kept.session;
        this.#infoIsNews = true;
        this.#ledger = new Ledger({ received: kept.received, restored: true });
    }

    // ---- messages ----

    #send(message) {
        this.#socket.send(JSON.stringify(message));
    }

    #receive(text) {
        clearTimeout(this.#pongTimer);
        this.#pongTimer = undefined;
        const message = JSON.parse(text);
        Room.#handlers[message.type]?.(this, message); // a newer server may say more than we know
    }

    static #handlers = {
        joined(room, { peer, session, resumed, received, peers, iceServers, pingInterval }) {
            clearTimeout(room.#connectTimer);
            const again = resumed ? room.#ledger.resume(received) : [];
            if (!resumed) room.#ledger.reset();
            Object.assign(room, { peer, iceServers });
            room.#session = session;
            room.#joinedAt = Date.now();
            room.#tokenTries = 0;
            room.#lastError = null;
            room.#startPinging(pingInterval);
            for (const message of again) room.#send(message);
            if (globalThis.document?.visibilityState === 'hidden') room.#keep();
            room.#enter('joined');
            if (resumed && room.#infoIsNews) room.#send({ type: 'info', info: room.#info });
            room.#infoIsNews = false;
            if (!resumed) room.#calls.forgotten();
            room.#replaceRoster(peers);
            room.#emit('joined', { resumed });
            room.#join.resolve(room);
        },

        'peer-joined'(room, { peer, info }) {
            room.#put({ peer, info, state: 'here' });
            room.#emit('roster');
        },

        'peer-info'(room, { peer, info }) {
            room.#change(peer, { info }, 'peer-info');
        },

        'peer-away'(room, { peer }) {
            room.#change(peer, { state: 'away' }, 'peer-away');
        },

        'peer-back'(room, { peer }) {
            room.#change(peer, { state: 'here' }, 'peer-back');
        },

        'peer-left'(room, { peer, reason }) {
            room.#remove(peer, reason);
            room.#emit('roster');
        },

        signal(room, { from, data }) {
            room.#ledger.received++;
            if (globalThis.document?.visibilityState === 'hidden') room.#keep();
            room.#countForAck();
            if (!room.#calls.receive(from, data)) room.#emit('signal', { from, data });
        },

        notice(room, { data }) {
            room.#emit('notice', { data });
        },

        'ice-servers'(room, { iceServers }) {
            room.iceServers = iceServers;
            room.#calls.configure();
        },

        pong(room, { received }) {
            room.#ledger.acknowledge(received);
        },

        // Everybody got the same message: the random moment keeps the next server from a stampede.
        goaway(room, { reconnectWithin }) {
            room.#connectIn(Math.random() * reconnectWithin);
        },

        error(room, { code, message, to, id }) {
            room.#lastError = message;
            if (to !== undefined) room.#calls.undelivered(to, code);
            room.#emit('error', { code, message, to, id });
        },
    };

    // ---- roster ----

    // Presence is not replayed; what the fresh roster shows is told as if it had been.
    #replaceRoster(peers) {
        const fresh = new Set(peers.map(({ peer }) => peer));
        for (const peer of [...this.peers.keys()]) {
            if (!fresh.has(peer)) this.#remove(peer, 'timeout');
        }
        for (const entry of peers) {
            const known = this.peers.get(entry.peer);
            this.#put(
                entry,
                known &&
                    (entry.state === known.state
                        ? 'peer-info'
                        : entry.state === 'away'
                          ? 'peer-away'
                          : 'peer-back'),
            );
        }
        this.#emit('roster');
    }

    #put(entry, event = 'peer-joined') {
        this.peers.set(entry.peer, entry);
        this.#emit(event, entry);
        if (entry.state === 'here') this.#calls.peerHere(entry.peer);
    }

    #change(peer, change, event) {
        const known = this.peers.get(peer);
        if (!known) return;
        this.#put({ ...known, ...change }, event);
        this.#emit('roster');
    }

    #remove(peer, reason) {
        if (!this.peers.delete(peer)) return;
        this.#emit('peer-left', { peer, reason });
        this.#calls.peerLeft(peer, reason);
    }

    // ---- events ----

    #enter(state) {
        if (this.state === state) return;
        this.state = state;
        this.#emit('state', { state });
    }

    #emit(type, fields) {
        this.dispatchEvent(Object.assign(new Event(type), fields));
    }

    // For call.js only.
    announce(call) {
        this.#emit('call', { call });
    }
}

function mute(socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
}
