// What is counted: each metric that can be provoked is, and shows what was done.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { TOKEN, WITH_ADMIN, ask } from '../support/admin.js';
import { fetchOnce } from '../support/http.js';
import { metricsUntil, readMetrics } from '../support/metrics.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer, PLAIN, PLAIN2, suite, TLS2 } from '../support/suite.js';

/** How much a metric grew. */
const growth = (before, after, name, labels) => after.sum(name, labels) - before.sum(name, labels);

async function pair(on, extra = {}) {
    const room = freshRoom();
    const a = await Peer.join(on.server, { room, peer: 'a', ...extra });
    const b = await Peer.join(on.server, { room, peer: 'b', ...extra });
    await a.expect('peer-joined');
    return [a, b];
}

suite('metrics', [PLAIN, PLAIN2, TLS2], WITH_ADMIN, (on) => {
    test('promtool finds nothing to say', async (t) => {
        const { text } = await readMetrics(on.server);
        const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
        if (error?.code === 'ENOENT') return t.skip('promtool is not installed');
        assert.equal(`${stdout}${stderr}`, '');
        assert.equal(status, 0);
    });

    test('are served as Prometheus wants them, to who has the token', async () => {
        const answer = await ask(on.server, 'GET', '/metrics');
        assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
        assert.equal((await ask(on.server, 'GET', '/metrics', { token: null })).status, 401);
        assert.equal((await ask(on.server, 'GET', '/metrics', { token: 'x'.repeat(20) })).status, 401);
        assert.equal((await fetchOnce(on.server, '/metrics')).status, 404); // not for clients
    });

    test('connections, sessions, rooms and peers as they are now', async () => {
        const [a, b] = await pair(on);
        const is = (here, away) => (m) =>
            m.value('roomline_peers', { state: 'here' }) === here &&
            m.value('roomline_sessions', { state: 'here' }) === here &&
            m.value('roomline_peers', { state: 'away' }) === away &&
            m.value('roomline_websockets') === here;
        const metrics = await metricsUntil(on.server, is(2, 0));
        assert.ok(metrics.value('roomline_connections') >= 2);
        assert.ok(metrics.value('roomline_rooms') >= 1); // one for each worker that has a member
        await b.lose();
        await metricsUntil(on.server, is(1, 1));
        const again = await b.resume(on.server);
        await again.leave();
        await a.leave();
        await metricsUntil(on.server, is(0, 0));
    });

    test('messages and bytes by type', async () => {
        const before = await readMetrics(on.server);
        const [a, b] = await pair(on);
        for (let n = 0; n < 10; n++) a.signal('b', 'x'.repeat(100));
        await b.signals(10);
        a.send({ type: 'info', info: { n: 1 } });
        await b.until('peer-info');
        await a.settle();
        a.signal('nobody', 1);
        await a.expectError('peer-not-found');
        const after = await metricsUntil(
            on.server,
            (m) => growth(before, m, 'roomline_messages_received_total', { type: 'signal' }) === 11,
        );
        const grew = (name, type) => growth(before, after, name, { type });
        assert.equal(grew('roomline_messages_sent_total', 'signal'), 10);
        assert.ok(grew('roomline_messages_received_bytes_total', 'signal') >= 1000);
        assert.ok(grew('roomline_messages_sent_bytes_total', 'signal') >= 1000);
        assert.equal(grew('roomline_messages_received_total', 'join'), 2);
        assert.equal(grew('roomline_messages_sent_total', 'joined'), 2);
        assert.equal(grew('roomline_messages_sent_total', 'peer-joined'), 1);
        assert.equal(grew('roomline_messages_sent_total', 'peer-info'), 1);
        assert.equal(grew('roomline_messages_sent_total', 'pong'), 1);
        assert.equal(grew('roomline_messages_sent_total', 'error'), 1);
        assert.equal(grew('roomline_messages_sent_total', 'other'), 0);
        assert.equal(growth(before, after, 'roomline_errors_total', { code: 'peer-not-found' }), 1);
        assert.ok(growth(before, after, 'roomline_network_received_bytes_total') > 1000);
        assert.ok(growth(before, after, 'roomline_network_sent_bytes_total') > 1000);
        await Promise.all([a.leave(), b.leave()]);
    });

    test('joins and resumes by outcome, and how long they took', async () => {
        const before = await readMetrics(on.server);
        const [a, b] = await pair(on);
        await b.lose();
        const again = await b.resume(on.server);
        await again.leave();
        await assert.rejects(Peer.join(on.server, { room: a.room, peer: 'a' })); // taken
        const late = await Peer.join(on.server, { room: a.room, resume: { session: b.session, received: 0 } });
        assert.equal(late.joined.resumed, false);
        const after = await metricsUntil(
            on.server,
            (m) => growth(before, m, 'roomline_resumes_total', { outcome: 'afresh' }) === 1,
        );
        assert.equal(growth(before, after, 'roomline_joins_total', { outcome: 'joined' }), 2);
        assert.equal(growth(before, after, 'roomline_joins_total', { outcome: 'refused' }), 1);
        assert.equal(growth(before, after, 'roomline_resumes_total', { outcome: 'resumed' }), 1);
        assert.equal(growth(before, after, 'roomline_join_seconds_count'), 4);
        assert.ok(growth(before, after, 'roomline_join_seconds_sum') < 60);
        assert.equal(growth(before, after, 'roomline_upgrade_seconds_count'), 5);
        assert.equal(growth(before, after, 'roomline_tls_handshake_seconds_count'), on.mode.tls ? 5 : 0);
        await a.leave();
        await late.leave();
    });

    test('how WebSockets ended', async () => {
        const before = await readMetrics(on.server);
        const peers = await Promise.all([1, 2, 3, 4].map(() => Peer.join(on.server)));
        await peers[0].leave();
        peers[1].send('not JSON');
        await peers[1].expectClose(1007);
        await peers[2].lose();
        peers[3].ws.close(4321);
        const ended = (m, code) => growth(before, m, 'roomline_websocket_closes_total', { code });
        const after = await metricsUntil(on.server, (m) => ended(m, 'none') === 1 && ended(m, 'client') === 1);
        assert.equal(ended(after, '1000'), 1);
        assert.equal(ended(after, '1007'), 1);
        assert.equal(growth(before, after, 'roomline_websocket_closes_total'), 4);
    });

    test('how long messages take from their socket to a queue, now and then', async () => {
        const before = await readMetrics(on.server);
        const a = await Peer.join(on.server);
        for (let n = 0; n < 64; n++) await a.quiet(); // a read each
        const after = await metricsUntil(
            on.server,
            (m) => growth(before, m, 'roomline_message_routing_seconds_count') >= 3,
        );
        assert.ok(growth(before, after, 'roomline_message_routing_seconds_sum') > 0);
        await a.leave();
    });

    test('calls, as clients report them', async () => {
        const before = await readMetrics(on.server);
        const a = await Peer.join(on.server);
        const report = (call) => a.send({ type: 'report', call });
        report({
            outcome: 'connected',
            reason: 'hangup',
            local: 'relay',
            remote: 'srflx',
            connectTime: 1200,
            duration: 61000,
            iceRestarts: 2,
        });
        report({ outcome: 'connected', reason: 'peer-left', local: 'host', remote: 'host', connectTime: 80 });
        report({ outcome: 'failed', reason: 'ice-failed', connectTime: 5 });
        report({ outcome: 'failed', reason: 'because "I" said\nso' });
        await a.quiet();
        const after = await readMetrics(on.server);
        const grew = (name, labels) => growth(before, after, name, labels);
        const reports = (outcome, reason) => grew('roomline_call_reports_total', { outcome, reason });
        assert.equal(reports('connected', 'hangup'), 1);
        assert.equal(reports('connected', 'peer-left'), 1);
        assert.equal(reports('failed', 'ice-failed'), 1);
        assert.equal(reports('failed', 'other'), 1);
        assert.equal(grew('roomline_call_reports_total'), 4);
        assert.equal(grew('roomline_call_candidates_total', { local: 'relay', remote: 'srflx' }), 1);
        assert.equal(grew('roomline_call_candidates_total', { local: 'host', remote: 'host' }), 1);
        assert.equal(grew('roomline_call_connect_seconds_count', { path: 'relay' }), 1);
        assert.equal(grew('roomline_call_connect_seconds_count', { path: 'direct' }), 1);
        assert.ok(Math.abs(grew('roomline_call_connect_seconds_sum') - 1.28) < 1e-6);
        assert.equal(grew('roomline_call_duration_seconds_count'), 1);
        assert.equal(grew('roomline_call_ice_restarts_total'), 2);
        await a.leave();
    });

    test('the instance itself', async () => {
        const { workers } = on.mode;
        const metrics = await metricsUntil(
            on.server,
            (m) => m.find('roomline_cpu_seconds_total').every(({ value }) => value > 0),
        );
        assert.equal(metrics.value('roomline_workers'), workers);
        assert.equal(metrics.value('roomline_workers_ready'), workers);
        assert.equal(metrics.value('roomline_draining'), 0);
        assert.equal(metrics.value('roomline_build_info'), 1);
        assert.equal(metrics.value('roomline_connections_limit'), 100000);
        const age = Date.now() / 1000 - metrics.value('roomline_start_time_seconds');
        assert.ok(age >= 0 && age < 600, `${age} s old`);
        const resident = metrics.find('roomline_resident_memory_bytes');
        assert.deepEqual(
            resident.map(({ labels }) => labels.process),
            ['supervisor', ...Array.from({ length: workers }, (_, n) => String(n))],
        );
        assert.ok(resident.every(({ value }) => value > 1e6 && value < 1e9));
        const a = await Peer.join(on.server);
        await metricsUntil(on.server, (m) => m.value('roomline_loop_lag_seconds_count') > 0);
        if (workers > 1) await metricsUntil(on.server, (m) => m.value('roomline_bus_round_trip_seconds_count') > 0);
        await a.leave();
    });

    test('readyz says what it depends on', async () => {
        const answer = await ask(on.server, 'GET', '/readyz?verbose', { token: null });
        const { workers } = on.mode;
        assert.equal(answer.status, 200);
        assert.equal(String(answer.body), `[+] running\n[+] workers: ${workers} of ${workers}\nready\n`);
    });
});

