// What the SDK meets in a browser, under the test's control: sockets, timers, the page.

/** A clock that stands still; `advance(ms)` runs what is due. Call `restore()` when done. */
export class Clock {
    now = 0;
    #timers = new Map();
    #next = 1;
    #real = {
        setTimeout,
        clearTimeout,
        setInterval,
        clearInterval,
        dateNow: Date.now,
        random: Math.random,
    };

    constructor() {
        globalThis.setTimeout = (run, ms = 0) => this.#add(run, ms, false);
        globalThis.setInterval = (run, ms) => this.#add(run, ms, true);
        globalThis.clearTimeout = globalThis.clearInterval = (id) => this.#timers.delete(id);
        Date.now = () => this.now;
        Math.random = () => 0.5;
    }

    advance(ms) {
        const end = this.now + ms;
        for (let due; (due = this.#nextDue(end));) {
            this.now = due.at;
            if (due.every) due.at += due.every;
            else this.#timers.delete(due.id);
            due.run();
        }
        this.now = end;
    }

    restore() {
        const { dateNow, random, ...timers } = this.#real;
        Object.assign(globalThis, timers);
        Date.now = dateNow;
        Math.random = random;
    }

    #add(run, ms, repeated) {
        const id = this.#next++;
        this.#timers.set(id, { id, run, at: this.now + ms, every: repeated && ms });
        return id;
    }

    #nextDue(end) {
        const due = [...this.#timers.values()].filter(({ at }) => at <= end);
        return due.sort((a, b) => a.at - b.at || a.id - b.id)[0];
    }
}

/** Every socket made is in `FakeSocket.all`; the test plays the server. */
export class FakeSocket {
    static all = [];

    static get last() {
        return FakeSocket.all.at(-1);
    }

    sent = [];
    isClosed = false;

    constructor(url, protocol) {
        Object.assign(this, { url, protocol });
        FakeSocket.all.push(this);
    }

    send(text) {
        this.sent.push(JSON.parse(text));
    }

    close() {
        this.isClosed = true;
    }

    // ---- the server's side ----

    open() {
        this.onopen?.();
    }

    say(message) {
        this.onmessage?.({ data: JSON.stringify(message) });
    }

    joined(fields) {
        this.say({
            type: 'joined',
            room: 'r',
            peer: 'me',
            session: 's1',
            resumed: false,
            received: 0,
            peers: [],
            iceServers: [],
            pingInterval: 25,
            resumeWindow: 30,
            ...fields,
        });
    }

    die(code = 1006) {
        this.isClosed = true;
        this.onclose?.({ code });
    }

    ofType(type) {
        return this.sent.filter((message) => message.type === type);
    }
}

/** sessionStorage. */
export class FakeStore extends Map {
    getItem(key) {
        return this.get(key) ?? null;
    }

    setItem(key, text) {
        this.set(key, text);
    }

    removeItem(key) {
        this.delete(key);
    }
}
