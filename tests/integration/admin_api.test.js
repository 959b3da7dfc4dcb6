// docs/openapi.yaml, exercised: every operation, every status it may answer with, every example of a
// request; what comes back is held against the document.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';

import { PATTERNS, TOKEN, WITH_ADMIN, ask, call, note, seen } from '../support/admin.js';
import { examplesOf, mismatch, operations } from '../support/openapi.js';
import { Peer, freshRoom } from '../support/peer.js';
import { PLAIN, PLAIN2, ownServer, suite } from '../support/suite.js';
import { SECRET } from '../support/token.js';

const { ROOMS, ROOM, PEER, NOTICES, INSTANCES, DRAIN, ICE, TOKENS } = PATTERNS;

const PATHS = { room: 'a', peer: 'b', instance: 'c' };
const SETTINGS = { locked: false, maxPeers: 0, emptyTtl: 0, metadata: {}, bans: [] };
const secured = operations.filter(({ access }) => access !== 'OPEN');

/** A body that fits, for the operations that have one. */
function bodyFor(one) {
    return one.body && examplesOf(one.body)[0][1];
}

const WITH_KEY = { ...WITH_ADMIN, env: { ...WITH_ADMIN.env, ROOMLINE_AUTH_SECRET: SECRET } };

suite('rooms by REST', [PLAIN, PLAIN2], WITH_KEY, (on) => {
    test('a room is made, changed and told of', async () => {
        const room = freshRoom('made');
        await call(on.server, 'GET', ROOM, 404, { room });
        const made = await call(on.server, 'PUT', ROOM, 201, { room, body: { maxPeers: 4, emptyTtl: 600 } });
        assert.deepEqual(made.json, { room, ...SETTINGS, maxPeers: 4, emptyTtl: 600 });
        assert.equal(made.headers.location, `/v1/rooms/${room}`);
        const read = await call(on.server, 'GET', ROOM, 200, { room });
        assert.deepEqual(read.json, { ...made.json, peers: [] });
        assert.equal(read.headers.etag, made.headers.etag);
        const changed = await call(on.server, 'PUT', ROOM, 200, { room, body: { metadata: { a: ['ü', 1.5] } } });
        assert.deepEqual(changed.json, { room, ...SETTINGS, metadata: { a: ['ü', 1.5] } });
        assert.notEqual(changed.headers.etag, made.headers.etag);
        assert.equal((await call(on.server, 'DELETE', ROOM, 200, { room })).json.peers, 0);
        await call(on.server, 'GET', ROOM, 404, { room });
        await call(on.server, 'DELETE', ROOM, 404, { room });
    });

    test('every example of a request is taken', async () => {
        const room = freshRoom('example');
        const ann = await Peer.join(on.server, { room, peer: 'ann' });
        for (const one of secured.filter(({ body }) => body))
            for (const [name, body] of examplesOf(one.body)) {
                assert.equal(mismatch(one.body.schema, body), null);
                const good = one.responses.has(200) ? 200 : 201;
                assert.ok(await call(on.server, one.method, one.path, good, { room, body }), name);
            }
        await ann.leave();
    });

    test('a room of any name', async () => {
        for (const room of ['ü b?c#d%', '.', '..', 'a+b', '日本', '"\\"', 'x'.repeat(128)]) {
            const made = await call(on.server, 'PUT', ROOM, 201, { room, body: {} });
            assert.equal(made.json.room, room);
            assert.equal(decodeURIComponent(made.headers.location), `/v1/rooms/${room}`);
            await call(on.server, 'GET', ROOM, 200, { room });
            await call(on.server, 'DELETE', ROOM, 200, { room });
        }
    });

    test('settings are changed by who knows them', async () => {
        const room = freshRoom('etag');
        const body = {};
        const put = (status, headers) => call(on.server, 'PUT', ROOM, status, { room, body, headers });
        await put(412, { 'If-Match': '*' });
        await put(412, { 'If-Match': '"1"' });
        const { etag } = (await put(201, { 'If-None-Match': '*' })).headers;
        await put(412, { 'If-None-Match': '*' });
        const { etag: next } = (await put(200, { 'If-Match': etag })).headers;
        await put(412, { 'If-Match': etag });
        await put(412, { 'If-Match': `W/${next}` });
        await put(412, { 'If-Match': '"nonsense"' });
        await put(400, { 'If-None-Match': next });
        await put(200, { 'If-Match': '*' });
        await call(on.server, 'DELETE', ROOM, 200, { room });
    });

    test('who is in it', async () => {
        const room = freshRoom('told');
        const ann = await Peer.join(on.server, { room, peer: 'ann', info: { name: 'Ann' } });
        const bob = await Peer.join(on.server, { room, peer: 'bob' });
        await bob.lose();
        await ann.expect('peer-joined');
        await ann.expect('peer-away', { peer: 'bob' });
        const { json } = await call(on.server, 'GET', ROOM, 200, { room });
        const [first, second] = json.peers.sort((a, b) => (a.peer < b.peer ? -1 : 1));
        const { instances } = (await call(on.server, 'GET', INSTANCES, 200)).json;
        const { since } = first;
        assert.deepEqual(first, {
            ...{ peer: 'ann', info: { name: 'Ann' }, state: 'here', since },
            ...{ instance: instances[0].instance, address: '127.0.0.1' },
        });
        assert.ok(Math.abs(Date.now() - Date.parse(since)) < 60_000, since);
        assert.equal(second.state, 'away');
        await ann.leave();
    });

    test('a room that is full or locked lets nobody in', async () => {
        const room = freshRoom('full');
        await call(on.server, 'PUT', ROOM, 201, { room, body: { maxPeers: 1 } });
        const ann = await Peer.join(on.server, { room, peer: 'ann' });
        await assert.rejects(Peer.join(on.server, { room, peer: 'bob' }), /room-full/);
        await call(on.server, 'PUT', ROOM, 200, { room, body: { locked: true } });
        await assert.rejects(Peer.join(on.server, { room, peer: 'bob' }), /room-locked/);
        await call(on.server, 'PUT', ROOM, 200, { room, body: {} });
        const bob = await Peer.join(on.server, { room, peer: 'bob' });
        await ann.leave();
        await bob.leave();
    });

    test('a room is closed', async () => {
        const room = freshRoom('closed');
        const ann = await Peer.join(on.server, { room, peer: 'ann' });
        assert.equal((await call(on.server, 'DELETE', ROOM, 200, { room })).json.peers, 1);
        await ann.expectClose(4004);
        await call(on.server, 'GET', ROOM, 404, { room });
    });

    test('a peer is removed, and kept out where it is banned', async () => {
        const room = freshRoom('kicked');
        const ann = await Peer.join(on.server, { room, peer: 'ann' });
        let bob = await Peer.join(on.server, { room, peer: 'bob' });
        await ann.expect('peer-joined');
        assert.equal((await call(on.server, 'DELETE', PEER, 200, { room, peer: 'bob' })).json.kicked, true);
        await bob.expectClose(4005);
        await ann.expect('peer-left', { peer: 'bob', reason: 'kicked' });
        await call(on.server, 'DELETE', PEER, 404, { room, peer: 'bob' });
        bob = await Peer.join(on.server, { room, peer: 'bob' });
        await call(on.server, 'DELETE', PEER, 200, { room, peer: 'bob', query: '?ban=600' });
        await bob.expectClose(4005);
        await assert.rejects(Peer.join(on.server, { room, peer: 'bob' }), /forbidden/);
        const { bans } = (await call(on.server, 'GET', ROOM, 200, { room })).json;
        assert.equal(bans[0].peer, 'bob');
        assert.ok(Math.abs(Date.parse(bans[0].until) - Date.now() - 600_000) < 60_000, bans[0].until);
        const only = await call(on.server, 'DELETE', PEER, 200, { room, peer: 'carl', query: '?ban=600' });
        assert.equal(only.json.kicked, false);
        await call(on.server, 'DELETE', PEER, 404, { room: freshRoom(), peer: 'bob' });
        await ann.leave();
    });

    test('a room has so many bans and no more', async () => {
        const room = freshRoom('bans');
        await call(on.server, 'PUT', ROOM, 201, { room, body: {} });
        for (let i = 0; i < 64; i++)
            await call(on.server, 'DELETE', PEER, 200, { room, peer: `p${i}`, query: '?ban=60' });
        await call(on.server, 'DELETE', PEER, 409, { room, peer: 'p64', query: '?ban=60' });
        await call(on.server, 'DELETE', ROOM, 200, { room });
    });

    test('a notice reaches a room, or one peer', async () => {
        const room = freshRoom('notice');
        const ann = await Peer.join(on.server, { room, peer: 'ann' });
        const bob = await Peer.join(on.server, { room, peer: 'bob' });
        await ann.expect('peer-joined');
        const say = (body, status = 200) => call(on.server, 'POST', NOTICES, status, { room, body });
        assert.equal((await say({ data: { text: 'noon' } })).json.reached, 2);
        assert.equal((await say({ data: null, peer: 'bob' })).json.reached, 1);
        assert.deepEqual((await ann.expect('notice')).data, { text: 'noon' });
        assert.deepEqual((await bob.expect('notice')).data, { text: 'noon' });
        assert.equal((await bob.expect('notice')).data, null);
        await say({ data: 1, peer: 'carl' }, 404);
        await call(on.server, 'POST', NOTICES, 404, { room: freshRoom(), body: { data: 1 } });
        await ann.leave();
        await bob.leave();
    });

    test('pages of rooms', async () => {
        const prefix = freshRoom('page ü');
        const names = Array.from({ length: 7 }, (_, i) => `${prefix}-${i}`);
        for (const room of names) await call(on.server, 'PUT', ROOM, 201, { room, body: {} });
        const told = [];
        let query = `?limit=3&prefix=${encodeURIComponent(prefix)}`;
        for (let cursor = ''; cursor !== undefined; ) {
            const more = cursor && `&cursor=${cursor}`;
            const { json } = await call(on.server, 'GET', ROOMS, 200, { query: query + more });
            assert.ok(json.rooms.length <= 3);
            assert.deepEqual(json.missing, []);
            told.push(...json.rooms.map(({ room }) => room));
            cursor = json.next;
        }
        assert.deepEqual(told, names);
        query = `?prefix=${encodeURIComponent(`${prefix}-3`).replaceAll('%20', '+')}`;
        assert.equal((await call(on.server, 'GET', ROOMS, 200, { query })).json.rooms.length, 1);
        for (const room of names) await call(on.server, 'DELETE', ROOM, 200, { room });
    });

    test('queries that are not taken', async () => {
        const bad = ['limit=0', 'limit=1001', 'limit=x', 'limit=', 'limit=1&limit=2', 'cursor=%21', 'cursor=AAAA',
            'cursor=', 'prefix=a/b', 'prefix=%00', 'prefix=%ff', 'prefix=%4', 'nothing=1', 'Limit=1',
            `prefix=${'x'.repeat(300)}`]; // prettier-ignore
        for (const one of bad) {
            const { json } = await call(on.server, 'GET', ROOMS, 422, { query: `?${one}` });
            assert.equal(json.errors[0].parameter, one.split('=')[0]);
        }
        for (const ban of ['-1', '1.5', '315360001', 'x'])
            await call(on.server, 'DELETE', PEER, 422, { ...PATHS, query: `?ban=${ban}` });
    });

    test('bodies that are not taken', async () => {
        const wrong = [
            [ROOM, 'PUT', { locked: 1 }, '#/locked'],
            [ROOM, 'PUT', { locked: null }, '#/locked'],
            [ROOM, 'PUT', { maxPeers: -1 }, '#/maxPeers'],
            [ROOM, 'PUT', { maxPeers: 1.5 }, '#/maxPeers'],
            [ROOM, 'PUT', { maxPeers: '1' }, '#/maxPeers'],
            [ROOM, 'PUT', { maxPeers: 100001 }, '#/maxPeers'],
            [ROOM, 'PUT', '{"maxPeers":1e999}', '#/maxPeers'],
            [ROOM, 'PUT', { emptyTtl: 315360001 }, '#/emptyTtl'],
            [ROOM, 'PUT', { metadata: [] }, '#/metadata'],
            [ROOM, 'PUT', { metadata: { a: 'x'.repeat(5000) } }, '#/metadata'],
            [ROOM, 'PUT', { other: 1 }, '#/other'],
            [ROOM, 'PUT', { 'a/~ü': 1 }, '#/a~1~0%C3%BC'],
            [ROOM, 'PUT', { ['x'.repeat(1000)]: 1 }, '#/'],
            [ROOM, 'PUT', '{"locked":true,"locked":false}', '#/locked'],
            [ROOM, 'PUT', '[]', '#'],
            [ROOM, 'PUT', '1', '#'],
            [NOTICES, 'POST', {}, '#/data'],
            [NOTICES, 'POST', { data: 'x'.repeat(16_384) }, '#/data'],
            [NOTICES, 'POST', { data: 1, peer: '' }, '#/peer'],
            [NOTICES, 'POST', { data: 1, peer: 'x'.repeat(65) }, '#/peer'],
            [NOTICES, 'POST', '{"data":1,"peer":"\\ud800"}', '#/peer'],
            [NOTICES, 'POST', { data: 1, peer: 1 }, '#/peer'],
            [TOKENS, 'POST', {}, '#/room'],
        ];
        for (const [path, method, body, pointer] of wrong) {
            const { json } = await call(on.server, method, path, 422, { ...PATHS, body });
            assert.equal(json.errors[0].pointer, pointer, JSON.stringify(body));
        }
        for (const body of ['{', '{"a":1}x', Buffer.from('"\xff"', 'latin1'), ' ', '{"a":"\u0000"}'])
            for (const [path, method] of [[ROOM, 'PUT'], [NOTICES, 'POST'], [TOKENS, 'POST']])
                await call(on.server, method, path, 400, { ...PATHS, body });
    });

    test('a key that is not there', async () => {
        await call(on.server, 'POST', TOKENS, 409, { body: { room: 'a', kid: 'none' } });
    });

    test('whole numbers may be written in any way that JSON has', async () => {
        const room = freshRoom('number');
        const body = '{"maxPeers":1.0e1,"emptyTtl":60.0}';
        const { json } = await call(on.server, 'PUT', ROOM, 201, { room, body });
        assert.deepEqual([json.maxPeers, json.emptyTtl], [10, 60]);
    });

    test('bodies of another type, or too large', async () => {
        for (const one of secured.filter(({ body }) => body)) {
            for (const type of ['text/plain', 'application/jsonp', ''])
                await call(on.server, one.method, one.path, 415, {
                    ...PATHS,
                    body: bodyFor(one),
                    headers: { 'Content-Type': type },
                });
            await call(on.server, one.method, one.path, 413, { ...PATHS, body: 'x'.repeat(66_000) });
            const room = freshRoom('type');
            const headers = { 'Content-Type': 'Application/JSON; charset=utf-8' };
            await call(on.server, 'PUT', ROOM, 201, { room, body: {}, headers });
        }
    });

    test('names that are none', async () => {
        const bad = { room: 'a/b', peer: 'x'.repeat(65), instance: '\n' };
        for (const one of secured.filter(({ path }) => path.includes('{')))
            await call(on.server, one.method, one.path, 400, { ...bad, body: bodyFor(one) });
    });

    test('without a token, or with a wrong one', async () => {
        for (const one of secured) {
            const options = { ...PATHS, body: bodyFor(one) };
            const none = await call(on.server, one.method, one.path, 401, { ...options, token: null });
            assert.equal(none.headers['www-authenticate'], 'Bearer realm="roomline"');
        }
        const wrong = await call(on.server, 'GET', ROOMS, 401, { token: `${TOKEN}x` });
        assert.match(wrong.headers['www-authenticate'], /error="invalid_token"/);
        for (const Authorization of [`Basic ${TOKEN}`, TOKEN, 'Bearer', 'Bearer '])
            await call(on.server, 'GET', ROOMS, 401, { token: null, headers: { Authorization } });
        await call(on.server, 'GET', ROOMS, 200, { headers: { Authorization: `bearer ${TOKEN}` } });
    });

    test('methods that are not there', async () => {
        for (const [path, allow] of [
            ['/v1/rooms', 'GET, HEAD, OPTIONS'],
            ['/v1/rooms/a', 'GET, HEAD, PUT, DELETE, OPTIONS'],
            ['/v1/rooms/a/peers/b', 'DELETE, OPTIONS'],
            ['/v1/rooms/a/notices', 'POST, OPTIONS'],
        ]) {
            const answer = await ask(on.server, 'PATCH', path);
            assert.equal(answer.status, 405);
            assert.equal(answer.headers.allow, allow);
            const options = await ask(on.server, 'OPTIONS', path, { token: null });
            assert.equal(options.status, 204);
            assert.equal(options.headers.allow, allow);
        }
    });

    test('HEAD is GET without the body', async () => {
        const room = freshRoom('head');
        await call(on.server, 'PUT', ROOM, 201, { room, body: {} });
        const get = await ask(on.server, 'GET', `/v1/rooms/${room}`);
        const head = await ask(on.server, 'HEAD', `/v1/rooms/${room}`);
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], String(get.body.length));
        assert.equal(head.headers.etag, get.headers.etag);
    });

    test('instances, of which there is one', async () => {
        const { json } = await call(on.server, 'GET', INSTANCES, 200);
        assert.equal(json.instances.length, 1);
        assert.equal(json.self, json.instances[0].instance);
        assert.equal(json.instances[0].workers, on.mode.workers);
        assert.ok(Math.abs(Date.parse(json.instances[0].started) - Date.now()) < 600_000);
        await call(on.server, 'POST', DRAIN, 404, { instance: 'another' });
    });

    test('each change is told to the log, by whom and from where', async () => {
        const room = freshRoom('audit');
        const line = on.server.waitLog(({ event, room: of }) => event === 'admin-room-created' && of === room);
        await call(on.server, 'PUT', ROOM, 201, { room, body: {} });
        const { token, address } = await line;
        assert.deepEqual({ token, address }, { token: 0, address: '127.0.0.1' });
        assert.doesNotMatch(JSON.stringify(on.server.logs), new RegExp(TOKEN));
    });
});

