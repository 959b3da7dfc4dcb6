// The STUN responder, and what clients are told of it.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { WITH_ADMIN } from '../support/admin.js';
import { runServer } from '../support/command.js';
import { metricsUntil, readMetrics } from '../support/metrics.js';
import { Peer } from '../support/peer.js';
import {
    attribute,
    BINDING_ERROR,
    BINDING_SUCCESS,
    bindingRequest,
    errorCode,
    mappedAddress,
    StunSocket,
    stunMessage,
    UNKNOWN_ATTRIBUTES,
    XOR_MAPPED_ADDRESS,
} from '../support/stun.js';
import { ownServer } from '../support/suite.js';

const V4 = { 'stun.listen': 'udp://127.0.0.1:0' };
const [PRIORITY, SOFTWARE] = [0x0024, 0x8022];

async function start(t, config = V4, options = {}) {
    const server = await ownServer(t, { config, ...options });
    server.stun = server.logs
        .filter((line) => line.event === 'stun-listening')
        .map((line) => Number(new URL(line.url).port));
    return server;
}

async function client(t, host, port, options) {
    const socket = await StunSocket.open(host, port, options);
    t.after(() => socket.close());
    return socket;
}

test('a client is told the address that it is seen under', async (t) => {
    const listen = { 'stun.listen': 'udp://127.0.0.1:0,udp://[::1]:0' };
    const server = await start(t, listen, { workers: 2 });
    const [port, port6] = server.stun;
    for (let n = 0; n < 8; n++) {
        // Of several workers, whichever it comes to.
        const socket = await client(t, '127.0.0.1', port);
        const answer = await socket.ask(bindingRequest());
        assert.equal(answer.type, BINDING_SUCCESS);
        assert.deepEqual([...answer.attributes.keys()], [XOR_MAPPED_ADDRESS]);
        assert.deepEqual(mappedAddress(answer), { address: '127.0.0.1', port: socket.local.port });
        assert.equal(answer.bytes.length, 32);
    }
    const socket = await client(t, '::1', port6);
    const answer = await socket.ask(bindingRequest([], { fingerprint: true }));
    assert.deepEqual(mappedAddress(answer), { address: '::1', port: socket.local.port });
    assert.equal(answer.fingerprint, true);
});

test('IPv4 on an IPv6 socket is IPv4', async (t) => {
    const server = await start(t, { 'stun.listen': 'udp://[::]:0' });
    const socket = await client(t, '127.0.0.1', server.stun[0]);
    const answer = await socket.ask(bindingRequest([[SOFTWARE, 'test']]));
    assert.deepEqual(mappedAddress(answer), { address: '127.0.0.1', port: socket.local.port });
});

test('an attribute that must be understood, and is not, is named', async (t) => {
    const server = await start(t);
    const socket = await client(t, '127.0.0.1', server.stun[0]);
    const answer = await socket.ask(bindingRequest([[PRIORITY, [0, 0, 0, 1]]], { fingerprint: true }));
    assert.equal(answer.type, BINDING_ERROR);
    assert.equal(errorCode(answer), 420);
    assert.equal(answer.attributes.get(UNKNOWN_ATTRIBUTES).toString('hex'), '0024');
    assert.equal(answer.fingerprint, true);
});

test('what is no sound request gets no answer, and harms nothing', async (t) => {
    const server = await start(t);
    const socket = await client(t, '127.0.0.1', server.stun[0]);
    const good = bindingRequest();
    const broken = Buffer.from(bindingRequest([], { fingerprint: true }));
    broken[27] ^= 1;
    const without = Buffer.from(good);
    without[4] = 0;
    socket.send(Buffer.alloc(0));
    socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    socket.send(good.subarray(0, 19));
    socket.send(Buffer.concat([good, Buffer.alloc(4)]));
    socket.send(Buffer.concat([good, attribute(SOFTWARE, 'x'.repeat(2000))]));
    socket.send(Buffer.alloc(60000));
    socket.send(broken);
    socket.send(without);
    for (const type of [0x0011, 0x0101, 0x0111, 0x0003]) socket.send(stunMessage(type));
    // Datagrams of one sender are read in turn: this answer is the first.
    const answer = await socket.ask(good);
    assert.equal(answer.type, BINDING_SUCCESS);
    assert.equal(socket.inbox.items.filter(({ id }) => !id.equals(answer.id)).length, 0);
});

