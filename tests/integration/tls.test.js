// TLS of the public listener: versions, certificates, ALPN, tickets that work on every worker.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import tls from 'node:tls';
import { fetchOnce, HttpConnection, requestText } from '../support/http.js';
import { Peer } from '../support/peer.js';
import { ownServer, suite, TLS, TLS2 } from '../support/suite.js';
import { connectSocket } from '../support/upgrade.js';

const only = (version) => ({
    tls: { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
});

suite('TLS', [TLS, TLS2], {}, (on) => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        test(`${version} is spoken`, async () => {
            const http = await HttpConnection.open(on.server, only(version));
            assert.equal(http.socket.getProtocol(), version);
            assert.ok(http.socket.authorized);
            assert.equal((await http.request(requestText('/livez'))).status, 200);
            const a = await Peer.join(on.server, only(version));
            a.signal(a.id, 'x'.repeat(40_000)); // more than two records
            assert.equal((await a.expect('signal')).data.length, 40_000);
            await http.destroy();
        });

        test(`${version}: a session is resumed by its ticket, on whatever worker`, async () => {
            const workers = new Set();
            for (let n = 0; n < 40 && workers.size < on.mode.workers; n++) {
                const first = await HttpConnection.open(on.server, only(version));
                const ticket = once(first.socket, 'session');
                await first.request(requestText('/livez'));
                const [session] =
                    version === 'TLSv1.3' ? await ticket : [first.socket.getSession()];
                const from = on.server.workerOf(first.tcp);
                await first.destroy();
                const options = { tls: { ...only(version).tls, session } };
                const second = await HttpConnection.open(on.server, options);
                assert.ok(second.socket.isSessionReused(), `try ${n}`);
                assert.equal((await second.request(requestText('/livez'))).status, 200);
                if (from === 0) workers.add(on.server.workerOf(second.tcp));
                await second.destroy();
            }
            assert.equal(workers.size, on.mode.workers);
        });
    }

    for (const version of ['TLSv1.1', 'TLSv1']) {
        test(`${version} is refused`, async () => {
            await assert.rejects(
                connectSocket(on.server, only(version)),
                /alert|protocol version|EPROTO|ECONNRESET/i,
            );
        });
    }

    test('a client without forward secrecy is refused', async () => {
        const options = { tls: { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES128-GCM-SHA256' } };
        await assert.rejects(connectSocket(on.server, options), /alert|handshake/i);
    });

    test('ALPN: http/1.1 of what is offered, none where none is', async () => {
        const cases = [
            [['http/1.1'], 'http/1.1'],
            [['h2', 'http/1.1'], 'http/1.1'],
            [undefined, false],
        ];
        for (const [ALPNProtocols, chosen] of cases) {
            const { socket, tcp } = await connectSocket(on.server, { tls: { ALPNProtocols } });
            assert.equal(socket.alpnProtocol, chosen);
            tcp.destroy();
        }
    });

    test('ALPN: only names we do not speak, refused (RFC 7301 section 3.2)', async () => {
        await assert.rejects(
            connectSocket(on.server, { tls: { ALPNProtocols: ['h2'] } }),
            /alert|ECONNRESET/i,
        );
    });

    test('renegotiation is refused', async () => {
        const { socket, tcp } = await connectSocket(on.server, only('TLSv1.2'));
        const refused = await new Promise((resolve) => {
            socket.once('close', () => resolve(true));
            socket.renegotiate({}, (error) => resolve(error !== null));
        });
        assert.ok(refused);
        tcp.destroy();
    });

    test('plain HTTP to the TLS port gets no answer in the clear', async () => {
        const url = on.server.url.replace('https:', 'http:');
        const { socket } = await connectSocket(on.server, { url });
        let bytes = Buffer.alloc(0);
        socket.on('data', (chunk) => (bytes = Buffer.concat([bytes, chunk])));
        socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(socket, 'close');
        assert.ok(!bytes.includes('HTTP/'), bytes.toString('latin1'));
    });

    test('a client that closes properly is answered with close_notify', async () => {
        const a = await Peer.join(on.server);
        await a.leave();
        const { socket } = await connectSocket(on.server);
        socket.write(requestText('/livez', { headers: { Connection: 'close' } }));
        socket.resume();
        await once(socket, 'end'); // without close_notify there would be no 'end' but an error
    });
});

for (const kind of ['ecdsa', 'rsa']) {
    test(`a certificate with a key of ${kind}, TLS 1.2 and 1.3`, async (t) => {
        const server = await ownServer(t, { tls: kind });
        for (const version of ['TLSv1.2', 'TLSv1.3']) {
            const { socket, tcp } = await connectSocket(server, only(version));
            const { bits, pubkey, modulus } = socket.getPeerCertificate();
            assert.ok(pubkey);
            assert.equal(modulus !== undefined, kind === 'rsa');
            assert.equal(bits, kind === 'rsa' ? 2048 : 256);
            tcp.destroy();
        }
    });
}

test('tls.min_version 1.3 refuses 1.2', async (t) => {
    const server = await ownServer(t, { tls: true, config: { 'tls.min_version': '1.3' } });
    await assert.rejects(connectSocket(server, only('TLSv1.2')), /alert|protocol version|EPROTO/i);
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

test('ticket keys rotate: a ticket is good for one rotation more, then no longer', async (t) => {
    const config = { 'tls.ticket_rotation': '1s' };
    const server = await ownServer(t, { workers: 2, tls: true, config });
    const options = only('TLSv1.2');
    const first = await HttpConnection.open(server, options);
    await first.request(requestText('/livez'));
    const session = first.socket.getSession();
    const since = Date.now();
    const reused = async () => {
        const http = await HttpConnection.open(server, { tls: { ...options.tls, session } });
        const is = http.socket.isSessionReused();
        await http.destroy();
        return is;
    };
    assert.ok(await reused());
    while (await reused()) {
        assert.ok(Date.now() - since < 5000, 'the key of a ticket never ends');
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(Date.now() - since > 900, 'the key of a ticket ended with its rotation');
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

test('plain and TLS listeners, IPv4 and IPv6, side by side in one room', async (t) => {
    const listen = [
        'http://127.0.0.1:0',
        'https://127.0.0.1:0',
        'https://[::1]:0',
        'http://[::1]:0',
    ];
    const server = await ownServer(t, { tls: true, listen, workers: 2 });
    assert.equal(server.urls.length, 4);
    const peers = [];
    for (const url of server.urls)
        peers.push(await Peer.join(server, { room: 'one', peer: url, url }));
    for (const from of peers) {
        for (const to of peers) {
            from.signal(to.id, from.id);
            await to.until('signal', { from: from.id, data: from.id });
        }
    }
});

test('a handshake that never ends is cut off', async (t) => {
    const server = await ownServer(t, { tls: true, config: { 'timeouts.tls_handshake': '300ms' } });
    const plain = { url: server.url.replace('https:', 'http:') };
    const silent = await connectSocket(server, plain);
    silent.socket.resume();
    await once(silent.socket, 'close');
    const partial = await connectSocket(server, plain);
    partial.socket.resume();
    partial.socket.write(Buffer.from('16030102000100', 'hex'));
    await once(partial.socket, 'close');
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

test('a handshake in pieces of one byte', async (t) => {
    const server = await ownServer(t, { tls: true });
    const { tcp } = await connectSocket(server, { url: server.url.replace('https:', 'http:') });
    const drip = new Duplex({
        read() {},
        write(chunk, _, done) {
            for (const byte of chunk) tcp.write(Buffer.of(byte));
            done();
        },
    });
    tcp.on('data', (chunk) => drip.push(chunk));
    tcp.on('close', () => drip.push(null));
    const socket = tls.connect({ socket: drip, ca: server.ca, servername: 'localhost' });
    await once(socket, 'secureConnect');
    const http = new HttpConnection(socket, tcp);
    assert.equal((await http.request(requestText('/livez'))).status, 200);
    await http.destroy();
});
