// One file on its way through a call. It is offered over the call's own channel, and when it is
// accepted the sender opens a channel for it alone: chunks one way, the count of what was taken in the
// other. No more than WINDOW is ever on the way or in a buffer, so a slow disk over there slows us here.

import { Emitter } from './emitter.js';
import { RoomError } from './protocol.js';

/** @import * as Api from './roomline.js' */

const CHUNK = 64 * 1024; // what every browser takes in one message
const WINDOW = 1024 * 1024;
const REASON_TIME = 1_000; // ms
const ACK_EVERY = WINDOW / 4;

/** @implements {Api.FileTransfer} */
export class FileTransfer extends Emitter {
    /** @type {Api.FileState} */
    state = 'offered';
    bytes = 0;

    #tell;
    #blob;
    #channel = null;
    #parts = [];
    #writer;
    #taking = Promise.resolve(); // the writes so far
    #arrived = 0;
    #acked = 0;
    #resume; // wakes the sender
    #settle;

    // tell(action): to the other side's receive(); blob: of what is sent
    constructor({ name, type, size }, tell, blob) {
        super();
        this.name = name;
        this.type = type;
        this.size = size;
        this.incoming = !blob;
        this.#tell = tell;
        this.#blob = blob;
        this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
        this.done.catch(() => {}); // who does not ask need not catch
    }

    /** @param {{ to?: WritableStream }} [options] */
    accept({ to } = {}) {
        if (this.state === 'offered' && this.incoming) {
            this.#writer = to?.getWriter();
            this.#enter('active');
            this.#tell('accept');
        }
        return this.done;
    }

    decline() {
        this.#stop('declined', 'decline');
    }

    cancel() {
        this.#stop('cancelled', 'cancel');
    }

    close() {
        this.cancel();
    }

    // ---- for call.js ----

    receive(action, pc, label) {
        if (action === 'decline') this.#stop('declined');
        else if (action === 'cancel') this.#stop('cancelled');
        else if (action === 'accept' && this.state === 'offered' && !this.incoming) {
            this.#enter('active');
            this.open(pc.createDataChannel(label));
        }
    }

    fail() {
        this.#stop('failed');
    }

    open(channel) {
        if (this.state !== 'active' || this.#channel) return channel.close();
        this.#channel = channel;
        channel.binaryType = 'arraybuffer'; // Firefox and old Safari give a Blob otherwise
        // Why may come a moment later, over the call's own channel.
        channel.onclose = () => setTimeout(() => this.fail(), REASON_TIME);
        if (this.incoming) {
            channel.onmessage = ({ data }) => this.#take(data);
            if (this.size === 0) channel.onopen = () => this.#taken(0);
        } else {
            channel.onopen = () => this.#pump();
            channel.onmessage = ({ data }) => this.#acknowledged(Number(data));
        }
    }

    // ---- sending ----

    async #pump() {
        let sent = 0;
        try {
            while (sent < this.size && this.state === 'active') {
                const chunk = await this.#blob.slice(sent, sent + CHUNK).arrayBuffer();
                while (sent - this.bytes >= WINDOW && this.state === 'active')
                    await new Promise((resolve) => (this.#resume = resolve));
                if (this.#channel.readyState !== 'open') return;
                this.#channel.send(chunk);
                sent += chunk.byteLength;
            }
        } catch {
            this.#stop('failed', 'cancel'); // the file went away
        }
    }

    #acknowledged(count) {
        this.#progress(count);
        this.#resume?.();
        if (count === this.size) this.#stop('done');
    }

    // ---- receiving ----

    #take(data) {
        const { byteLength } = data;
        this.#arrived += byteLength;
        if (!(byteLength > 0) || this.#arrived > this.size) return this.cancel();
        if (!this.#writer) this.#parts.push(data);
        this.#taking = this.#taking
            .then(() => this.#writer?.write(new Uint8Array(data)))
            .then(() => this.#taken(byteLength))
            .catch(() => this.#stop('failed', 'cancel'));
    }

    async #taken(count) {
        if (this.state !== 'active') return;
        this.#progress(this.bytes + count);
        const isAll = this.bytes === this.size;
        if (isAll) await this.#writer?.close();
        if (this.state !== 'active' || (!isAll && this.bytes - this.#acked < ACK_EVERY)) return;
        this.#acked = this.bytes;
        this.#channel.send(String(this.bytes));
        if (isAll) this.#stop('done');
    }

    // ---- both ----

    #progress(bytes) {
        this.bytes = bytes;
        this.emit('progress', { bytes, size: this.size });
    }

    // `action`: what to tell the other side
    #stop(state, action) {
        if (this.state !== 'offered' && this.state !== 'active') return;
        if (action) this.#tell(action);
        this.#enter(state);
        this.#resume?.();
        const isDone = state === 'done';
        if (this.#channel) {
            this.#channel.onclose = this.#channel.onmessage = null;
            // Who receives leaves the closing to the sender: the last count must get there.
            if (!isDone || !this.incoming) this.#channel.close();
        }
        if (!isDone) this.#writer?.abort().catch(() => {});
        const { resolve, reject } = this.#settle;
        if (!isDone) reject(new RoomError(state));
        else resolve(this.incoming && !this.#writer ? new Blob(this.#parts, { type: this.type }) : null);
        this.#parts = [];
        this.#blob = null;
    }

    #enter(state) {
        this.state = state;
        this.emit('state', { state });
    }
}
