// A seeded generator, so that a failure can be run again: ROOMLINE_SEED=number.

/** The seed of this run, printed by the test that uses it. */
export const seed = Number(process.env.ROOMLINE_SEED ?? Date.now() % 1_000_000_007);

/** mulberry32: next() is uniform in [0, 1). */
export class Random {
    #state;

    constructor(start = seed) {
        this.#state = start >>> 0;
    }

    next() {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let t = this.#state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    below(n) {
        return Math.floor(this.next() * n);
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    chance(p) {
        return this.next() < p;
    }
}