describe('rooms by REST, with servers of their own', () => {
    test('health', async (t) => {
        const server = await ownServer(t, WITH_ADMIN);
        await call(server, 'GET', '/livez', 200, { token: null });
        await call(server, 'GET', '/readyz', 200, { token: null });
    });

    test('ICE servers for other back ends', async (t) => {
        const config = {
            'turn.urls': 'turn:turn.example.org:3478?transport=udp',
            'turn.secrets': 'north',
            'stun.listen': 'udp://127.0.0.1:0',
            'session.ice_servers': '[{urls: "stun:other.example.org"}]',
        };
        const server = await ownServer(t, { ...WITH_ADMIN, config });
        const { json } = await call(server, 'GET', ICE, 200, { query: '?peer=a%20n' });
        const [stun, turn] = json.iceServers;
        assert.deepEqual(stun, { urls: ['stun:other.example.org'] });
        assert.equal(turn.username, `${json.iceExpires}:a%20n`);
        const credential = createHmac('sha1', 'north').update(turn.username).digest('base64');
        assert.equal(turn.credential, credential);
        assert.ok(Math.abs(json.iceExpires - Date.now() / 1000 - 3600) < 60, `${json.iceExpires}`);
        for (const query of ['', '?peer=', `?peer=${'x'.repeat(65)}`, '?peer=%0a', '?name=ann'])
            await call(server, 'GET', ICE, 422, { query });

        const url = { ...config, 'turn.urls': undefined, 'turn.secrets': undefined, 'stun.url': 'stun:a' };
        const plain = await ownServer(t, { ...WITH_ADMIN, config: url });
        const answer = await call(plain, 'GET', ICE, 200, { query: '?peer=ann' });
        assert.deepEqual(answer.json, { iceServers: [{ urls: ['stun:a'] }, stun] });
    });

    test('as many rooms as there may be', async (t) => {
        const server = await ownServer(t, { ...WITH_ADMIN, config: { 'limits.rooms': 1 } });
        await call(server, 'PUT', ROOM, 201, { room: 'a', body: {} });
        await call(server, 'PUT', ROOM, 409, { room: 'b', body: {} });
    });

    test('room-closed: only administrators make rooms, where that is so', async (t) => {
        const server = await ownServer(t, { ...WITH_ADMIN, config: { 'server.rooms_on_demand': false } });
        await assert.rejects(Peer.join(server, { room: 'a', peer: 'ann' }), /room-closed/);
        await call(server, 'PUT', ROOM, 201, { room: 'a', body: {} });
        const ann = await Peer.join(server, { room: 'a', peer: 'ann' });
        await ann.leave();
        await assert.rejects(Peer.join(server, { room: 'a', peer: 'ann' }), /room-closed/);
    });

    test('without a token configured there is only health', async (t) => {
        const server = await ownServer(t, { admin: true });
        for (const one of secured) {
            const options = { ...PATHS, token: null, body: bodyFor(one), headers: { Host: '127.0.0.1' } };
            await call(server, one.method, one.path, one.access === 'METRICS' ? 200 : 403, options);
        }
        await call(server, 'GET', '/livez', 200, { token: null });
        for (const one of operations.filter(({ access }) => access !== 'TOKEN'))
            await call(server, one.method, one.path, 403, { token: null, headers: { Host: 'rebound.example' } });
        for (const Host of ['localhost:1', '127.0.0.1', '[::1]:80'])
            await call(server, 'GET', '/livez', 200, { token: null, headers: { Host } });
    });

    test('too many wrong tokens', async (t) => {
        const server = await ownServer(t, WITH_ADMIN);
        // One a second gets 401 even then.
        const refused = async ({ method, path, ...one }) => {
            const options = { token: 'wrong', body: bodyFor(one) };
            for (let i = 0; i < 200; i++) {
                const answer = await ask(server, method, path.replace(/\{\w+\}/g, 'a'), options);
                note(method, path, answer);
                if (answer.status === 429) return;
                assert.equal(answer.status, 401);
            }
            assert.fail('200 wrong tokens were heard');
        };
        for (const one of secured) await refused(one);
        await call(server, 'GET', ROOMS, 200);
    });

    test('where no worker answers', async (t) => {
        const server = await ownServer(t, WITH_ADMIN);
        const [pid] = server.workers.values();
        process.kill(pid, 'SIGSTOP');
        await Promise.all(
            secured
                .filter(({ path }) => path.startsWith('/v1/rooms'))
                .map((one) => call(server, one.method, one.path, 503, { ...PATHS, body: bodyFor(one) })),
        );
        process.kill(pid, 'SIGCONT');
    });

    test('drained by REST', async (t) => {
        const server = await ownServer(t, {
            ...WITH_ADMIN,
            config: { 'server.instance': 'ünique one', 'drain.linger': '20s', 'drain.deadline': '20s' },
        });
        const { instances } = (await call(server, 'GET', INSTANCES, 200)).json;
        assert.equal(instances[0].instance, 'ünique one');
        assert.equal((await ask(server, 'GET', '/livez', { url: server.url })).status, 200);
        for (let i = 0; i < 2; i++) await call(server, 'POST', DRAIN, 202, { instance: 'ünique one' });
        await call(server, 'GET', '/readyz', 503, { token: null });
        assert.equal((await call(server, 'GET', INSTANCES, 200)).json.instances[0].draining, true);
        await call(server, 'PUT', ROOM, 201, { room: 'a', body: {} }); // as long as it is there
        server.signal('SIGTERM');
        await server.expectExit();
    });
});

// tests/cluster/admin.test.js has those that need another instance.
const ELSEWHERE = ['GET /metrics 503', `GET ${INSTANCES} 503`, `POST ${DRAIN} 503`, `POST ${DRAIN} 409`];

test('every status of every operation was seen', () => {
    const all = operations.flatMap(({ name, responses }) => [...responses.keys()].map((status) => `${name} ${status}`));
    assert.deepEqual(all.filter((one) => !seen.has(one) && !ELSEWHERE.includes(one)), []);
});
