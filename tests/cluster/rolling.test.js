// Three instances behind a load balancer are replaced one after the other while everybody talks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { Client } from '../support/client.js';
import { eventually, ownCluster } from '../support/cluster.js';
import { startHaproxy } from '../support/haproxy.js';
import { freshRoom } from '../support/peer.js';

const PAIRS = 200;
const TICK = 500; // ms between two signals of a client
const NEVER = 2 ** 31 - 1;

/** As an SDK does it: talks, goes where it is asked to go, comes back when it is lost. */
class Guest {
    sent = 0;
    moves = 0;
    late = []; // how a connection ended before its client had moved on
    #moveAt = null; // ms, when to go
    #talking = true;

    static async arrive(server, room, peer, partner) {
        const guest = new Guest();
        Object.assign(guest, { partner, client: await Client.join(server, { room, peer }) });
        guest.#watch();
        return guest;
    }

    talk() {
        this.done = this.#live();
        this.done.catch(() => {}); // looked at in stop()
    }

    get got() {
        return this.client.got.get(this.partner) ?? [];
    }

    #watch() {
        const { peer } = this.client;
        peer.until('goaway', {}, NEVER).then(
            ({ reconnectWithin }) => (this.#moveAt = Date.now() + Math.random() * reconnectWithin),
            () => {
                if (peer !== this.client.peer) return;
                this.late.push(peer.ws.closeFrame?.code ?? 'dropped');
                this.#moveAt = Date.now();
            },
        );
    }

    async #live() {
        await passed(Math.random() * TICK);
        while (this.#talking) {
            if (this.#moveAt !== null && Date.now() >= this.#moveAt) await this.#move();
            this.client.signal(this.partner, this.sent++);
            await this.client.settle().catch(() => {}); // lost: it moves
            const rest = this.#moveAt === null ? Infinity : this.#moveAt - Date.now();
            await passed(Math.max(Math.min(rest, TICK * (0.5 + Math.random())), 0));
        }
        if (this.#moveAt !== null) await this.#move();
    }

    async #move() {
        for (let tries = 0; ; tries++) {
            try {
                await this.client.reconnect('take over');
                break;
            } catch (error) {
                if (tries > 50) throw error;
                await passed(Math.random() * 200);
            }
        }
        this.#moveAt = null;
        this.moves++;
        this.#watch();
    }

    /** Says no more. */
    async stop() {
        this.#talking = false;
        await this.done;
    }
}

test('rolling restart behind haproxy: every signal once and in order, nobody leaves', async (t) => {
    const config = { 'drain.linger': '800ms', 'drain.spread': '1s', 'drain.deadline': '4s' };
    const options = { instances: 3, placed: true, config };
    const cluster = await ownCluster(t, options);
    const haproxy = await startHaproxy(cluster.servers);
    t.after(() => haproxy.end());
    const guests = [];
    for (let n = 0; n < PAIRS; n++) {
        const room = freshRoom();
        guests.push(await Guest.arrive(haproxy, room, 'a', 'b'));
        guests.push(await Guest.arrive(haproxy, room, 'b', 'a'));
    }
    for (const guest of guests) guest.talk();
    for (const [n, server] of cluster.servers.entries()) {
        const { url } = server;
        const out = haproxy.program.nextLine(new RegExp(`instances/s${n} is DOWN`));
        server.signal('SIGTERM');
        await out;
        await server.expectExit();
        const back = haproxy.program.nextLine(new RegExp(`instances/s${n} is UP`));
        await cluster.add({ listen: [url] }, n);
        await back;
    }
    await Promise.all(guests.map((guest) => guest.stop()));
    await eventually(
        async () => {
            await Promise.all(guests.map(({ client }) => client.settle()));
            return guests.every((guest, n) => guest.got.length >= guests[n ^ 1].sent);
        },
        'all that was sent has arrived',
    ).catch(() => {}); // what is missing is told below
    for (const [n, guest] of guests.entries()) {
        const { sent } = guests[n ^ 1];
        assert.ok(sent > 10, `${sent} were sent`);
        assert.deepEqual(guest.got, [...Array(sent).keys()], `guest ${n}`);
        const { restarts, busy, left } = guest.client;
        assert.deepEqual({ restarts, busy, left }, { restarts: 0, busy: 0, left: 0 }, `guest ${n}`);
    }
    assert.deepEqual(guests.flatMap(({ late }) => late), [], 'moved only once it was closed');
    const moves = guests.map((guest) => guest.moves);
    assert.ok(Math.min(...moves) >= 1, 'each was on one that was replaced');
});
