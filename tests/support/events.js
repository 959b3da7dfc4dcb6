// A back end that keeps a book of who is in which room, only by what the webhook for events tells it.
//
//   const book = await Book.start();
//   const server = await ownServer(t, { config: book.config() });
//   book.endWith(t);   after the server, which tells it of its end
//   await book.take('peer-joined', { room, peer: 'ann' });
//   await book.story(room, 4)   ['room-opened', 'ann joined', 'ann left: kicked', 'room-closed: closed']

import assert from 'node:assert/strict';
import { DEFAULT_TIMEOUT, Inbox } from './inbox.js';
import { Webhook } from './webhook.js';

const byId = (one, other) => (one.id < other.id ? -1 : 1);
const words = ({ type, peer, reason }) =>
    [type.replace('peer-', `${peer} `), reason].filter(Boolean).join(': ');

export class Book {
    events = []; // as they were accepted, each once
    #known = new Set();
    #more = [];
    #inbox = new Inbox('events', words);

    /** `answer(request)`: as of Webhook; what it answers 200 to is accepted. */
    static async start(answer = () => ({})) {
        const self = new Book();
        self.answer = answer;
        await self.listen();
        return self;
    }

    /** At its address, where it has one already. */
    async listen() {
        const later = { after: () => {} };
        const options = { port: this.hook?.port };
        this.hook = await Webhook.start(later, (request) => this.#accept(request), options);
    }

    /** Nobody listens at its address any more. */
    stop() {
        this.hook.stop();
    }

    endWith(t) {
        t.after(() => this.stop());
    }

    /** Of a server that tells this book. */
    config(more = {}) {
        return { 'webhooks.events': this.hook.url, ...more };
    }

    async #accept(request) {
        const answer = await this.answer(request);
        if (answer === null || (answer.status ?? 200) !== 200) return answer;
        for (const event of request.body.events) {
            if (this.#known.has(event.id)) continue;
            this.#known.add(event.id);
            this.events.push(event);
            this.#inbox.push(event);
        }
        for (const tell of this.#more.splice(0)) tell();
        return answer;
    }

    /** The first event of this type with these fields, now or later. */
    take(type, fields = {}, timeout) {
        const match = (event) =>
            event.type === type && Object.entries(fields).every(([name, value]) => event[name] === value);
        return this.#inbox.take(match, timeout, `${type} ${JSON.stringify(fields)}`);
    }

    of(room) {
        return this.events.filter((event) => event.room === room).sort(byId);
    }

    /** All of a room, once there are so many: workers do not wait for each other. */
    async story(room, count) {
        while (this.of(room).length < count) await this.#next();
        return this.of(room).map(words);
    }

    #next() {
        const late = `there is only ${this.events.map(words)}`;
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(late)), DEFAULT_TIMEOUT);
            this.#more.push(() => {
                clearTimeout(timer);
                resolve();
            });
        });
    }

    /** Who is in which room; fails where something was told that could not be. */
    rooms() {
        const rooms = new Map();
        for (const event of [...this.events].sort(byId)) {
            const { type, room, peer } = event;
            const peers = rooms.get(room);
            const what = `${words(event)} in ${room}: ${this.of(room).map(words)}`;
            assert.equal(peers === undefined, type === 'room-opened', what);
            if (type === 'room-opened') rooms.set(room, new Set());
            else if (type === 'room-closed') assert.ok(peers.size === 0 && rooms.delete(room), what);
            else if (type === 'peer-joined') assert.ok(!peers.has(peer) && peers.add(peer), what);
            else assert.ok(peers.delete(peer), what);
        }
        return rooms;
    }
}
