// Numbered signals from one peer to another while something breaks.
//
//   const stream = new Stream(a, b, { pace: 5 });
//   ... break something ...
//   await stream.finish();      each number came once and in order
//
// Where something may come back as undeliverable: finish({ mayFail: true }) lets through numbers
// whose sender got an `unavailable` for them. No number is lost without a word. One that came back
// may have arrived all the same: its acknowledgement was lost.

import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';

const NEVER = 2 ** 31 - 1; // ms
const END = 'end';

let streams = 0;

export class Stream {
    sent = 0;
    got = []; // numbers, as they came
    times = []; // ms, of each
    failed = []; // numbers that came back
    #running = true;

    /** pace: ms between two signals; from.id and to.id are those of the peers. */
    constructor(from, to, { pace = 5 } = {}) {
        Object.assign(this, { from, to, pace, key: `${from.id}>${to.id} ${++streams}` });
        this.sending = this.#send();
        this.ended = this.#receive();
        this.sending.catch(() => {});
        this.ended.catch(() => {}); // looked at in finish()
    }

    async #send() {
        while (this.#running && !this.from.ws.closed) {
            this.#signal(this.sent++);
            await passed(this.pace);
        }
    }

    #signal(number) {
        this.from.signal(this.to.id, [this.key, number], `${this.key} ${number}`);
    }

    async #receive() {
        const mine = (m) => m.type === 'signal' && m.data[0] === this.key;
        for (;;) {
            const { data } = await this.to.inbox.take(mine, NEVER);
            if (data[1] === END) return;
            this.got.push(data[1]);
            this.times.push(Date.now());
        }
    }

    /** So many more arrive. */
    async flows(count = 20, timeout = 30_000) {
        const [until, late] = [this.got.length + count, Date.now() + timeout];
        const mine = (m) => m.type === 'pong';
        while (this.got.length < until) {
            assert.ok(Date.now() < late, `${this} stands still at ${this.got.length} of ${until}`);
            this.to.send({ type: 'ping', received: this.to.received });
            await this.to.inbox.take(mine);
            await passed(this.pace);
        }
    }

    /** Sends no more; what is behind all that was sent must arrive in `timeout` ms. */
    async finish({ mayFail = false, timeout = 10_000 } = {}) {
        this.#running = false;
        await this.sending;
        const until = Date.now() + timeout;
        // The end itself may come back where others may; else it is said once, as each of them.
        const patience = mayFail ? 1000 : timeout;
        for (let arrived = false; !arrived; ) {
            this.#signal(END);
            const late = passed(patience, false, { ref: false });
            arrived = await Promise.race([this.ended.then(() => true), late]);
            assert.ok(arrived || Date.now() < until, `${this}: the end did not arrive`);
        }
        await this.from.settle();
        this.#collectErrors();
        this.#check(mayFail);
    }

    #collectErrors() {
        const ours = (m) => m.type === 'error' && m.id?.startsWith(`${this.key} `);
        for (const { id, code } of this.from.inbox.items.filter(ours)) {
            const number = Number(id.slice(this.key.length + 1));
            if (Number.isNaN(number)) continue; // an end
            assert.equal(code, 'unavailable', `${this}: ${id}`);
            this.failed.push(number);
        }
    }

    #check(mayFail) {
        for (let i = 1; i < this.got.length; i++)
            assert.ok(this.got[i] > this.got[i - 1], `${this}: ${this.got[i]} after ${this.got[i - 1]}`);
        if (!mayFail) assert.deepEqual(this.failed, [], `${this} came back`);
        const known = new Set([...this.got, ...this.failed]);
        const missing = [...Array(this.sent).keys()].filter((n) => !known.has(n));
        assert.deepEqual(missing, [], `${this}: lost, of ${this.sent}`);
    }

    toString() {
        return `stream ${this.key}`;
    }
}

/** One to each other of the peers. */
export function streamsAmong(peers, options) {
    return peers.flatMap((from) =>
        peers.filter((to) => to !== from).map((to) => new Stream(from, to, options)),
    );
}
