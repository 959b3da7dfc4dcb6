// One file on its way through a call. It is offered over the call's own channel, and when it is accepted the
// sender opens one for it alone. What goes through that is flow.js's, loaded by then.

import { Emitter } from './emitter.js';
import { RoomError } from './protocol.js';

/** @import * as Api from './roomline.js' */

const REASON_TIME = 1_000; // ms

/** @implements {Api.FileTransfer} */
export class FileTransfer extends Emitter {
    /** @type {Api.FileState} */
    state = 'offered';
    bytes = 0;

    #tell;
    #blob;
    #channel = null;
    #flow; // the module
    #writer;
    #wake; // ends the sender's waiting
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
            this.#begin(() => this.#tell('accept'));
        }
        return this.done;
    }

    async #begin(run) {
        this.#enter('active');
        try {
            this.#flow = await import('./flow.js');
        } catch {
            return this.#stop('failed', 'cancel');
        }
        if (this.state === 'active') run();
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
            this.#begin(() => this.open(pc.createDataChannel(label)));
        }
    }

    fail() {
        this.#stop('failed');
    }

    open(channel) {
        if (this.state !== 'active' || this.#channel || !this.#flow) return channel.close();
        this.#channel = channel;
        channel.binaryType = 'arraybuffer'; // Firefox and old Safari give a Blob otherwise
        // Why may come a moment later, over the call's own channel.
        channel.onclose = () => setTimeout(() => this.fail(), REASON_TIME);
        const { size, type } = this;
        if (!this.incoming) this.#wake = this.#flow.give(channel, this.#blob, this.#on);
        else this.#flow.take(channel, { size, type, writer: this.#writer }, this.#on);
    }

    #on = {
        isActive: () => this.state === 'active',
        progress: (bytes) => {
            this.bytes = bytes;
            this.emit('progress', { bytes, size: this.size });
        },
        done: (result) => this.#stop('done', undefined, result),
        stop: (state) => this.#stop(state, 'cancel'),
    };

    // action: what to tell the other side
    #stop(state, action, result) {
        if (this.state !== 'offered' && this.state !== 'active') return;
        if (action) this.#tell(action);
        this.#enter(state);
        this.#wake?.();
        const isDone = state === 'done';
        if (this.#channel) {
            this.#channel.onclose = this.#channel.onmessage = null;
            // Who receives leaves the closing to the sender: the last count must get there.
            if (!isDone || !this.incoming) this.#channel.close();
        }
        if (!isDone) this.#writer?.abort().catch(() => {});
        if (isDone) this.#settle.resolve(result);
        else this.#settle.reject(new RoomError(state));
        this.#blob = this.#wake = null;
    }

    #enter(state) {
        this.state = state;
        this.emit('state', { state });
    }
}
