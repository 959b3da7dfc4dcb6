// A queue whose takers may wait: what arrives is pushed, tests take it by predicate.

export const DEFAULT_TIMEOUT = 15_000; // ms; generous, so that a sanitizer build passes too

export class Inbox {
    #items = [];
    #takers = [];
    #end = null; // Error that every taker gets once nothing will ever match

    constructor(name, describe = (item) => JSON.stringify(item)) {
        this.name = name;
        this.describe = describe;
    }

    get items() {
        return [...this.#items];
    }

    clear() {
        this.#items = [];
    }

    push(item) {
        const i = this.#takers.findIndex((taker) => taker.match(item));
        if (i < 0) this.#items.push(item);
        else this.#takers.splice(i, 1)[0].settle(null, item);
    }

    /** Nothing comes any more: takers of what is not there are refused with `error`. */
    end(error) {
        if (this.#end) return;
        this.#end = error;
        for (const taker of this.#takers.splice(0)) taker.settle(error);
    }

    /** The first item that matches, already here or still to come; it is removed. */
    take(match = () => true, timeout = DEFAULT_TIMEOUT, what = 'an item') {
        const i = this.#items.findIndex(match);
        if (i >= 0) return Promise.resolve(this.#items.splice(i, 1)[0]);
        if (this.#end) return Promise.reject(this.#end);
        const asked = new Error();
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.#takers.splice(this.#takers.indexOf(taker), 1);
                const rest = this.#items.slice(0, 8).map(this.describe).join('\n  ') || 'nothing';
                asked.message = `${this.name}: no ${what} within ${timeout} ms; there is\n  ${rest}`;
                reject(asked);
            }, timeout);
            const settle = (error, item) => {
                clearTimeout(timer);
                if (error) reject(error);
                else resolve(item);
            };
            const taker = { match, settle };
            this.#takers.push(taker);
        });
    }
}
