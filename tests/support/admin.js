// The admin API, spoken to over fetchOnce(): one request on a connection of its own.

import assert from 'node:assert/strict';
import { fetchOnce } from './http.js';
import { checkAnswer, operation } from './openapi.js';
import { hide } from './secrets.js';

export const TOKEN = 'test-token-0123456789';

function bytesOf(body) {
    if (body === undefined || Buffer.isBuffer(body)) return body ?? Buffer.alloc(0);
    return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/**
 * An answer with `json`, its body parsed where it is JSON. `token`: null for none; `body`: bytes, text,
 * or what is to be JSON.
 */
export async function ask(server, method, path, { token = TOKEN, body, headers, ...options } = {}) {
    hide(token);
    const text = bytesOf(body).toString('latin1'); // as it is sent
    const answer = await fetchOnce(server, path, {
        url: server.adminUrl,
        method,
        body: text,
        headers: {
            ...(token && { Authorization: `Bearer ${token}` }),
            ...(text && { 'Content-Type': 'application/json' }),
            ...(text && { 'Content-Length': text.length }),
            ...headers,
        },
        ...options,
    });
    const isJson = /[/+]json\b/.test(answer.headers['content-type'] ?? '');
    answer.json = isJson && answer.body.length ? JSON.parse(answer.body) : undefined;
    return answer;
}

/** The same options for every server with an admin listener and one token. */
export const WITH_ADMIN = { admin: true, env: { ROOMLINE_ADMIN_TOKEN: TOKEN } };

export const PATTERNS = {
    ROOMS: '/v1/rooms',
    ROOM: '/v1/rooms/{room}',
    PEER: '/v1/rooms/{room}/peers/{peer}',
    NOTICES: '/v1/rooms/{room}/notices',
    INSTANCES: '/v1/instances',
    ICE: '/v1/ice-servers',
    DRAIN: '/v1/instances/{instance}/drain',
    TOKENS: '/v1/tokens',
};

/** What call() has seen: "GET /v1/rooms 200". */
export const seen = new Set();

/** Asks by a path of the document. The rest as of ask(). */
export function askBy(server, method, pattern, options = {}) {
    const { room, peer, instance, query = '', ...rest } = options;
    const names = { room, peer, instance };
    const path = pattern.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(names[name]));
    return ask(server, method, path + query, rest);
}

/** The same, and holds the answer against the document; `expected` is its status. */
export async function call(server, method, pattern, expected, options) {
    return note(method, pattern, await askBy(server, method, pattern, options), expected);
}

/** Holds an answer against the document, and its status against what is expected, where that is given. */
export function note(method, pattern, answer, expected = answer.status) {
    assert.equal(answer.status, expected, `${method} ${pattern}: ${answer.body}`);
    checkAnswer(operation(method, pattern), answer);
    seen.add(`${method} ${pattern} ${answer.status}`);
    return answer;
}
