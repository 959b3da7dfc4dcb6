// SIGTERM, SIGINT and SIGHUP.

import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync, readFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { fetchOnce } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer } from '../support/suite.js';
import { connectSocket } from '../support/upgrade.js';

const FREE = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };

for (const mode of ALL_MODES) {
    test(`SIGTERM under traffic: goaway, nothing lost or out of order, 1012, exit 0 (${mode.name})`, async (t) => {
        const config = {
            ...FREE,
            'drain.linger': '100ms',
            'drain.spread': '200ms',
            'drain.deadline': '800ms',
        };
        const server = await ownServer(t, { ...mode, config });
        const room = freshRoom();
        const peers = [];
        for (let n = 0; n < 4; n++) {
            peers.push(await Peer.join(server, { room, peer: `p${n}`, worker: n % mode.workers }));
        }
        for (const peer of peers.slice(0, 3)) await peer.until('peer-joined', { peer: 'p3' });
        const pairs = [
            [0, 1],
            [1, 0],
            [2, 3],
            [3, 2],
            [0, 3],
        ].map(([x, y]) => [peers[x], peers[y]]);
        const flows = pairs.map(([from, to]) => flow(from, to));
        await Promise.all(flows.map((one) => one.started));
        server.signal('SIGTERM');
        for (const peer of peers) {
            const { reason, reconnectWithin } = await peer.until('goaway');
            assert.equal(typeof reason, 'string');
            assert.ok(
                Number.isInteger(reconnectWithin) && reconnectWithin >= 0 && reconnectWithin <= 800,
            );
        }
        for (const peer of peers) await peer.expectClose(1012);
        for (const { ended } of flows) {
            const { seen, confirmed } = await ended;
            seen.forEach((n, i) => assert.equal(n, i));
            assert.ok(
                seen.length >= confirmed,
                `${seen.length} of ${confirmed} that were confirmed`,
            );
            assert.ok(confirmed > 0);
        }
        for (const peer of peers) {
            const wrong = peer.inbox.items.filter(
                (m) => !['goaway', 'signal', 'pong', 'peer-joined'].includes(m.type),
            );
            // Of a pair that is being closed one end may hear that the other is away by now.
            assert.deepEqual(
                wrong.filter((m) => m.type !== 'peer-away').map((m) => m.text),
                [],
            );
        }
        await server.expectExit();
    });
}

/**
 * Numbered signals from one peer to another, a window of them at a time, until the connections
 * close.
 * `confirmed` is how many the receiver must have got: those that came back as an answer.
 */
function flow(from, to) {
    const key = `${from.id}>${to.id}`;
    let begin;
    const started = new Promise((resolve) => (begin = resolve));
    const ended = (async () => {
        const seen = [];
        let confirmed = 0;
        const match = (m) => m.type === 'signal' && m.data[0] === key;
        try {
            for (let n = 0; ; n++) {
                from.signal(to.id, [key, n]);
                if (n % 8 !== 7) continue;
                while (seen.length <= n) seen.push((await to.inbox.take(match)).data[1]);
                confirmed = n + 1;
                to.send({ type: 'ping', received: to.received });
                begin();
            }
        } catch {
            for (const m of to.inbox.items.filter(match)) seen.push(m.data[1]);
        }
        return { seen, confirmed };
    })();
    return { started, ended };
}

test('while it lingers it accepts, and a session may resume on it', async (t) => {
    const config = { 'drain.linger': '4s', 'drain.spread': '0', 'drain.deadline': '60s' };
    const server = await ownServer(t, { workers: 2, config });
    const a = await Peer.join(server, { peer: 'a' });
    await startDraining(server);
    a.signal('a', 1);
    await a.expect('signal');
    const again = await a.resume(server);
    assert.equal(again.joined.resumed, true);
    await a.expectClose(4009);
    const late = await Peer.join(server);
    await late.quiet();
    for (const peer of [again, late]) {
        await peer.expect('goaway'); // when the linger is over
        await peer.leave();
    }
    await server.expectExit();
});

test('who joins once all were asked to go is not asked, just closed in the end', async (t) => {
    const config = { 'drain.linger': '0', 'drain.spread': '0', 'drain.deadline': '2s' };
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { workers, config });
        const a = await Peer.join(server);
        const late = await Peer.connect(server);
        server.signal('SIGTERM');
        await a.expect('goaway');
        late.send({ type: 'join' });
        await late.expectJoined();
        await late.quiet();
        await late.expectClose(1012);
        assert.deepEqual(late.inbox.items, []);
        await server.expectExit();
    }
});

