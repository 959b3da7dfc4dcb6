// Canaries: whatever is nobody's business is given to two instances by every way there is, at the log's most
// talkative level, and is found in no log, no metric, no health check and no error answer.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ask, TOKEN } from '../support/admin.js';
import { ownCluster } from '../support/cluster.js';
import { fetchOnce, HttpConnection, requestText } from '../support/http.js';
import { readMetrics } from '../support/metrics.js';
import { freshRoom, Peer } from '../support/peer.js';
import { startRedis } from '../support/redis.js';
import { sign, soon } from '../support/token.js';

// Of letters and digits alone, so that no encoding but base64 changes it.
const MARK = `canary${randomBytes(6).toString('hex')}`;
let count = 0;
const laid = [];

/** A new canary. */
function canary(what) {
    const text = `${MARK}${what}${++count}${'0'.repeat(32)}`;
    laid.push(text);
    return text;
}

/** Remembers what the server made itself, or we made of canaries. */
function lay(text) {
    assert.ok(text.length >= 16, text);
    laid.push(text);
    return text;
}

const sdp = () => ({
    description: { type: 'offer', sdp: `v=0\r\na=ice-pwd:${canary('sdp')}\r\na=fingerprint:${canary('fp')}\r\n` },
    candidate: `candidate:1 1 udp 1 192.0.2.7 9 typ host ${canary('candidate')}`,
});

const SECRETS = {
    auth: canary('auth'),
    turn: canary('turn'),
    redis: canary('redis'),
    ice: canary('ice'),
    admin: canary('admin'),
};

async function startInstances(t) {
    const redis = await startRedis({
        config: { user: ['default on nopass ~* &* +@all', `roomline on >${SECRETS.redis} ~* &* +@all`] },
    });
    t.after(() => redis.end());
    return ownCluster(t, {
        instances: 2,
        redis: [redis],
        url: redis.url(`roomline:${SECRETS.redis}@`),
        admin: true,
        env: { ROOMLINE_ADMIN_TOKEN: SECRETS.admin, ROOMLINE_AUTH_SECRET: SECRETS.auth },
        config: {
            'log.level': 'debug',
            'auth.mode': 'token',
            'turn.urls': 'turn:turn.example.org',
            'turn.secrets': SECRETS.turn,
            'session.ice_servers': `[{urls: "turn:old.example.org", username: u, credential: ${SECRETS.ice}}]`,
            'limits.info_size': '1KiB',
            'limits.message_size': '16KiB',
        },
    });
}

const tokenFor = (room, peer, more = {}) =>
    lay(sign({ room, sub: peer, exp: soon(), jti: canary('jti'), ...more }, SECRETS.auth));

async function join(server, room, peer) {
    const joined = await Peer.join(server, {
        room,
        peer,
        token: tokenFor(room, peer, { info: { from: canary('claim') }, grants: ['signal', 'info', 'admin'] }),
        info: { secret: canary('info') },
    });
    lay(joined.session);
    for (const { credential } of joined.joined.iceServers) if (credential !== SECRETS.ice) lay(credential);
    return joined;
}

/** A call with everything in it, over two instances; one peer moves, one is left away. */
async function goodWays([one, other]) {
    const room = freshRoom();
    const a = await join(one, room, 'a');
    const b = await join(other, room, 'b');
    await a.until('peer-joined');
    for (const [from, to, name] of [[a, b, 'b'], [b, a, 'a']]) {
        from.send({ type: 'signal', to: name, data: sdp(), id: canary('id') });
        await to.until('signal');
    }
    a.send({ type: 'info', info: { [canary('key')]: canary('value') } });
    await b.until('peer-info');
    a.send({ type: 'token', token: tokenFor(room, 'a') });
    a.send({ type: 'report', call: { outcome: canary('outcome'), reason: canary('reason'), [canary('field')]: 1 } });
    await a.settle();
    await b.lose();
    await a.until('peer-away');
    a.signal('b', sdp());
    await a.settle();
    const again = await b.resume(one, { token: tokenFor(room, 'b') });
    lay(again.session);
    await again.until('signal');
    await again.lose();
    await a.until('peer-away');
    return { room, a };
}

const CLOSES = [1007, 1009, 4000, 4001, 4003];

