// A client as the protocol wants it: counts, keeps what is not acknowledged, resends after a
// resume. It remembers every signal it got, so that a test can hold the streams against each other.

import { frame } from './frame.js';
import { Peer } from './peer.js';

export class Client {
    got = new Map(); // sender -> list of data, in the order received
    restarts = 0; // resumes that were answered with resumed: false
    busy = 0; // signals that came back as peer-busy
    failed = []; // what came back for another reason: its error
    left = 0; // peers that were said to have left
    #sent = []; // signals that the server may not have, as text; the first has number #acked + 1
    #acked = 0;
    #received = 0;

    static async join(server, options) {
        const client = new Client();
        client.server = server;
        client.#adopt(await Peer.join(server, options));
        return client;
    }

    get id() {
        return this.peer.id;
    }

    signal(to, data) {
        const text = JSON.stringify({ type: 'signal', to, data });
        this.#sent.push(text);
        this.peer.send(text);
    }

    /** Everything sent so far has reached the server, and everything for here that was accepted. */
    async settle() {
        await this.#ping();
        this.#take();
    }

    async #ping() {
        const { received } = await this.peer.settle(this.#received);
        this.#acknowledged(received);
    }

    /** How a connection may end: by itself, by falling silent, or because the next one takes over. */
    async reconnect(how, options = {}) {
        const old = this.peer;
        if (how === 'lose') await old.lose();
        if (how === 'reset') await old.ws.reset();
        if (how === 'freeze') old.freeze();
        // Its pongs acknowledge too, and may get there before the resume with an older count.
        old.ws.autoPong = false;
        if (how === 'cut') {
            const text = JSON.stringify({ type: 'signal', to: this.id, data: 'never whole' });
            old.ws.sendRaw(frame({ payload: text }).subarray(0, 20));
            await old.lose();
        }
        const next = await old.resume(this.server, options);
        this.#take(old, next.resumedAt - this.#received);
        this.#adopt(next);
    }

    #adopt(peer) {
        this.peer = peer;
        const { resumed, received } = peer.joined;
        if (resumed) {
            this.#acknowledged(received);
            for (const text of this.#sent) peer.send(text);
            return;
        }
        this.restarts += peer.resumedAt === null ? 0 : 1;
        this.#sent = [];
        this.#acked = 0;
        this.#received = 0;
    }

    #acknowledged(received) {
        this.#sent.splice(0, received - this.#acked);
        this.#acked = received;
    }

    /** Takes what came out of a connection's inbox; of an old one only as much as it was told. */
    #take(peer = this.peer, most = Infinity) {
        const signals = peer.inbox.items.filter((m) => m.type === 'signal').slice(0, most);
        for (const { from, data } of signals) {
            if (!this.got.has(from)) this.got.set(from, []);
            this.got.get(from).push(data);
        }
        this.#received += signals.length;
        const errors = peer.inbox.items.filter((m) => m.type === 'error');
        this.busy += errors.filter((m) => m.code === 'peer-busy').length;
        this.failed.push(...errors.filter((m) => m.code !== 'peer-busy').map((m) => m.text));
        this.left += peer.inbox.items.filter((m) => m.type === 'peer-left').length;
        peer.inbox.clear();
    }
}
