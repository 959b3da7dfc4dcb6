// Who a client is when it comes by way of a load balancer: a real haproxy, and liars.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { startHaproxy } from '../support/haproxy.js';
import { HttpConnection } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { connectSocket, HandshakeError, upgradeRequest } from '../support/upgrade.js';
import { connectWebSocket } from '../support/websocket.js';

const LOOPBACK = { 'proxy.networks': '127.0.0.1' }; // where haproxy is; clients come from others
const PROTOCOL = { 'proxy.mode': 'proxy-protocol', ...LOOPBACK };
const FORWARDED = { 'proxy.mode': 'x-forwarded-for', ...LOOPBACK };
const ONE_EACH = { 'limits.connections_per_address': 1 };

let refusals = 0;

// The address that the log has for who connects so: of an upgrade that is refused for its origin.
async function addressOf(server, place, { headers = {}, ...options } = {}) {
    const origin = `https://stranger-${++refusals}.example`;
    const refused = server.waitLog((l) => l.event === 'upgrade-refused' && l.origin === origin);
    const attempt = connectWebSocket(place, { headers: { origin, ...headers }, ...options });
    await assert.rejects(attempt, HandshakeError);
    return (await refused).address;
}

async function balanced(t, server, options) {
    const haproxy = await startHaproxy([server], { server: '', ...options });
    t.after(() => haproxy.end());
    return haproxy;
}

const from = (localAddress) => ({ tcp: { localAddress } });

for (const version of ['send-proxy', 'send-proxy-v2'])
    for (const tls of [false, true])
        test(`haproxy, ${version}, ${tls ? 'TLS passed through' : 'plain'}`, async (t) => {
            const server = await ownServer(t, { tls, workers: 2, config: { ...PROTOCOL, ...ONE_EACH } });
            const haproxy = await balanced(t, server, { server: version });
            const url = tls ? haproxy.url.replace('http:', 'https:') : haproxy.url;
            const place = { url, ca: server.ca };
            assert.equal(await addressOf(server, place, from('127.0.0.2')), '127.0.0.2');
            assert.equal(await addressOf(server, place, from('127.0.0.3')), '127.0.0.3');

            // Each address has a limit of its own, and the messages come through.
            const room = freshRoom();
            const a = await Peer.join(place, { room, peer: 'a', ...from('127.0.0.4') });
            const b = await Peer.join(place, { room, peer: 'b', ...from('127.0.0.5') });
            b.signal('a', 'by way of haproxy');
            await a.until('signal', { from: 'b', data: 'by way of haproxy' });
            await assert.rejects(connectWebSocket(place, from('127.0.0.4')), /503|closed|ECONNRESET|EPIPE|socket/);
            await a.leave();
            await b.leave();
        });

test('haproxy in HTTP mode with X-Forwarded-For, TLS ended there', async (t) => {
    const identity = certificate();
    const pem = join(temporaryFolder(), 'haproxy.pem');
    writeFileSync(pem, readFileSync(identity.cert, 'utf8') + readFileSync(identity.key, 'utf8'));
    const server = await ownServer(t, { workers: 2, config: { ...FORWARDED, ...ONE_EACH } });
    const haproxy = await balanced(t, server, {
        mode: 'http',
        bind: `ssl crt ${pem}`,
        frontend: ['option forwardfor', 'http-request set-header X-Forwarded-Proto https'],
    });
    const place = { url: haproxy.url.replace('http:', 'https:'), ca: identity.ca };
    assert.equal(await addressOf(server, place, from('127.0.0.2')), '127.0.0.2');
    const claim = { headers: { 'x-forwarded-for': '203.0.113.7' }, ...from('127.0.0.2') };
    assert.equal(await addressOf(server, place, claim), '127.0.0.2');

    const room = freshRoom();
    const origin = place.url; // with its port: only who knows of the TLS lets it in
    const enter = (peer, address) =>
        Peer.join(place, { room, peer, headers: { origin }, ...from(address) });
    const a = await enter('a', '127.0.0.4');
    const b = await enter('b', '127.0.0.5');
    b.signal('a', 1);
    await a.until('signal', { from: 'b', data: 1 });
    await assert.rejects(connectWebSocket(place, from('127.0.0.4')), /503/);
    await a.leave();
    await b.leave();
});

