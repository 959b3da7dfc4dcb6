// POST /v1/tokens of the admin listener.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, call, PATTERNS, WITH_ADMIN } from '../support/admin.js';
import { temporaryFolder } from '../support/certificate.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { claimsOf, makeKey, SECRET, secretJwk, soon } from '../support/token.js';

const env = { ...WITH_ADMIN.env, ROOMLINE_AUTH_SECRET: SECRET };
const make = (server, body, status = 201) => call(server, 'POST', PATTERNS.TOKENS, status, { body });

test('a token is made, and taken', async (t) => {
    const server = await ownServer(t, { admin: true, env, config: { 'auth.mode': 'token' } });
    const room = freshRoom();
    const plain = await make(server, { room });
    assert.equal(plain.headers['cache-control'], 'no-store');
    assert.ok(Math.abs(plain.json.expires - soon(3600)) <= 2);
    await Peer.join(server, { room, token: plain.json.token });

    const info = { name: 'Ann' };
    const full = await make(server, {
        room: `${room}*`, sub: 'ann', ttl: 90, grants: ['admin', 'signal'], info,
    });
    const { iat, exp, jti, ...claims } = claimsOf(full.json.token);
    assert.deepEqual(claims, { room: `${room}*`, sub: 'ann', grants: ['signal', 'admin'], info });
    assert.deepEqual([exp - iat, exp, jti.length], [90, full.json.expires, 22]);
    assert.equal((await Peer.join(server, { room, token: full.json.token })).id, 'ann');

    const once = await make(server, { room, once: true });
    assert.equal(claimsOf(once.json.token).once, true);
    const told = await server.waitLog((line) => line.event === 'admin-token-made' && line.peer === 'ann');
    assert.equal(told.token, 0);
});

test('the key is chosen by kid, and follows SIGHUP', async (t) => {
    const path = join(temporaryFolder(), 'admin-keys.json');
    const key = makeKey('ES256', 'e');
    writeFileSync(path, JSON.stringify({ keys: [secretJwk(SECRET, 'h')] }));
    const server = await ownServer(t, { ...WITH_ADMIN, config: { 'auth.keys_file': path } });
    const headerOf = ({ json }) => JSON.parse(Buffer.from(json.token.split('.')[0], 'base64url'));
    assert.deepEqual(headerOf(await make(server, { room: 'a' })), { alg: 'HS256', typ: 'JWT', kid: 'h' });
    assert.equal((await make(server, { room: 'a', kid: 'e' }, 409)).json.code, 'no-signing-key');
    writeFileSync(path, JSON.stringify({ keys: [secretJwk(SECRET, 'h'), key.privateJwk] }));
    const reloaded = server.nextLog((line) => line.event === 'reloaded' && line.worker === undefined);
    server.signal('SIGHUP');
    await reloaded;
    assert.deepEqual(headerOf(await make(server, { room: 'a', kid: 'e' })), { alg: 'ES256', typ: 'JWT', kid: 'e' });
});

test('what can be no token is refused, with the field', async (t) => {
    const server = await ownServer(t, { admin: true, env });
    for (const [body, pointer] of [
        [{}, '#/room'],
        [{ room: 7 }, '#/room'],
        [{ room: ['a'] }, '#/room'],
        [{ room: '' }, '#/room'],
        [{ room: 'a/b' }, '#/room'],
        [{ room: 'x'.repeat(129) }, '#/room'],
        [{ room: 'a', sub: '' }, '#/sub'],
        [{ room: 'a', ttl: '1h' }, '#/ttl'],
        [{ room: 'a', ttl: 0 }, '#/ttl'],
        [{ room: 'a', ttl: 31536001 }, '#/ttl'],
        [{ room: 'a', grants: 'admin' }, '#/grants'],
        [{ room: 'a', grants: ['signal', 'root', 'info'] }, '#/grants'],
        [{ room: 'a', grants: [] }, '#/grants'],
        [{ room: 'a', info: [] }, '#/info'],
        [{ room: 'a', info: { a: 'x'.repeat(3900) } }, '#/info'],
        [{ room: 'a', once: 1 }, '#/once'],
        [{ room: 'a*', once: true }, '#/once'],
        [{ room: 'a', kid: 7 }, '#/kid'],
        [{ room: 'a', kid: 'x'.repeat(129) }, '#/kid'],
        [{ room: 'a', rooms: 'b' }, '#/rooms'],
    ]) {
        const { json } = await make(server, body, 422);
        assert.equal(json.errors[0].pointer, pointer, JSON.stringify(body));
    }
    assert.equal((await ask(server, 'GET', '/v1/tokens')).status, 405);
});

test('without a key that signs there is no token', async (t) => {
    const path = join(temporaryFolder(), 'public-keys.json');
    writeFileSync(path, JSON.stringify({ keys: [makeKey('EdDSA', 'o').jwk] }));
    for (const config of [{}, { 'auth.keys_file': path }]) {
        const server = await ownServer(t, { ...WITH_ADMIN, config });
        assert.equal((await make(server, { room: 'a' }, 409)).json.code, 'no-signing-key');
    }
});
