// Speaks to a Redis: commands one after the other, and MONITOR. RESP2.

import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { DEFAULT_TIMEOUT, Inbox } from './inbox.js';

/** An answer at `at`: [value, where the next one begins], or null where it is not all there yet. */
function parse(bytes, at) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const text = bytes.toString('latin1', at + 1, end);
    const count = Number(text);
    let next = end + 2;
    switch (String.fromCharCode(bytes[at])) {
        case '+':
            return [text, next];
        case '-':
            return [new Error(text), next];
        case ':':
            return [count, next];
        case '$':
            if (count < 0) return [null, next];
            if (bytes.length < next + count + 2) return null;
            return [bytes.toString('latin1', next, next + count), next + count + 2];
        case '*': {
            const list = [];
            while (list.length < count) {
                const item = parse(bytes, next);
                if (!item) return null;
                list.push(item[0]);
                next = item[1];
            }
            return [list, next];
        }
        default:
            throw new Error(`not RESP: ${bytes.toString('latin1', at, at + 40)}`);
    }
}

export class RespConnection {
    answers = new Inbox('answers');
    closed = false;
    #bytes = Buffer.alloc(0);

    /** options: those of net.connect, or of tls.connect where there is a `ca`. */
    static async open(options) {
        const socket = options.ca ? tls.connect(options) : net.connect(options);
        await once(socket, options.ca ? 'secureConnect' : 'connect');
        return new RespConnection(socket);
    }

    constructor(socket) {
        this.socket = socket;
        socket.on('data', (chunk) => this.#onData(chunk));
        socket.on('error', () => {});
        socket.once('close', () => {
            this.closed = true;
            this.answers.end(new Error('Redis closed the connection'));
        });
    }

    /** One command; its answer as text, latin1, so that bytes stay what they are. Throws on an error. */
    async call(...words) {
        const parts = words.map((word) => {
            const bytes = Buffer.from(String(word), 'latin1');
            return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
        });
        this.socket.write(Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]));
        const answer = await this.next(DEFAULT_TIMEOUT);
        if (answer instanceof Error) throw answer;
        return answer;
    }

    /** What comes next: an answer, or what is pushed. */
    next(timeout) {
        return this.answers.take(undefined, timeout, 'answer');
    }

    close() {
        this.socket.destroy();
    }

    #onData(chunk) {
        this.#bytes = Buffer.concat([this.#bytes, chunk]);
        let at = 0;
        for (let got = parse(this.#bytes, at); got; got = parse(this.#bytes, at)) {
            this.answers.push(got[0]);
            at = got[1];
        }
        this.#bytes = this.#bytes.subarray(at);
    }
}