/** SIGTERM; resolves to the line that says that it drains. */
async function startDraining(server) {
    const draining = server.nextLog((line) => line.event === 'draining');
    server.signal('SIGTERM');
    return draining;
}

test('after the linger nothing new is accepted', async (t) => {
    const config = { 'drain.linger': '0', 'drain.spread': '0', 'drain.deadline': '60s' };
    const server = await ownServer(t, { workers: 2, config });
    const a = await Peer.join(server);
    server.signal('SIGTERM');
    await a.until('goaway');
    let refused = false;
    while (!refused && !server.exit) {
        try {
            const { tcp } = await connectSocket(server);
            tcp.destroy();
        } catch (error) {
            assert.match(error.code, /ECONNREFUSED|ECONNRESET/);
            refused = true;
        }
    }
    assert.ok(refused);
    await a.leave();
    await server.expectExit();
});

test('when all have gone it does not wait for the deadline', async (t) => {
    const config = { 'drain.linger': '0', 'drain.spread': '0', 'drain.deadline': '60s' };
    const server = await ownServer(t, { workers: 2, config });
    const peers = [await Peer.join(server), await Peer.join(server)];
    server.signal('SIGTERM');
    for (const peer of peers) {
        await peer.until('goaway');
        await peer.leave();
    }
    await server.expectExit(0, 10_000);
});

test('goaway is spread over the time', async (t) => {
    const config = { 'drain.linger': '0', 'drain.spread': '1s', 'drain.deadline': '2s' };
    const server = await ownServer(t, { workers: 1, config });
    const peers = [];
    for (let n = 0; n < 10; n++) peers.push(await Peer.join(server));
    server.signal('SIGTERM');
    // What each is told to be left of the time is the server's own clock.
    const left = await Promise.all(
        peers.map(async (peer) => (await peer.until('goaway')).reconnectWithin),
    );
    const spread = Math.max(...left) - Math.min(...left);
    assert.ok(spread >= 500 && spread <= 1500, `${spread} ms`);
    for (const peer of peers) await peer.expectClose(1012);
    await server.expectExit();
});

for (const [first, second] of [
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
]) {
    test(`a second signal stops at once: ${first}, ${second}`, async (t) => {
        const config = { 'drain.linger': '60s', 'drain.spread': '60s', 'drain.deadline': '120s' };
        const server = await ownServer(t, { workers: 2, config });
        const a = await Peer.join(server);
        const draining = server.nextLog((line) => line.event === 'draining');
        server.signal(first);
        await draining;
        await a.quiet();
        server.signal(second);
        await a.ws.ended;
        await server.expectExit(0, 10_000);
    });
}

test('SIGINT drains like SIGTERM', async (t) => {
    const server = await ownServer(t, {});
    const a = await Peer.join(server);
    server.signal('SIGINT');
    await a.expect('goaway');
    await a.expectClose(1012);
    await server.expectExit();
});

for (const workers of [1, 2]) {
    test(`SIGTERM with nobody connected: /readyz says 503 for the whole linger (${workers} workers)`, async (t) => {
        const config = { 'drain.linger': '2s', 'drain.deadline': '60s' };
        const server = await ownServer(t, { workers, config });
        assert.equal((await fetchOnce(server, '/readyz')).status, 200);
        const draining = await startDraining(server);
        let ready;
        do ready = await fetchOnce(server, '/readyz'); // until each worker has heard of it
        while (ready.status === 200);
        assert.deepEqual([ready.status, ready.body.toString()], [503, 'draining\n']);
        assert.equal((await fetchOnce(server, '/livez')).status, 200);
        await server.expectExit(0, 10_000);
        const stopping = server.logs.find((line) => line.event === 'stopping');
        const lingered = Date.parse(stopping.time) - Date.parse(draining.time);
        assert.ok(lingered >= 1990, `${lingered} ms`);
    });
}

const LONG = { 'drain.linger': '60s', 'drain.deadline': '120s' };

test('SIGTERM ends at once where nobody ever connected', async (t) => {
    const server = await ownServer(t, { workers: 2, config: LONG });
    server.signal('SIGTERM');
    await server.expectExit(0, 10_000);
});

test('Ctrl-C ends at once where nobody is connected', async (t) => {
    const server = await ownServer(t, { workers: 2, config: LONG });
    await fetchOnce(server, '/readyz');
    const a = await Peer.join(server);
    await a.leave();
    server.signal('SIGINT');
    await server.expectExit(0, 10_000);
});

