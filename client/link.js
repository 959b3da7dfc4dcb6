// The way to the server: one membership, over as many sockets as it takes (docs/protocol.md 5 to 7).

import { Ledger, RoomError, SLOW_ATTEMPT, backoff, closeRule } from './protocol.js';

const ACK_EVERY = 16; // signals, sent or received, between two acknowledgements
const CONNECT_TIMEOUT = 10_000; // ms from the first packet to `joined`
const PONG_TIMEOUT = 5_000; // ms
const STEADY = 10_000; // ms a connection must last before the back-off starts over
const RENEWABLE = 1; // seconds that a token must still be good for, to be worth a timer

export class Link {
    #owner;
    #url;
    #token;
    #store; // where a reload finds the session again, or null
    #key;
    #ledger = new Ledger();
    #peer = null;
    #session = null;
    #socket = null; // the connection in use
    #opening = null; // the one that may take over
    #isOver = false;
    #attempt = 0;
    #joinedAt = 0;
    #isIn = false;
    #tokenTries = 0;
    #unacknowledged = 0;
    #nextId = 1;
    #lastError; // the server's own words before it closes
    #timers = {};
    #awake = new AbortController(); // ends the listeners of #watchPage

    // owner: hello() -> fields of `join`; enter(state); receive(message); fail(error) about one message;
    // over(reason, code, error); network() has changed; leaving() the page
    constructor(owner, { url, token, store, key }) {
        this.#owner = owner;
        this.#url = url;
        this.#token = token;
        this.#store = store;
        this.#key = key;
    }

    // Returns my peer ID where there is a session to take back, from before a reload.
    open() {
        this.#restore();
        this.#watchPage();
        this.#owner.enter('connecting');
        this.#connect();
        return this.#peer;
    }

