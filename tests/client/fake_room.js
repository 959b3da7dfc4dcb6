// Two or more Rooms on one made-up server, which carries signals as the test wants: at once, when
// `flush()` says, in another order, twice, or not at all.

import { webcrypto } from 'node:crypto';
import { Room } from '../../client/roomline.js';
import { FakeSocket } from './fakes.js';
import { FakePeerConnection, FakeStream } from './fake_rtc.js';

globalThis.crypto ??= webcrypto; // Node 18

export const settled = () => new Promise((resolve) => setImmediate(resolve));

export class FakeServer {
    sockets = new Map(); // peer -> FakeSocket
    waiting = null; // while it is an array, signals wait in it
    carry = (deliver) => deliver(); // what becomes of a signal

    constructor() {
        globalThis.WebSocket = FakeSocket;
        globalThis.RTCPeerConnection = FakePeerConnection;
        globalThis.MediaStream = FakeStream;
        FakePeerConnection.all = [];
    }

    async join(peer, options = {}) {
        const room = new Room('r', { url: 'http://test', peer, ...options });
        const joining = room.join();
        await settled();
        const socket = FakeSocket.last;
        this.sockets.set(peer, socket);
        socket.send = (text) => this.#take(peer, JSON.parse(text), socket);
        socket.open();
        const others = [...this.sockets.keys()].filter((other) => other !== peer);
        socket.joined({
            peer,
            peers: others.map((other) => ({ peer: other, info: {}, state: 'here' })),
            ...options.joined,
        });
        for (const other of others) this.sockets.get(other).say({ type: 'peer-joined', peer, info: {} });
        return joining;
    }

    #take(from, message, socket) {
        socket.sent.push(message);
        if (message.type === 'ping') socket.say({ type: 'pong', received: 0 });
        if (message.type !== 'signal') return;
        const { to, data } = JSON.parse(JSON.stringify(message));
        const deliver = () => this.sockets.get(to).say({ type: 'signal', from, data });
        if (this.waiting) this.waiting.push({ from, to, data, deliver });
        else this.carry(deliver, { from, to, data });
    }

    // Delivers what waits, in the order that `arrange` makes of it.
    flush(arrange = (all) => all) {
        const all = this.waiting;
        this.waiting = null;
        for (const { deliver } of arrange(all)) deliver();
    }
}

// Until nothing more is under way.
export async function idle() {
    for (let i = 0; i < 30; i++) await settled();
}

export function record(target, type) {
    const events = [];
    target.on(type, (event) => events.push(event));
    return events;
}
