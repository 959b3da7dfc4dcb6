// A client as an SDK would be one: numbers what it says, moves when it is asked to or has lost its
// connection, and where the server could not keep its membership asks its partner to say again what
// is missing.

import { setTimeout as passed } from 'node:timers/promises';
import { Client } from '../support/client.js';

const TICK = 400; // ms between two signals of a client
const TRIES = 300; // to come back
const NEVER = 2 ** 31 - 1;

export class Guest {
    sent = 0;
    next = 0; // the number that is to come
    moves = 0;
    gaps = 0; // numbers that came too early
    repeated = 0; // and too late
    lost = []; // how connections ended before their client had moved on
    #taken = 0; // of what the client got
    #restarts = 0;
    #moveAt = null; // ms, when to go
    #talking = true;
    #quit = false;

    static async arrive(server, room, peer, partner) {
        const guest = new Guest();
        Object.assign(guest, { partner, client: await Client.join(server, { room, peer }) });
        guest.#watch();
        return guest;
    }

    /** Two that talk with each other until they are stopped. */
    static async pair(server, room) {
        const pair = [
            await Guest.arrive(server, room, 'a', 'b'),
            await Guest.arrive(server, room, 'b', 'a'),
        ];
        [pair[0].other, pair[1].other] = [pair[1], pair[0]];
        for (const guest of pair) {
            guest.done = guest.#live();
            guest.done.catch(() => {}); // looked at in stop()
        }
        return pair;
    }

    get complete() {
        return this.next === this.other.sent;
    }

    get restarts() {
        return this.client.restarts;
    }

    #watch() {
        const { peer } = this.client;
        peer.until('goaway', {}, NEVER).then(
            ({ reconnectWithin }) => (this.#moveAt = Date.now() + Math.random() * reconnectWithin),
            () => {
                if (peer !== this.client.peer) return;
                this.lost.push(peer.ws.closeFrame?.code ?? 'dropped');
                this.#moveAt = Date.now();
            },
        );
    }

    async #live() {
        await passed(Math.random() * TICK);
        while (this.#talking) {
            if (this.#moveAt !== null && Date.now() >= this.#moveAt) await this.#move();
            this.client.signal(this.partner, this.sent++);
            await this.#look();
            const rest = this.#moveAt === null ? Infinity : this.#moveAt - Date.now();
            await passed(Math.max(Math.min(rest, TICK * (0.5 + Math.random())), 0));
        }
        while (!this.#quit && !(this.complete && this.other.complete)) {
            if (this.#moveAt !== null && Date.now() >= this.#moveAt) await this.#move();
            await this.#look();
            await passed(50);
        }
    }

    async #look() {
        await this.client.settle().catch(() => {}); // lost: it moves
        const got = this.client.got.get(this.partner) ?? [];
        while (this.#taken < got.length) this.#take(got[this.#taken++]);
    }

    #take(data) {
        if (typeof data === 'number') {
            this.gaps += data > this.next;
            this.repeated += data < this.next;
            this.next += data === this.next;
            return;
        }
        for (let number = data.have; number < this.sent; number++)
            this.client.signal(this.partner, number);
        if (data.ask) this.client.signal(this.partner, { have: this.next });
    }

    async #move() {
        for (let tries = 0; ; tries++) {
            try {
                await this.client.reconnect('take over');
                break;
            } catch (error) {
                if (tries > TRIES) throw error;
                await passed(Math.random() * 200);
            }
        }
        this.#moveAt = null;
        this.moves++;
        this.#watch();
        if (this.client.restarts > this.#restarts) this.ask();
        this.#restarts = this.client.restarts;
    }

    /** Has both sides say again what did not come. */
    ask() {
        this.client.signal(this.partner, { have: this.next, ask: true });
    }

    /** Ends, whatever is missing. */
    quit() {
        this.#talking = false;
        this.#quit = true;
        this.client.peer.lose();
    }

    /** Says nothing new; resolves when each has all that the other said. */
    async stop() {
        this.#talking = false;
        await this.done;
    }
}