suite('metrics of a crash', [PLAIN, PLAIN2], WITH_ADMIN, (on) => {
    test('sums do not go backwards, and the restart is counted', async () => {
        const a = await Peer.join(on.server);
        for (let n = 0; n < 5; n++) await a.quiet();
        const counters = (m) => [...m.families.values()].filter(({ type }) => type !== 'gauge');
        const before = await metricsUntil(
            on.server,
            (m) => m.value('roomline_messages_received_total', { type: 'ping' }) >= 5,
        );
        for (const pid of on.server.workers.values()) process.kill(pid, 'SIGKILL');
        const after = await metricsUntil(
            on.server,
            (m) =>
                m.value('roomline_worker_restarts_total') === on.mode.workers &&
                m.value('roomline_workers_ready') === on.mode.workers,
        );
        assert.equal(after.sum('roomline_peers'), 0);
        for (const { name, samples } of counters(before)) {
            if (name === 'roomline_cpu_seconds_total') continue; // each process' own
            for (const { name: sample, labels, value } of samples)
                assert.ok(after.value(sample, labels) >= value, `${sample} ${JSON.stringify(labels)}`);
        }
    });
});

test('limits that were hit, by name', async (t) => {
    const server = await ownServer(t, {
        ...WITH_ADMIN,
        tls: true,
        listen: ['http://127.0.0.1:0', 'https://127.0.0.1:0'],
        config: {
            'limits.messages_per_second': 1,
            'limits.messages_burst': 40,
            'limits.rate_strikes': 3,
            'limits.message_size': '8KiB',
            'limits.fragments': 4,
            'limits.info_size': '64',
            'limits.peers_per_room': 2,
            'limits.header_size': '1KiB',
            'limits.connections_per_address': 20,
            'limits.hold_messages': 1,
            'timeouts.join': '200ms',
            'timeouts.headers': '200ms',
            'timeouts.tls_handshake': '200ms',
        },
    });
    const hit = async (limit, count = 1) =>
        metricsUntil(server, (m) => m.value('roomline_limits_hit_total', { limit }) >= count);
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a' });
    const b = await Peer.join(server, { room, peer: 'b' });
    await assert.rejects(Peer.join(server, { room, peer: 'c' }));
    await hit('peers_per_room');
    await a.until('peer-joined');
    await b.lose();
    await a.until('peer-away');
    a.signal('b', 1);
    a.signal('b', 2);
    await a.until('error', { code: 'peer-busy' });
    await hit('hold');
    a.send({ type: 'info', info: { long: 'x'.repeat(100) } });
    await a.until('error', { code: 'too-large' });
    await hit('info_size');
    for (let n = 0; n < 60; n++) a.send({ type: 'ping' });
    await a.expectClose(4029);
    await hit('rate_strikes');
    assert.ok((await hit('messages_per_second')).value('roomline_errors_total', { code: 'rate-limited' }) >= 3);
    const c = await Peer.join(server);
    c.signal('x', 'x'.repeat(9000));
    await c.expectClose(1009);
    await hit('message_size');
    const d = await Peer.join(server);
    for (let n = 0; n < 20; n++) d.send({ type: 'report', call: { outcome: 'failed' } });
    await d.until('error', { code: 'rate-limited' });
    await hit('reports');
    await Peer.connect(server); // and never joins
    await hit('join_timeout');
    assert.equal((await fetchOnce(server, `/${'x'.repeat(2000)}`)).status, 414);
    await hit('header_size');
    const silent = server.urls.map((url) => net.connect(Number(new URL(url).port), '127.0.0.1'));
    silent[0].write('GET / HTTP/1.1\r\n');
    await hit('headers_timeout');
    const after = await hit('tls_handshake_timeout');
    assert.equal(after.value('roomline_tls_handshake_failures_total'), 1);
    const many = Array.from({ length: 30 }, () => net.connect(Number(new URL(server.urls[0]).port), '127.0.0.1'));
    await hit('connections_per_address');
    for (const socket of [...silent, ...many]) {
        socket.on('error', () => {});
        if (!socket.destroyed) {
            socket.destroy();
            await once(socket, 'close');
        }
    }
});

test('a drain shows', async (t) => {
    const server = await ownServer(t, { ...WITH_ADMIN, config: { 'drain.linger': '20s', 'drain.deadline': '30s' } });
    await Peer.join(server);
    process.kill(server.pid, 'SIGTERM');
    const metrics = await metricsUntil(server, (m) => m.value('roomline_draining') === 1);
    assert.equal(metrics.value('roomline_workers'), 1);
    const answer = await ask(server, 'GET', '/readyz?verbose', { token: null });
    assert.equal(answer.status, 503);
    assert.match(String(answer.body), /^\[-\] running: draining\n\[\+\] workers: 1 of 1\ndraining\n$/);
    process.kill(server.pid, 'SIGTERM'); // at once
    await server.expectExit();
});

test('without a token metrics are for this machine', async (t) => {
    const server = await ownServer(t, { admin: true });
    assert.equal((await ask(server, 'GET', '/metrics', { token: null })).status, 200);
    const strange = { token: null, headers: { Host: 'roomline.example' } };
    assert.equal((await ask(server, 'GET', '/metrics', strange)).status, 403);
    assert.notEqual(TOKEN, '');
});
