// Peers that signal all the time while their connections end in every way: each signal arrives
// once, in order. Seeded, so that a failure can be run again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../support/client.js';
import { DEFAULT_TIMEOUT } from '../support/inbox.js';
import { freshRoom } from '../support/peer.js';
import { Random, seed } from '../support/random.js';
import { ALL_MODES, suite } from '../support/suite.js';

const NO_RATE = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };
const HOW = ['lose', 'reset', 'freeze', 'cut', 'take over'];
const PEERS = 4;
const ROUNDS = 25;

suite('chaos', ALL_MODES, { config: NO_RATE }, (on) => {
    test(`each signal once and in order, whatever connections do (seed ${seed})`, async () => {
        const room = freshRoom();
        const clients = [];
        for (let n = 0; n < PEERS; n++) {
            clients.push(
                await Client.join(on.server, { room, peer: `p${n}`, worker: n % on.mode.workers }),
            );
        }
        const count = new Map(); // 'from>to' -> how many were sent
        await Promise.all(
            clients.map((me, n) => live(me, clients, new Random(seed + n), count, on)),
        );
        // Behind all that came before it, as signals of a pair keep their order.
        for (const from of clients) for (const to of clients) from.signal(to.id, 'end');
        const until = Date.now() + DEFAULT_TIMEOUT;
        const ended = (to) => clients.every((from) => to.got.get(from.id)?.at(-1) === 'end');
        for (const to of clients) while (!ended(to) && Date.now() < until) await to.settle();
        for (const to of clients) {
            assert.equal(to.restarts, 0);
            assert.equal(to.busy, 0);
            for (const from of clients) {
                const sent = count.get(`${from.id}>${to.id}`) ?? 0;
                const got = to.got.get(from.id) ?? [];
                assert.deepEqual(
                    got,
                    [...Array(sent).keys(), 'end'],
                    `${from.id} to ${to.id}, seed ${seed}`,
                );
            }
        }
    });
});

/** Rounds of signals to random peers; most end with a new connection, on a random worker. */
async function live(me, clients, random, count, on) {
    for (let round = 0; round < ROUNDS; round++) {
        for (let n = random.below(6); n > 0; n--) {
            const to = random.pick(clients);
            const key = `${me.id}>${to.id}`;
            const number = count.get(key) ?? 0;
            count.set(key, number + 1);
            me.signal(to.id, number);
        }
        if (random.chance(0.6)) {
            await me.reconnect(random.pick(HOW), { worker: random.below(on.mode.workers) });
        } else {
            await me.settle();
        }
    }
    await me.settle();
}