    // Sends now, or after resuming.
    signal(to, data) {
        if (!this.#session) throw new RoomError('not-joined');
        const message = { type: 'signal', to, data, id: this.#nextId++ };
        if (!this.#ledger.sent(message)) throw new RoomError('unavailable', 'too many signals wait');
        if (this.#isIn) {
            this.send(message);
            this.#countForAck();
        }
        return message.id;
    }

    // Sends now or not at all.
    ask(message) {
        if (!this.#isIn) throw new RoomError('not-connected');
        const id = this.#nextId++;
        this.send({ ...message, id });
        return id;
    }

    send(message) {
        this.#socket.send(JSON.stringify(message));
    }

    // `error`: why it is closed from this side, where not by leaving
    close(error) {
        if (this.#isIn) this.send({ type: 'leave' });
        this.#finish(1000, error);
    }

    // ---- connection ----

    #after(name, ms, run) {
        clearTimeout(this.#timers[name]);
        this.#timers[name] = setTimeout(run, ms);
    }

    #stop(...names) {
        for (const name of names) {
            clearTimeout(this.#timers[name]);
            delete this.#timers[name];
        }
    }

    async #connect() {
        this.#stop('retry');
        const opening = (this.#opening = {}); // holds the place while the token is fetched
        let token = this.#token;
        try {
            if (typeof token === 'function') token = await token();
        } catch (error) {
            this.#lastError = String(error);
            if (this.#opening !== opening) return;
            this.#owner.fail(new RoomError('unauthorized', this.#lastError, { cause: error }));
            // A call must not end because the application's own server is down for a moment.
            return this.#closed(opening, this.#session ? 1006 : 4001);
        }
        if (this.#opening !== opening) return;
        const socket = (this.#opening = new WebSocket(this.#url, 'roomline.v1'));
        this.#after('connect', CONNECT_TIMEOUT, () => this.#drop(socket));
        socket.onopen = () => this.#take(socket, token);
        socket.onmessage = ({ data }) => this.#receive(data);
        socket.onclose = ({ code }) => this.#closed(socket, code);
    }

    // The new connection takes over. Whatever still arrives on the old one is not counted, so the
    // server sends it again on this one; the server closes the old one itself.
    #take(socket, token) {
        if (this.#socket) mute(this.#socket);
        this.#opening = null;
        this.#socket = socket;
        const session = this.#session;
        if (session) this.#away();
        const resume = session ? { session, received: this.#ledger.received } : undefined;
        this.send({ type: 'join', ...this.#owner.hello(), token, resume });
    }

    #away() {
        this.#isIn = false;
        this.#owner.enter('resuming');
    }

    #closed(socket, code) {
        if (socket !== this.#socket && socket !== this.#opening) return;
        const wasSpare = socket === this.#opening && this.#socket !== null;
        if (socket === this.#opening) this.#opening = null;
        if (socket === this.#socket) this.#socket = null;
        if (!this.#opening) this.#stop('connect');
        if (!wasSpare) this.#stop('ping', 'pong', 'renew');

        const { reconnect } = closeRule(code);
        const newToken =
            reconnect === 'token' && typeof this.#token === 'function' && this.#tokenTries++ === 0;
        if (reconnect === 'no' || (reconnect === 'token' && !newToken)) return this.#finish(code);
        if (!wasSpare && this.#session) this.#away();
        if (this.#opening) return; // the next connection is on its way
        if (this.#joinedAt && Date.now() - this.#joinedAt > STEADY) this.#attempt = 0;
        if (reconnect === 'slow') this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
        this.#connectIn(backoff(this.#attempt++));
    }

    #connectIn(ms) {
        this.#after('retry', ms, () => this.#connect());
    }

    // For a socket that no longer answers: its own close event may take minutes.
    #drop(socket) {
        mute(socket);
        socket.close();
        this.#closed(socket, 1006);
    }

    #finish(code, error) {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#isIn = false;
        this.#stop(...Object.keys(this.#timers));
        for (const socket of [this.#socket, this.#opening]) {
            if (!socket?.close) continue;
            mute(socket);
            socket.close(1000);
        }
        this.#socket = this.#opening = null;
        this.#awake.abort();
        this.#session = null;
        this.#forget();
        const { reason } = closeRule(code);
        this.#owner.over(reason, code, error ?? new RoomError(reason, this.#lastError));
    }

    // ---- a token that ends ----

    // The server says how long it is still good for. The next one is sent well before its end.
    #renewIn(seconds) {
        if (typeof this.#token !== 'function' || !(seconds > RENEWABLE)) return;
        const ms = seconds * 1000;
        const ends = Date.now() + ms;
        this.#after('renew', Math.min(ms * (0.7 + 0.2 * Math.random()), 2 ** 31 - 1), () =>
            this.#renew(ends),
        );
    }

    async #renew(ends) {
        try {
            const token = await this.#token();
            if (this.#isIn) this.send({ type: 'token', token });
        } catch (error) {
            this.#owner.fail(new RoomError('unauthorized', String(error), { cause: error }));
            if (this.#isIn) this.#renewIn((ends - Date.now()) / 1000);
        }
    }

    // ---- keeping alive ----

    #pingEvery(ms) {
        if (ms > 0)
            this.#after('ping', ms, () => {
                this.#ping();
                this.#pingEvery(ms);
            });
    }

    // Acknowledges what came in, learns what arrived, and finds out whether the socket still lives.
    #ping() {
        this.#unacknowledged = 0;
        const socket = this.#socket;
        if (!this.#timers.pong) this.#after('pong', PONG_TIMEOUT, () => this.#drop(socket));
        this.send({ type: 'ping', received: this.#ledger.received });
    }

    #countForAck() {
        if (++this.#unacknowledged >= ACK_EVERY) this.#ping();
    }

    // A phone that wakes up or changes networks does not wait for timers. iOS freezes pages in the
    // background without a word and fires no `online` then, hence `pageshow` and `visibilitychange`.
    #watchPage() {
        const { signal } = this.#awake;
        const listen = (target, type, run) => target?.addEventListener?.(type, run, { signal });
        const moved = () => {
            this.#wake();
            this.#owner.network();
        };
        listen(globalThis, 'online', moved);
        // Only Chromium tells the kind of network, and also when just its speed changed.
        const connection = globalThis.navigator?.['connection'];
        let kind = connection?.type;
        listen(connection, 'change', () => {
            if (kind !== (kind = connection.type)) moved();
        });
        listen(globalThis, 'pageshow', () => this.#wake());
        listen(globalThis, 'pagehide', ({ persisted }) => {
            if (!persisted) {
                this.#owner.leaving();
                if (this.#isIn && !this.#store) this.send({ type: 'leave' }); // it can't come back
            }
            this.#keep();
        });
        listen(globalThis.document, 'visibilitychange', () => {
            if (document.visibilityState === 'hidden') this.#keep();
            else this.#wake();
        });
    }

    #wake() {
        this.#forget();
        if (this.#isIn) return this.#ping();
        if (this.#socket || this.#opening) return;
        this.#attempt = 0;
        this.#connect();
    }

    // ---- surviving a reload ----
    // The session is in the store only while the page is hidden or going away: a tab duplicated
    // from a live one must not steal its membership.

    #keep() {
        if (!this.#session) return;
        const { received } = this.#ledger;
        const kept = { peer: this.#peer, session: this.#session, received };
        this.#store?.setItem(this.#key, JSON.stringify(kept));
    }

    #keepIfHidden() {
        if (globalThis.document?.visibilityState === 'hidden') this.#keep();
    }

    #forget() {
        this.#store?.removeItem(this.#key);
    }

    #restore() {
        const kept = JSON.parse(this.#store?.getItem(this.#key) ?? 'null');
        this.#forget();
        if (!kept) return;
        this.#peer = kept.peer;
        this.#session = kept.session;
        this.#ledger = new Ledger({ received: kept.received, restored: true });
    }

    // ---- messages ----

    #receive(text) {
        this.#stop('pong');
        const message = JSON.parse(text);
        const { type } = message;
        if (type === 'joined') this.#joined(message);
        else if (type === 'pong') this.#ledger.acknowledge(message.received);
        // Everybody got the same message: the random moment keeps the next server from a stampede.
        else if (type === 'goaway') this.#connectIn(Math.random() * message.reconnectWithin);
        else if (type === 'token') this.#renewIn(message.tokenExpiresIn);
        else if (type === 'error') this.#lastError = message.message;
        else if (type === 'signal') {
            this.#ledger.received++;
            this.#keepIfHidden();
            this.#countForAck();
        }
        this.#owner.receive(message);
    }

    #joined({ peer, session, resumed, received, pingInterval, tokenExpiresIn }) {
        this.#stop('connect');
        const again = resumed ? this.#ledger.resume(received) : [];
        if (!resumed) this.#ledger.reset();
        this.#peer = peer;
        this.#session = session;
        this.#isIn = true;
        this.#joinedAt = Date.now();
        this.#tokenTries = 0;
        this.#lastError = undefined;
        this.#pingEvery(pingInterval * 1000);
        this.#renewIn(tokenExpiresIn);
        for (const message of again) this.send(message);
        this.#keepIfHidden();
    }
}

function mute(socket) {
    socket.onopen = socket.onmessage = socket.onclose = null;
}
