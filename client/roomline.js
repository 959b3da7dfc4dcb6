// roomline: the browser SDK. What all this offers is in roomline.d.ts, the guide in docs/sdk.md.

import { Calls } from './calls.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { RoomError, isPeerId, isRoomName, roomUrl } from './protocol.js';

/** @import * as Api from './roomline.js' */

export { Call } from './call.js';
export { RoomError, compareIds } from './protocol.js';

const ICE_WAIT = 5_000; // ms to wait for fresh TURN credentials before going on with the old ones
const REPORT_EVERY = 15_000; // ms in the long run

// A membership that ended so takes its calls along. Other refusals, of a socket that wanted to come
// back, are no reason to cut two people off who hear each other.
const ENDS_CALLS = /^(left|kicked|room-closed|forbidden)$/;

export async function join(name, options) {
    return new Room(name, options).join();
}

/** @implements {Api.Room} */
export class Room extends Emitter {
    peers = new Map();
    peer = null;
    /** @type {Api.RoomState} */
    state = 'new';
    iceServers = [];

    #link;
    #info;
    #infoIsNews = false; // the server may still have an older one
    #calls;
    #rtc;
    #iceExpires; // ms
    #nextReport = 0; // ms
    #join; // { promise, resolve, reject } of join()
    #signal;
    #over = new AbortController();

    /** @param {Api.RoomOptions} [options] */
    constructor(name, options = {}) {
        super();
        const { peer = null, name: myName, signal, store = null, token } = options;
        if (!isRoomName(name)) throw new RoomError('bad-name', `not a room name: ${name}`);
        if (peer !== null && !isPeerId(peer)) throw new RoomError('bad-name', `not a peer ID: ${peer}`);
        this.name = name;
        this.peer = peer;
        this.#info = myName === undefined ? (options.info ?? {}) : { ...options.info, name: myName };
        this.#rtc = options.rtc;
        this.#signal = signal;
        this.#calls = new Calls(this);
        const url = roomUrl(options.url ?? globalThis.location?.href, name);
        this.#link = new Link(this.#owner, { url, token, store, key: `roomline:${name}` });
    }

    join() {
        if (this.#join) return this.#join.promise;
        this.#join = {};
        this.#join.promise = new Promise((resolve, reject) =>
            Object.assign(this.#join, { resolve, reject }),
        );
        const abort = () => this.#leave(this.#signal.reason);
        if (this.#signal?.aborted) abort();
        else {
            this.#signal?.addEventListener('abort', abort, { signal: this.#over.signal });
            const kept = this.#link.open();
            this.peer ??= kept;
            this.#infoIsNews = kept !== null;
        }
        return this.#join.promise;
    }

    get calls() {
        return this.#calls.all;
    }

    get info() {
        return this.#info;
    }

    set info(info) {
        this.#info = info;
        this.#infoIsNews = this.state !== 'joined';
        if (!this.#infoIsNews) this.#link.send({ type: 'info', info });
    }

    call(peer, options) {
        return this.#calls.call(peer, options);
    }

    signal(to, data) {
        return this.#link.signal(to, data);
    }

    lock(locked = true) {
        return this.#link.ask({ type: 'lock', locked });
    }

    kick(peer, { ban = undefined } = {}) {
        return this.#link.ask({ type: 'kick', peer, ban });
    }

    end() {
        return this.#link.ask({ type: 'close' });
    }

    leave() {
        this.#leave();
    }

    close() {
        this.#leave();
    }

    #leave(error) {
        this.#calls.leave();
        this.#link.close(error);
    }

    // ---- for call.js ----

    // What an RTCPeerConnection needs, once that is known to be good for a while.
    async freshIce() {
        if (this.#iceExpires < Date.now())
            await new Promise((resolve) => {
                const { signal } = this.#over;
                setTimeout(resolve, ICE_WAIT);
                for (const type of ['joined', 'ice', 'closed'])
                    this.on(type, resolve, { once: true, signal });
            });
        return this.iceConfig;
    }

    // How a call went. Not more often than the server takes it.
    report(call) {
        const now = Date.now();
        const next = Math.max(this.#nextReport, now) + REPORT_EVERY;
        if (this.state !== 'joined' || next > now + 16 * REPORT_EVERY) return;
        this.#nextReport = next;
        this.#link.send({ type: 'report', call });
    }

    get iceConfig() {
        return { ...this.#rtc, iceServers: this.iceServers };
    }

    #setIce({ iceServers, iceExpires }) {
        this.iceServers = iceServers;
        // Where it seems to be over already, it is my clock that is wrong.
        const ends = iceExpires * 1000;
        this.#iceExpires = ends > Date.now() ? ends : Infinity;
        this.#calls.each('configure');
    }

    // ---- what the link tells ----

    #owner = {
        hello: () => ({ peer: this.peer ?? undefined, info: this.#info }),
        enter: (state) => this.#enter(state),
        receive: (message) => Room.#handlers[message.type]?.(this, message), // a newer server may say more
        fail: (error) => this.emit('error', { error }),
        network: () => this.#calls.each('restart'),
        leaving: () => this.#calls.leave(),
        over: (reason, code, error) => {
            this.#over.abort();
            this.#enter('closed');
            this.#calls.closed(reason, ENDS_CALLS.test(reason));
            this.#join?.reject(error);
            this.emit('closed', { reason, code });
        },
    };

    #enter(state) {
        if (this.state === state) return;
        this.state = state;
        this.emit('state', { state });
    }

    static #handlers = {
        joined(room, { peer, resumed, peers, ...message }) {
            room.peer = peer;
            room.#setIce(message);
            room.#enter('joined');
            if (resumed && room.#infoIsNews) room.#link.send({ type: 'info', info: room.#info });
            room.#infoIsNews = false;
            if (!resumed) room.#calls.each('spoil'); // the server knows nothing of the old session
            room.#replaceRoster(peers);
            room.emit('joined', { resumed });
            room.#join.resolve(room);
        },

        'peer-joined'(room, { peer, info }) {
            room.#put({ peer, info, state: 'here' });
            room.emit('roster');
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
            room.emit('roster');
        },

        signal(room, { from, data }) {
            if (!room.#calls.receive(from, data)) room.emit('signal', { from, data });
        },

        notice(room, { data }) {
            room.emit('notice', { data });
        },

        'ice-servers'(room, message) {
            room.#setIce(message);
            room.emit('ice');
        },

        error(room, { code, message, to, id }) {
            if (code === 'unknown-type') return; // an older server need not know all we say
            if (to !== undefined) room.#calls.all.get(to)?.undelivered(code);
            room.emit('error', { error: new RoomError(code, message, { to, id }) });
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
            const changed = { away: 'peer-away', here: 'peer-back' }[entry.state];
            this.#put(entry, known && (entry.state === known.state ? 'peer-info' : changed));
        }
        this.emit('roster');
    }

    #put(entry, event = 'peer-joined') {
        this.peers.set(entry.peer, entry);
        this.emit(event, entry);
        if (entry.state === 'here') this.calls.get(entry.peer)?.repair();
    }

    #change(peer, change, event) {
        const known = this.peers.get(peer);
        if (!known) return;
        this.#put({ ...known, ...change }, event);
        this.emit('roster');
    }

    #remove(peer, reason) {
        if (!this.peers.delete(peer)) return;
        this.emit('peer-left', { peer, reason });
        this.calls.get(peer)?.left(reason);
    }
}
