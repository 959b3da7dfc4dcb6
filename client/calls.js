// The calls of a room, and what of `signal` is theirs: docs/sdk.md, "Calls on the wire".

import { Call } from './call.js';
import { RoomError } from './protocol.js';

const GAP_TIME = 500; // ms to wait for a message that was overtaken; it may be lost
const MAX_HELD = 100; // messages that wait for one

// Not in the Lockdown Mode of iOS, nor where somebody turned it off.
export const canCall = () => 'RTCPeerConnection' in globalThis;

export class Calls {
    all = new Map(); // peer ID -> Call
    #room;
    #lines = new Map(); // call ID and peer -> { id, next: n, held: [message], timer }

    constructor(room) {
        this.#room = room;
    }

    call(peer, options = {}) {
        if (!canCall()) throw new RoomError('unsupported');
        const known = this.all.get(peer);
        if (known?.incoming && known.state === 'ringing') known.accept(options);
        if (known) return known;
        const id = crypto.getRandomValues(new Uint32Array(3)).join('-');
        return this.#make(peer, id, false).ring(options);
    }

    #make(peer, id, incoming) {
        const call = new Call(this.#room, this, { peer, id, incoming });
        this.all.set(peer, call);
        return call;
    }

    remove(call) {
        if (this.all.get(call.peer) === call) this.all.delete(call.peer);
        for (const [key, { id }] of this.#lines) if (call.has(id)) this.#lines.delete(key);
    }

    // Returns whether `data` was about a call.
    receive(from, data) {
        if (typeof data?.call !== 'string') return false;
        const key = `${data.call} ${from}`;
        const line = this.#lines.get(key) ?? { id: data.call, next: 0, held: [] };
        if (data.n < line.next) return true; // seen
        line.held.push(data);
        this.#lines.set(key, line);
        if (data.n > line.next && line.held.length < MAX_HELD)
            line.timer ??= setTimeout(() => this.#deliver(from, key, line, true), GAP_TIME);
        else this.#deliver(from, key, line, line.held.length >= MAX_HELD);
        return true;
    }

    // In order; over gaps only where waiting was in vain.
    #deliver(from, key, line, overGaps) {
        line.held.sort((a, b) => a.n - b.n);
        while (line.held.length && (overGaps || !(line.held[0].n > line.next))) {
            const data = line.held.shift();
            if (data.n < line.next) continue;
            line.next = data.n + 1 || line.next;
            this.#dispatch(from, data);
        }
        if (line.held.length) return;
        clearTimeout(line.timer);
        line.timer = undefined;
        if (!this.all.get(from)?.has(line.id)) this.#lines.delete(key);
    }

    #dispatch(from, data) {
        const call = this.all.get(from);
        if (call?.has(data.call)) call.receive(data);
        else if (data.action === 'call') this.#invited(from, data.call, call);
        else if (data.action !== 'hangup' && data.action !== 'decline' && !data.candidate) {
            // It believes in a call that ended here, perhaps with a reload.
            this.tell(from, { call: data.call, action: 'hangup' });
        }
    }

    #invited(peer, id, known) {
        if (!canCall()) return this.tell(peer, { call: id, action: 'decline', reason: 'unsupported' });
        if (known?.state === 'ringing' && !known.incoming) return known.crossed(id);
        known?.end('lost'); // its side of the old call is no more
        this.#room.emit('call', { call: this.#make(peer, id, true) });
    }

    // Returns whether the room took it: it may be closed, or have too much waiting for the server.
    tell(peer, message) {
        try {
            this.#room.signal(peer, message);
            return true;
        } catch {
            return false;
        }
    }

    each(method, ...values) {
        for (const call of [...this.all.values()]) call[method](...values);
    }

    // So is the room. Of a call that still rings nothing would be heard any more.
    closed(reason, all) {
        for (const call of [...this.all.values()]) if (all || call.state === 'ringing') call.end(reason);
    }

    // I go.
    leave() {
        this.each('finish', 'gone', 'left');
    }
}
