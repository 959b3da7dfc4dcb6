// The admin API under requests made at random from docs/openapi.yaml: right ones, such as are wrong
// in one place, and such as are wrong in all. Whatever comes, the answer is one that the document
// knows: never a 5xx, never a yes to what the document calls wrong, never a no to what it calls right.
//   ROOMLINE_SEED=n   the same requests again;   ROOMLINE_FUZZ=n   so many of them

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TOKEN, WITH_ADMIN, ask } from '../support/admin.js';
import { HttpConnection, requestText } from '../support/http.js';
import { checkAnswer, mismatch, operations, resolve } from '../support/openapi.js';
import { Peer } from '../support/peer.js';
import { Random, seed } from '../support/random.js';
import { SECRET } from '../support/token.js';
import { PLAIN, PLAIN2, suite } from '../support/suite.js';

const COUNT = Number(process.env.ROOMLINE_FUZZ ?? 3000);
const PEERS = 4;

const CHARS = ['a', 'Z', '0', ' ', '%', '+', '&', '=', '?', '#', '"', '\\', '.', '\n', '\0', 'ü', '日', '🙂', '~', "'"];

class Maker extends Random {
    text(most = 12) {
        return Array.from({ length: this.below(most + 1) }, () => this.pick(CHARS)).join('');
    }

    name(pool) {
        return this.chance(0.7) ? this.pick(pool) : `n${this.below(50)}`;
    }

    json(depth = 3) {
        const kinds = depth > 0 ? 7 : 5;
        switch (this.below(kinds)) {
            case 0: return null;
            case 1: return this.chance(0.5);
            case 2: return this.pick([0, -1, 1, 0.5, 1e21, 2 ** 53, 100000, 100001, 64]);
            case 3: return this.text();
            case 4: return this.text(300);
            case 5: return Array.from({ length: this.below(4) }, () => this.json(depth - 1));
            default: return this.object(depth);
        } // prettier-ignore
    }

    object(depth) {
        const names = ['locked', 'maxPeers', 'emptyTtl', 'metadata', 'data', 'peer', this.text()];
        const entries = Array.from({ length: this.below(4) }, () => [this.pick(names), this.json(depth - 1)]);
        return Object.fromEntries(entries);
    }

    /** A value that fits a schema of the document. */
    fitting(reference, name) {
        const schema = resolve(reference);
        if (name in NAMES) return this.name(PATHS[NAMES[name]]);
        if (schema.type === 'array') return [this.fitting(schema.items), this.fitting(schema.items)];
        if ('const' in schema) return schema.const;
        if (schema.enum) return this.pick(schema.enum);
        if (schema.type === 'boolean') return this.chance(0.5);
        if (schema.type === 'integer')
            return this.chance(0.3)
                ? this.pick([schema.minimum, schema.maximum])
                : schema.minimum + this.below(Math.min(schema.maximum - schema.minimum + 1, 1000));
        if (schema.type === 'object' && schema.properties) {
            const { required = [], properties } = schema;
            const keys = Object.keys(properties).filter(
                (key) => required.includes(key) || (key !== 'kid' && this.chance(0.5)), // no key has that name
            );
            return Object.fromEntries(keys.map((key) => [key, this.fitting(properties[key], key)]));
        }
        if (schema.type === 'array')
            return Array.from({ length: schema.minItems + this.below(3) }, () => this.fitting(schema.items));
        return schema.type === 'object' ? this.object(3) : schema.type === 'string' ? 'n' : this.json();
    }
}

const NAMES = { peer: 'peer', sub: 'peer', room: 'room' };
const PATHS = { room: ['r0', 'r1', 'ü ?', 'x'.repeat(128)], peer: ['p0', 'p1', 'é'], instance: ['other'] };