test('a page of the same host is only let in if the proxy says that it had TLS', async (t) => {
    const server = await ownServer(t, { config: FORWARDED });
    const origin = server.url.replace('http:', 'https:');
    const secure = { origin, 'x-forwarded-proto': 'https' };
    const ws = await connectWebSocket(server, { headers: secure });
    await ws.destroy();
    for (const headers of [{ origin }, { origin, 'x-forwarded-proto': 'http' }])
        await assert.rejects(connectWebSocket(server, { headers }), /403/);

    const direct = await ownServer(t, {});
    const claimed = { origin: direct.url.replace('http:', 'https:'), 'x-forwarded-proto': 'https' };
    await assert.rejects(connectWebSocket(direct, { headers: claimed }), /403/);
});

test('nobody outside the networks names another address', async (t) => {
    for (const mode of ['proxy-protocol', 'x-forwarded-for']) {
        const config = { 'proxy.mode': mode, 'proxy.networks': '[127.0.0.64/26, "::ffff:10.0.0.0/104"]' };
        const server = await ownServer(t, { config });
        const headers = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' };
        assert.equal(await addressOf(server, server, { headers, ...from('127.0.0.63') }), '127.0.0.63');
        const http = await HttpConnection.open(server, from('127.0.0.63'));
        const { status } = await http.request(
            'PROXY TCP4 203.0.113.7 203.0.113.8 1 2\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n',
        );
        assert.equal(status, 501); // PROXY would be a method
        await http.expectEnd();
    }
});

test('IPv4 in IPv6 is the same network and the same client', async (t) => {
    const server = await ownServer(t, { listen: ['http://[::]:0'], config: FORWARDED });
    const url = server.url.replace('[::]', '127.0.0.1');
    const via = (list) => ({ url, headers: { 'x-forwarded-for': list } });
    assert.equal(await addressOf(server, { url }, via('::ffff:203.0.113.7, ::ffff:127.0.0.1')), '203.0.113.7');
    assert.equal(await addressOf(server, { url }, via('2001:DB8:0::7')), '2001:db8::7');
});

test('a load balancer that does not begin with the header is refused, and the log says so', async (t) => {
    const server = await ownServer(t, { config: PROTOCOL });
    const http = await HttpConnection.open(server);
    http.send('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    await http.expectEnd();
    const line = await server.waitLog((l) => l.event === 'proxy-header-refused');
    assert.equal(line.address, '127.0.0.1');
});

test('a header in single bytes, then TLS', async (t) => {
    const server = await ownServer(t, { tls: true, config: PROTOCOL });
    const { tcp } = await connectSocket(server, { url: server.url.replace('https:', 'http:') });
    for (const byte of Buffer.from('PROXY TCP4 203.0.113.7 203.0.113.8 1 2\r\n')) {
        tcp.write(Buffer.from([byte]));
        await new Promise(setImmediate);
    }
    const socket = tls.connect({ socket: tcp, ca: server.ca, servername: 'localhost' });
    const refused = server.waitLog((l) => l.event === 'upgrade-refused');
    socket.write(upgradeRequest(server.url, { headers: { origin: 'https://elsewhere.example' } }));
    assert.equal((await refused).address, '203.0.113.7');
    socket.destroy();
});

test('a header that does not end is not waited for', async (t) => {
    const config = { ...PROTOCOL, 'timeouts.headers': '200ms' };
    const server = await ownServer(t, { config });
    const http = await HttpConnection.open(server);
    http.send('PROXY TCP4 ');
    await http.expectEnd();
    const long = await HttpConnection.open(server);
    long.send(`PROXY UNKNOWN ${'x'.repeat(200)}`);
    await long.expectEnd();
});
