// The files of a call, loaded at the first of them. Each is offered over the call's own channel, and when it is
// accepted the sender opens one for it alone. What goes through that is flow.js's.

import { Emitter } from './emitter.js';
import { give, take } from './flow.js';
import { RoomError } from './protocol.js';

/** @import * as Api from './roomline.js' */

const REASON_TIME = 1_000; // ms
const MAX_OFFERS = 16; // offered to me at a time

export class Files {
    #all = new Map(); // ID -> FileTransfer
    #sent = 0;
    #call;
    #mark;
    #say;
    #whenOpen;
    #over;

    // mark: what the IDs of those that I send begin with; say(message): to the other side's receive(), returns whether
    // it could be sent; whenOpen(run): once it can; over: aborts when the call ends
    constructor(call, { mark, say, whenOpen, over }) {
        this.#call = call;
        this.#mark = mark;
        this.#say = say;
        this.#whenOpen = whenOpen;
        this.#over = over;
        over.addEventListener('abort', () => this.#end());
    }

    #end() {
        this.#call.pc?.removeEventListener('datachannel', this.#open);
        for (const transfer of this.#all.values()) transfer.fail();
    }

    send(blob, { name = blob.name ?? 'file' } = {}) {
        const id = `${this.#mark}${++this.#sent}`;
        const { size, type } = blob;
        const transfer = this.#add(id, { name, size, type }, blob);
        if (this.#over.aborted) transfer.fail();
        else this.#whenOpen(() => this.#offer(transfer, { file: id, name, size, type }));
        return transfer;
    }

    // It may have been cancelled meanwhile.
    #offer(transfer, message) {
        if (transfer.state === 'offered' && !this.#say(message)) transfer.fail();
    }

    // What comes from the other side may be anything, and the call over since it came.
    receive({ file: id, action, name, size, type }) {
        if (this.#over.aborted) return;
        const known = this.#all.get(id);
        if (action) return known?.receive(action, () => this.#call.pc.createDataChannel(id));
        const isSane = Number.isSafeInteger(size) && size >= 0 && !known && !id.startsWith(this.#mark);
        if (!isSane || this.#all.size >= MAX_OFFERS) return this.#say({ file: id, action: 'decline' });
        const about = { name: String(name).slice(0, 255), size, type: String(type).slice(0, 127) };
        this.#call.pc.addEventListener('datachannel', this.#open); // it counts once
        this.#call.emit('file', { file: this.#add(id, about) });
    }

    #open = ({ channel }) => this.#all.get(channel.label)?.open(channel);

    #add(id, about, blob) {
        const transfer = new FileTransfer(about, (action) => this.#say({ file: id, action }), blob);
        this.#all.set(id, transfer);
        transfer.done.catch(() => {}).then(() => this.#all.delete(id));
        return transfer;
    }
}

/** @implements {Api.FileTransfer} */
export class FileTransfer extends Emitter {
    /** @type {Api.FileState} */
    state = 'offered';
    bytes = 0;

    #tell;
    #blob;
    #channel = null;
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

    // ---- for Files ----

    // newChannel(): a channel for it alone
    receive(action, newChannel) {
        if (action === 'decline') this.#stop('declined');
        else if (action === 'cancel') this.#stop('cancelled');
        else if (action === 'accept' && this.state === 'offered' && !this.incoming) {
            this.#enter('active');
            this.open(newChannel());
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
        const { size, type } = this;
        if (!this.incoming) this.#wake = give(channel, this.#blob, this.#on);
        else take(channel, { size, type, writer: this.#writer }, this.#on);
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