/** A request: {one, path, query, headers, body, wrong}; `wrong`: some part may be. */
function makeRequest(make) {
    const one = make.pick(operations);
    const request = { one, headers: { Authorization: `Bearer ${TOKEN}` }, wrong: false };
    const spoil = (p) => make.chance(p) && (request.wrong = true);
    request.path = one.path.replace(/\{(\w+)\}/g, (_, name) => {
        const value = spoil(0.05) ? make.text() || '%' : make.name(PATHS[name]);
        return encodeURIComponent(value) || '%00';
    });
    const pairs = one.parameters
        .filter((parameter) => parameter.in === 'query' && parameter.name !== 'cursor')
        .filter(({ required }) => (required ? !spoil(0.1) : make.chance(0.4)))
        .map(({ name, schema }) => [name, spoil(0.1) ? make.text() : make.fitting(schema, name)]);
    if (spoil(0.05)) pairs.push([make.pick(['cursor', 'limit', 'ban', 'x']), make.text(300)]);
    const query = new URLSearchParams(pairs).toString();
    request.query = spoil(0.03) ? make.text().replace(/[^!-~]|#/g, '') : query;
    if (one.method === 'PUT' && make.chance(0.3)) {
        const [name, value] = make.pick([['If-Match', '*'], ['If-Match', '"1"'], ['If-None-Match', '*'], ['If-Match', '"', true], ['If-None-Match', '"1"', true]]); // prettier-ignore
        request.headers[name] = value;
        request.wrong ||= name === 'If-None-Match' && value !== '*';
    }
    if (one.body) makeBody(make, request, spoil);
    if (spoil(0.02)) request.headers.Authorization = `Bearer ${make.text().replace(/[^!-~]/g, '')}`;
    return request;
}

function makeBody(make, request, spoil) {
    request.json = make.fitting(request.one.body.schema);
    if (spoil(0.2)) request.json = make.chance(0.5) ? make.json() : { ...request.json, ...make.object(2) };
    let text = JSON.stringify(request.json);
    if (spoil(0.05)) {
        const at = make.below(text.length + 1);
        text = text.slice(0, at) + make.text(3) + text.slice(at + make.below(3));
        request.json = undefined; // whatever it is now
    }
    request.body = Buffer.from(text).toString('latin1');
    request.headers['Content-Length'] = request.body.length;
    request.headers['Content-Type'] = spoil(0.02) ? make.pick(['text/plain', '*/*', 'application']) : 'application/json';
}

function check(request, answer) {
    const { one, wrong, json } = request;
    answer.json = /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.body) : undefined;
    checkAnswer(one, answer);
    assert.ok(answer.status < 500, 'the server itself is in trouble');
    const right = answer.status < 400;
    if (!wrong) assert.ok(right || [404, 409, 412].includes(answer.status), 'a good request is refused');
    if (right && json !== undefined) assert.equal(mismatch(one.body.schema, json), null, 'a bad body is taken');
}

const env = { ...WITH_ADMIN.env, ROOMLINE_AUTH_SECRET: SECRET };

suite('the admin API at random', [PLAIN, PLAIN2], { ...WITH_ADMIN, env }, (on) => {
    test('requests out of the document', async () => {
        const make = new Maker(seed);
        let http = await HttpConnection.open(on.server, { url: on.server.adminUrl });
        const peers = [];
        for (let i = 0; i < COUNT; i++) {
            if (i % 20 === 0) peers.push(await enter(on.server, make));
            if (peers.length > PEERS) await peers.shift()?.lose();
            const request = makeRequest(make);
            const target = request.path + (request.query && `?${request.query}`);
            const text = requestText(target, { method: request.one.method, ...request });
            const answer = await http.request(text);
            try {
                check(request, answer);
            } catch (error) {
                error.message += `\nseed ${seed}, request ${i}:\n${text}\n${answer.status} ${answer.body}`;
                throw error;
            }
            if (answer.headers.connection !== 'close') continue;
            await http.destroy();
            http = await HttpConnection.open(on.server, { url: on.server.adminUrl });
        }
        await http.destroy();
        for (const peer of peers) await peer?.lose();
    });

    test('bytes that are hardly a request', async () => {
        const make = new Maker(seed + 1);
        for (let i = 0; i < COUNT / 10; i++) {
            const { one, path, query, headers, body } = makeRequest(make);
            const text = requestText(`${path}?${query}`, { method: one.method, headers, body });
            const bytes = Buffer.from(text, 'latin1');
            for (let n = make.below(6); n >= 0; n--) bytes[make.below(bytes.length)] = make.below(256);
            const http = await HttpConnection.open(on.server, { url: on.server.adminUrl });
            http.send(bytes);
            http.socket.end(); // so that what is waited for in vain does not come
            const { status } = await http.answer().catch((error) => {
                assert.match(error.message, /^closed; not an answer: ""/, `seed ${seed}, bytes ${i}`);
                return { status: 0 };
            });
            assert.ok(status < 500 || status === 505 || status === 501, `seed ${seed}, bytes ${i}: ${status}`);
            await http.destroy();
        }
        assert.equal((await ask(on.server, 'GET', '/v1/rooms')).status, 200);
    });
});

/** Somebody for administrators to act on; null where the room does not let anybody in. */
async function enter(server, make) {
    const options = { room: make.pick(PATHS.room), peer: make.pick(PATHS.peer) };
    return Peer.join(server, options).catch(() => null);
}
