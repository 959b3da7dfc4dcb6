// A back end that the server calls: keeps what it was asked, answers as the test says.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Inbox } from './inbox.js';

export const WEBHOOK_SECRET = 'webhook-secret-0123456789abcdefgh';

export class Webhook {
    requests = new Inbox('requests', (request) => request.text); // as they come, answered or not
    connections = 0;

    /** `answer(request)` gives {status, body} or a promise of it, or null: no answer ever. */
    static async start(t, answer, { tls, port: wanted = 0 } = {}) {
        const self = new Webhook();
        self.answer = answer;
        const handle = (request, response) => self.#handle(request, response);
        self.server = tls
            ? createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, handle)
            : createServer(handle);
        self.server.on('connection', () => self.connections++);
        self.server.listen(wanted, '127.0.0.1');
        await once(self.server, 'listening');
        const { port } = self.server.address();
        self.port = port;
        self.url = tls ? `https://localhost:${port}/hook` : `http://127.0.0.1:${port}/hook`;
        t.after(() => self.stop());
        return self;
    }

    async #handle(request, response) {
        let text = '';
        for await (const piece of request.setEncoding('utf8')) text += piece;
        const seen = { method: request.method, url: request.url, headers: request.headers, text };
        seen.body = JSON.parse(text);
        this.requests.push(seen);
        const answer = await this.answer(seen);
        if (answer === null) return;
        const { status = 200, body = '' } = answer;
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
    }

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }
}

/** Whether `Roomline-Signature` is this secret's for the body, and of now. */
export function isSigned({ headers, text }, secret = WEBHOOK_SECRET) {
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['roomline-signature'] ?? '') ?? [];
    const expected = createHmac('sha256', secret).update(`${time}.${text}`).digest('hex');
    return signature === expected && Math.abs(Date.now() / 1000 - Number(time)) < 60;
}
