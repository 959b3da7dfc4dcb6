// HTTP/1.1 in raw bytes: what is sent is the test's own, what comes back is read strictly.

import assert from 'node:assert/strict';
import { DEFAULT_TIMEOUT, Inbox } from './inbox.js';
import { connectSocket } from './upgrade.js';

/** A connection that sends any text and reads the answers one after the other. */
export class HttpConnection {
    #bytes = Buffer.alloc(0);
    #heads = []; // for each answer to come: is its body left out
    #answers = new Inbox('answers');

    static async open(server, options = {}) {
        const { socket, tcp } = await connectSocket(server, options);
        return new HttpConnection(socket, tcp);
    }

    constructor(socket, tcp) {
        Object.assign(this, { socket, tcp, closed: false });
        socket.on('data', (bytes) => {
            this.#bytes = Buffer.concat([this.#bytes, bytes]);
            this.#parse();
        });
        this.ended = new Promise((resolve) => socket.once('close', resolve)).then(() => {
            this.closed = true;
            this.#answers.end(
                new Error(`closed; not an answer: ${JSON.stringify(String(this.#bytes))}`),
            );
        });
    }

    send(text) {
        this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    }

    /** The next answer: {status, reason, headers, list, body}. `head`: it answers a HEAD. */
    async answer({ head = false, timeout } = {}) {
        this.#heads.push(head);
        this.#parse();
        return this.#answers.take(undefined, timeout, 'answer');
    }

    /** Sends and awaits the answer. */
    request(text, options = {}) {
        this.send(text);
        return this.answer({ head: text.startsWith('HEAD '), ...options });
    }

    /** The server ends the connection, with nothing more to say. */
    async expectEnd(timeout = DEFAULT_TIMEOUT) {
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, true)));
        const tooLate = await Promise.race([this.ended.then(() => false), late]);
        clearTimeout(timer);
        assert.ok(!tooLate, `still open after ${timeout} ms`);
        assert.equal(this.#bytes.toString('latin1'), '', 'bytes after the last answer');
    }

    destroy() {
        this.socket.destroy();
        this.tcp.destroy();
        return this.ended;
    }

    #parse() {
        while (this.#heads.length) {
            const end = this.#bytes.indexOf('\r\n\r\n');
            if (end < 0) return;
            const answer = parseHead(this.#bytes.toString('latin1', 0, end));
            const length = bodyLength(answer, this.#heads[0]);
            if (this.#bytes.length < end + 4 + length) return;
            answer.body = this.#bytes.subarray(end + 4, end + 4 + length);
            this.#bytes = this.#bytes.subarray(end + 4 + length);
            this.#heads.shift();
            this.#answers.push(answer);
        }
    }
}

function parseHead(text) {
    const [first, ...lines] = text.split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) ([\x20-\x7e]*)$/.exec(first);
    assert.ok(match, `a status line: ${first}`);
    const list = lines.map((line) => {
        const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
        assert.ok(field, `a header line: ${line}`);
        return [field[1].toLowerCase(), field[2]];
    });
    const once = list.map(([name]) => name).filter((name) => name !== 'vary');
    assert.equal(new Set(once).size, once.length, `a header given twice: ${text}`);
    return { status: Number(match[1]), reason: match[2], headers: Object.fromEntries(list), list };
}

// RFC 9112 section 6.3; the server has no reason to send chunks.
function bodyLength({ status, headers }, head) {
    assert.equal(headers['transfer-encoding'], undefined);
    const bodiless = status < 200 || status === 204 || status === 304;
    if (bodiless || head) return 0;
    assert.match(headers['content-length'] ?? '', /^\d+$/, `a length for ${status}`);
    return Number(headers['content-length']);
}

/** A request's text. `headers` by name; null leaves one out; a list is sent as several lines. */
export function requestText(path = '/', { method = 'GET', headers = {}, body = '' } = {}) {
    const lines = Object.entries({ Host: 'localhost', ...headers })
        .filter(([, value]) => value !== null)
        .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
    return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** One request on a connection of its own. */
export async function fetchOnce(server, path, options = {}) {
    const http = await HttpConnection.open(server, options);
    const headers = { Connection: 'close', ...options.headers };
    const answer = await http.request(requestText(path, { ...options, headers }));
    await http.destroy();
    return answer;
}