test('who asks too often is not answered for a while, and others are', async (t) => {
    const server = await start(t, { ...V4, 'stun.requests_per_second': 5 }, WITH_ADMIN);
    const [port] = server.stun;
    const flooder = await client(t, '127.0.0.1', port);
    for (let n = 0; n < 200; n++) flooder.send(bindingRequest());
    const other = await client(t, '127.0.0.1', port, { bind: '127.0.0.2' });
    await other.ask(bindingRequest()); // it stood behind the flood
    const answered = flooder.inbox.items.length;
    assert.ok(answered >= 1 && answered <= 20, `${answered} answers`);
    await flooder.ask(bindingRequest()); // in time again

    flooder.send(Buffer.from('nonsense'));
    const total = (m, outcome) => m.value('roomline_stun_requests_total', { outcome });
    await metricsUntil(server, (m) => total(m, 'limited') > 0 && total(m, 'ignored') > 0);
    assert.ok(total(await readMetrics(server), 'answered') > answered);
});

test('a worker that dies is replaced, and answers again', async (t) => {
    const server = await start(t);
    const socket = await client(t, '127.0.0.1', server.stun[0]);
    await socket.ask(bindingRequest());
    const again = server.nextLog((line) => line.event === 'worker-started');
    process.kill(server.workers.get(0), 'SIGKILL');
    await again;
    await socket.ask(bindingRequest());
});

test('joined names it by the host that the client asked', async (t) => {
    const server = await start(t);
    const [port] = server.stun;
    const servers = async (host) => {
        const peer = await Peer.join(server, host ? { headers: { host } } : {});
        return peer.joined.iceServers;
    };
    assert.deepEqual(await servers(), [{ urls: [`stun:127.0.0.1:${port}`] }]);
    assert.deepEqual(await servers('meet.example.org'), [{ urls: [`stun:meet.example.org:${port}`] }]);
    assert.deepEqual(await servers('meet.example.org:8443'), [
        { urls: [`stun:meet.example.org:${port}`] },
    ]);
    assert.deepEqual(await servers('[2001:db8::1]:80'), [{ urls: [`stun:[2001:db8::1]:${port}`] }]);

    const ann = await Peer.join(server, { peer: 'ann' });
    await ann.lose();
    const again = await ann.resume(server, { headers: { host: 'other.example.org' } });
    assert.deepEqual(again.joined.iceServers, [{ urls: [`stun:other.example.org:${port}`] }]);
});

test('joined names what stun.url says, in front of all others', async (t) => {
    const config = {
        ...V4,
        'stun.url': 'stun:stun.example.org:3479',
        'session.ice_servers': '[{urls: "stun:other.example.org"}]',
        'proxy.mode': 'x-forwarded-for',
        'proxy.networks': '10.0.0.0/8',
    };
    const { joined } = await Peer.join(await start(t, config));
    assert.deepEqual(joined.iceServers, [
        { urls: ['stun:stun.example.org:3479'] },
        { urls: ['stun:other.example.org'] },
    ]);
});

test('behind a load balancer nothing is guessed', async (t) => {
    const config = { ...V4, 'proxy.mode': 'x-forwarded-for', 'proxy.networks': '10.0.0.0/8' };
    const server = await start(t, config);
    assert.deepEqual((await Peer.join(server)).joined.iceServers, []);
});

test('where the default port is taken the server goes without; a port of one’s own must be free', async (t) => {
    const taker = dgram.createSocket('udp4');
    const taken = once(taker, 'listening').then(
        () => t.after(() => taker.close()),
        () => {}, // by somebody else, which is as good
    );
    taker.bind(3478, '0.0.0.0');
    await taken;
    const server = await start(t, { 'stun.listen': undefined });
    const warning = await server.waitLog((line) => line.event === 'stun-not-listening');
    assert.equal(warning.level, 'warn');
    assert.match(warning.cause, /udp:\/\/0\.0\.0\.0:3478.*in use by another program/);
    assert.deepEqual((await Peer.join(server)).joined.iceServers, []);

    const other = await start(t);
    const url = `udp://127.0.0.1:${other.stun[0]}`;
    const args = ['--listen', 'http://127.0.0.1:0', '--set', 'admin.listen=[]', '--set', `stun.listen=${url}`];
    const { code, stderr } = await runServer(args);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`cannot listen on ${url}: the port is in use`));
});