test('a second SIGTERM ends a linger with nobody connected', async (t) => {
    const server = await ownServer(t, { workers: 2, config: LONG });
    await fetchOnce(server, '/readyz');
    await startDraining(server);
    server.signal('SIGTERM');
    await server.expectExit(0, 10_000);
});

test('timeouts.close=0: a client that does not answer the close is cut in the end, no worker is killed', async (t) => {
    const server = await ownServer(t, { config: { 'timeouts.close': '0' } });
    const a = await Peer.join(server);
    a.freeze();
    server.signal('SIGTERM');
    await server.expectExit(0, 20_000);
    assert.equal(
        server.logs.find((line) => line.event === 'killing'),
        undefined,
    );
});

test('a worker that hangs does not keep the server from ending', async (t) => {
    const server = await ownServer(t, { workers: 2 });
    const a = await Peer.join(server, { worker: 0 });
    process.kill(server.workers.get(1), 'SIGSTOP');
    await startDraining(server);
    server.signal('SIGTERM');
    await a.ws.ended;
    await server.expectExit(0, 20_000);
    assert.ok(server.logs.some((line) => line.event === 'killing' && line.workers === 1));
});

test('SIGTERM to a worker alone does not take the server down', async (t) => {
    const server = await ownServer(t, { workers: 2 });
    const a = await Peer.join(server, { worker: 0 });
    process.kill(server.workers.get(1), 'SIGTERM');
    a.signal(a.id, 1);
    await a.expect('signal');
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

/** A reload; resolves when the log says that it is done on every worker. */
async function reload(server) {
    const done = server.nextLog((line) => line.event === 'reloaded');
    server.signal('SIGHUP');
    await done;
}

async function servedCertificate(server, ca) {
    const { socket, tcp } = await connectSocket(server, { tls: { ca } });
    const { subject } = socket.getPeerCertificate();
    tcp.destroy();
    return subject.CN;
}

for (const workers of [1, 2]) {
    test(`SIGHUP: new certificate and files for new connections, old ones go on (${workers} workers)`, async (t) => {
        const folder = mkdtempSync(join(temporaryFolder(), 'reload-'));
        const [one, two] = [certificate('ecdsa', 'one'), certificate('rsa', 'two')];
        const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
        const install = (from) => {
            copyFileSync(from.cert, cert);
            copyFileSync(from.key, key);
        };
        install(one);
        const client = mkdtempSync(join(temporaryFolder(), 'client-'));
        writeFileSync(join(client, 'index.html'), 'before');
        const server = await ownServer(t, {
            workers,
            tls: { cert, key, ca: one.ca },
            args: ['--client', client],
        });
        const peers = [];
        for (let n = 0; n < 4; n++) peers.push(await Peer.join(server));
        assert.equal(await servedCertificate(server, one.ca), 'one');
        assert.equal((await fetchOnce(server, '/')).body.toString(), 'before');

        install(two);
        writeFileSync(join(client, 'index.html'), 'after');
        writeFileSync(join(client, 'new.txt'), 'new');
        await reload(server);
        for (let n = 0; n < 8; n++) assert.equal(await servedCertificate(server, two.ca), 'two');
        server.ca = two.ca;
        for (let n = 0; n < 8; n++)
            assert.equal((await fetchOnce(server, '/')).body.toString(), 'after');
        assert.equal((await fetchOnce(server, '/new.txt')).body.toString(), 'new');
        for (const peer of peers) await peer.quiet();
    });
}

test('SIGHUP with a broken certificate keeps the old one and says so', async (t) => {
    const folder = mkdtempSync(join(temporaryFolder(), 'reload-'));
    const good = certificate('ecdsa');
    const cert = join(folder, 'cert.pem');
    copyFileSync(good.cert, cert);
    const server = await ownServer(t, { workers: 2, tls: { cert, key: good.key, ca: good.ca } });
    const a = await Peer.join(server);
    writeFileSync(
        cert,
        readFileSync(good.cert, 'utf8').replace(/[A-Za-z]{20}/, 'xxxxxxxxxxxxxxxxxxxx'),
    );
    const failed = server.nextLog(
        (line) => line.level === 'error' && JSON.stringify(line).includes(cert),
    );
    server.signal('SIGHUP');
    await failed;
    assert.equal(await servedCertificate(server, good.ca), 'localhost');
    await a.quiet();
});
