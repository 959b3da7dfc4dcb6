// Redis by TLS with client certificates, and by a user who may do no more than roomline needs.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WITH_ADMIN, ask } from '../support/admin.js';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { eventually, ownCluster, startCluster } from '../support/cluster.js';
import { fetchOnce } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { startServer } from '../support/server.js';

const PASSWORD = 'correct horse/battery@staple';

/** The rules that docs/operations.md recommends. */
function documentedUser() {
    const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const [, name, rules] = /^user (\S+) on >PASSWORD (.*)$/m.exec(text);
    return { name, rules: rules.split(' ') };
}

async function guardedRedis(t, options = {}) {
    const redis = await startRedis(options);
    t.after(() => redis.end());
    const { name, rules } = documentedUser();
    await redis.call('ACL', 'SETUSER', name, 'on', `>${PASSWORD}`, ...rules);
    return { redis, name, login: `${name}:${encodeURIComponent(PASSWORD)}@` };
}

const byTls = (redis) => ({
    'bus.ca': redis.own.cert,
    'bus.cert': redis.client.cert,
    'bus.key': redis.client.key,
});

/** All that peers and instances do: what any script is there for. */
async function wholeLife(cluster) {
    const room = freshRoom();
    const a = await Peer.join(cluster.at(0), { room, peer: 'a', worker: 0 });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b', worker: 0 });
    const c = await Peer.join(cluster.at(1), { room, peer: 'c', worker: 1 });
    await a.until('peer-joined', { peer: 'c' });
    a.signal('b', 1);
    await b.until('signal');
    b.send({ type: 'info', info: { n: 1 } });
    await a.until('peer-info');
    await b.lose();
    await a.until('peer-away');
    const again = await b.resume(cluster.at(0));
    assert.equal(again.joined.resumed, true);
    await c.leave();
    await a.until('peer-left');
    // A worker crashes, and nobody resumes.
    const crashed = await Peer.join(cluster.at(1), { room, peer: 'crashed', worker: 1 });
    const restarted = cluster.at(1).nextLog((line) => line.event === 'worker-started');
    process.kill(cluster.at(1).workers.get(1), 'SIGKILL');
    await a.until('peer-away', { peer: 'crashed' });
    await a.until('peer-left', { peer: 'crashed' });
    await crashed.ws.ended;
    await restarted;
    // A drain, a mailbox, and one who takes what is in it.
    const d = await Peer.join(cluster.at(1), { room, peer: 'd' });
    await a.until('peer-joined', { peer: 'd' });
    const far = await Peer.join(cluster.at(1), { room: freshRoom(), peer: 'never back' });
    await cluster.at(1).stop();
    await a.until('peer-away', { peer: 'd' });
    a.signal('d', 'held');
    await a.settle();
    const back = await d.resume(cluster.at(0));
    assert.equal(back.joined.resumed, true);
    await back.until('signal', { data: 'held' });
    await back.settle(1);
    await far.ws.ended;
    for (const peer of [a, again, back]) await peer.leave();
}

/** What administrators do there. */
async function administered(server) {
    const path = `/v1/rooms/${freshRoom()}`;
    const does = async (method, at, status, body) =>
        assert.equal((await ask(server, method, at, { body })).status, status, `${method} ${at}`);
    await does('PUT', path, 201, { metadata: { a: 1 } });
    await does('GET', '/v1/rooms', 200);
    await does('GET', '/v1/instances', 200);
    const room = path.split('/').at(-1);
    const peer = await Peer.join(server, { room, peer: 'kicked' });
    await does('POST', `${path}/notices`, 200, { data: 1 });
    await does('DELETE', `${path}/peers/kicked?ban=60`, 200);
    await peer.until('notice');
    await peer.expectClose(4005);
    const resume = { session: peer.session, received: 0 };
    await assert.rejects(Peer.join(server, { room, peer: 'kicked', resume }), /forbidden/);
    await does('DELETE', path, 200);
}

test('TLS with a client certificate and the documented user: all works, and no right is unused', async (t) => {
    const { redis, login } = await guardedRedis(t, { tls: true });
    const cluster = await ownCluster(t, {
        ...WITH_ADMIN,
        workers: 2,
        redis: [redis],
        url: redis.url(login),
        config: { ...byTls(redis), 'session.resume_window': '5s' },
    });
    await administered(cluster.at(0));
    await wholeLife(cluster);
    for (const server of cluster.servers) {
        const refused = server.logs.filter(({ event }) => event === 'redis-refused');
        assert.deepEqual(refused, []);
    }
    assert.deepEqual(await redis.call('ACL', 'LOG'), []);
    // Those for Sentinel and other databases are not used here.
    const spare = ['+role', '+select'];
    const counts = await redis.commandCounts();
    const allowed = documentedUser().rules.filter((rule) => rule.startsWith('+'));
    assert.deepEqual(
        allowed.filter((rule) => !spare.includes(rule) && !counts[rule.slice(1)]),
        [],
        'allowed and never used',
    );
});