/** What is refused. */
async function badWays([server], room) {
    const refused = async (message, options = {}) => {
        const peer = await Peer.connect(server, { room, ...options });
        peer.send(message);
        await peer.ws.ended;
        assert.ok(CLOSES.includes(peer.ws.closeFrame?.code), `${peer.ws.closeFrame?.code}`);
    };
    await refused({ type: 'join', token: canary('token') });
    await refused({ type: 'join', token: lay(sign({ room, exp: soon() }, canary('forged'))) });
    await refused({ type: 'join', token: lay(sign({ room, exp: soon(-500) }, SECRETS.auth)) });
    await refused({ type: 'join', peer: 'a', token: tokenFor(room, 'nobody') });
    await refused({ type: 'join', resume: { session: canary('session'), received: 0 } });
    await refused(`{"type":"join","token":"${canary('broken')}`);
    await refused({ type: canary('type') });
    await refused({ type: 'join', peer: 7, info: canary('kind') });
    await refused({ type: 'join', token: canary('t'), info: { long: canary('long').padEnd(5000, 'x') } });
    await refused({ type: 'join', token: canary('huge').padEnd(20_000, 'x') });
    await refused({ type: 'join' }, { headers: { Authorization: `Bearer ${canary('bearer')}` } });
    for (const path of [`/v1/rooms/${room}/ws?token=${canary('query')}`, `/index.html?${canary('query')}`])
        await fetchOnce(server, path, { headers: { Cookie: canary('cookie'), Authorization: canary('header') } });
    const http = await HttpConnection.open(server);
    await http.request(requestText('/').replace('Host', `${canary('header')} broken\r\nHost`));
    await http.destroy();
}

/** The admin API: what it is given, and what it says to who has no right to ask. */
async function adminWays([server], room) {
    const own = { token: SECRETS.admin };
    const set = { metadata: { secret: canary('metadata') } };
    assert.ok((await ask(server, 'PUT', `/v1/rooms/${room}`, { ...own, body: set })).status < 300);
    const notice = { data: { secret: canary('notice') } };
    assert.ok((await ask(server, 'POST', `/v1/rooms/${room}/notices`, { ...own, body: notice })).status < 300);
    const answers = await Promise.all([
        ask(server, 'GET', '/v1/rooms', { token: canary('guess') }),
        ask(server, 'GET', `/v1/rooms?cursor=${canary('cursor')}`, own),
        ask(server, 'PUT', `/v1/rooms/${room}`, { ...own, body: `{"metadata":${canary('json')}` }),
        ask(server, 'GET', '/metrics', { token: TOKEN }),
    ]);
    for (const { status } of answers) assert.ok(status >= 400, `${status}`);
    return answers.map(({ body }) => String(body));
}

function assertNone(text, where) {
    const low = text.toLowerCase();
    assert.ok(!low.includes(MARK), `${where}: ${text.slice(Math.max(0, low.indexOf(MARK) - 300), low.indexOf(MARK) + 100)}`);
    for (const one of laid) {
        assert.ok(!text.includes(one), `${where} shows ${one}`);
        assert.ok(!text.includes(Buffer.from(one).toString('base64').slice(0, -4)), `${where} shows ${one} in base64`);
    }
}

test('nothing that is nobody\'s business shows anywhere', async (t) => {
    const cluster = await startInstances(t);
    const { servers } = cluster;
    const { room, a } = await goodWays(servers);
    await badWays(servers, room);
    const said = await adminWays(servers, room);
    await a.until('notice');
    for (const server of servers) {
        const metrics = await readMetrics(server, { token: SECRETS.admin });
        assertNone(metrics.text, 'metrics');
        assertNone(String((await ask(server, 'GET', '/readyz?verbose')).body), 'readyz');
    }
    said.forEach((body) => assertNone(body, 'an error answer'));
    const [pid] = servers[1].workers.values();
    process.kill(pid, 'SIGKILL');
    await servers[1].nextLog((line) => line.event === 'worker-started');
    await cluster.stop();
    assert.ok(laid.length > 60);
    for (const server of servers) {
        const lines = [...server.logs.map((line) => JSON.stringify(line)), ...server.noise];
        assert.ok(lines.length > 20 && lines.some((line) => line.includes('"debug"')));
        for (const line of lines) assertNone(line, 'the log');
    }
});

test('the search finds what it searches for', () => {
    const one = canary('found');
    for (const text of [`x ${one}`, one.toUpperCase(), Buffer.from(one).toString('base64')])
        assert.throws(() => assertNone(text, 'a text'), /a text/);
    assertNone('nothing', 'a text');
});