test('the password comes from a file, or from the environment', async (t) => {
    const { redis, name } = await guardedRedis(t);
    const file = join(temporaryFolder(), 'redis-password');
    writeFileSync(file, `${PASSWORD}\n`);
    const url = redis.url(`${name}@`);
    for (const given of [
        { config: { 'bus.password_file': file } },
        { env: { ROOMLINE_BUS_PASSWORD: PASSWORD } },
    ]) {
        const cluster = await startCluster({ instances: 1, redis: [redis], url, ...given });
        await Peer.join(cluster.at(0));
        await cluster.stop();
    }
});

/** An instance that cannot come to its Redis: it says why, is not ready, and shows no secret. */
async function isRefused(t, options, pattern) {
    const server = await startServer({ ...options });
    t.after(() => server.stop());
    const { cause } = await server.waitLog((line) => line.event === 'redis-down');
    assert.match(cause, pattern);
    assert.equal((await fetchOnce(server, '/readyz')).status, 503);
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
    const said = JSON.stringify(server.logs) + server.noise.join('\n');
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'wrong one'])
        assert.ok(!said.includes(secret), `"${secret}" is in the log`);
}

test('a wrong password, an unknown certificate, no certificate of our own: said, and not ready', async (t) => {
    const { redis, name, login } = await guardedRedis(t, { tls: true });
    const to = (url, config) => ({ args: ['--redis', url], config });
    const good = byTls(redis);
    const stranger = certificate('ecdsa', 'stranger');
    await isRefused(t, to(redis.url(`${name}:wrong%20one@`), good), /password|WRONGPASS/);
    await isRefused(t, to(redis.url(login), { ...good, 'bus.ca': stranger.cert }), /certificate/);
    const foreign = { ...good, 'bus.cert': stranger.cert, 'bus.key': stranger.key };
    await isRefused(t, to(redis.url(login), foreign), /certificate|closed|alert|reset/i);
});

test('a right is missing: what Redis refuses is said, and given back it is healed', async (t) => {
    const { redis, name, login } = await guardedRedis(t);
    const cluster = await ownCluster(t, { instances: 1, redis: [redis], url: redis.url(login) });
    const server = cluster.at(0);
    await redis.call('ACL', 'SETUSER', name, '-evalsha');
    await server.waitLog((line) => /rights|NOPERM/.test(`${line.cause}${line.error}`));
    await redis.call('ACL', 'SETUSER', name, '+evalsha');
    await eventually(async () => {
        const room = freshRoom();
        const a = await Peer.join(server, { room }).catch(() => null);
        const keys = await cluster.keys();
        return a && keys.includes(`rl:room:{${room}}`);
    }, 'rooms are in Redis again');
});

test('without a right that joins need: not ready, said which, and ready once it is there', async (t) => {
    const { redis, name, login } = await guardedRedis(t);
    for (const [rule, given, missing] of [
        ['-hset', ['+hset'], 'HSET'],
        ['-zrangebylex', ['+zrangebylex'], 'ZRANGEBYLEX'],
        ['resetchannels', ['&rl:inbox:*'], 'PUBLISH'],
    ]) {
        await redis.call('ACL', 'SETUSER', name, rule);
        const server = await startServer({ args: ['--redis', redis.url(login)] });
        t.after(() => server.stop());
        const line = await server.waitLog(({ event }) => event === 'redis-rights');
        assert.equal(line.missing, missing);
        assert.match(line.hint, /ACL rule/);
        await server.waitLog(({ cause }) => cause === 'the user of Redis lacks rights');
        assert.equal((await fetchOnce(server, '/readyz')).status, 503);
        await redis.call('ACL', 'SETUSER', name, ...given);
        const isReady = async () => (await fetchOnce(server, '/readyz')).status === 200;
        await eventually(isReady, 'every worker is ready');
        await Peer.join(server, { room: freshRoom() });
        const refused = server.logs.filter(({ event }) => event === 'redis-refused');
        assert.deepEqual(refused, []);
        await server.stop();
    }
});
