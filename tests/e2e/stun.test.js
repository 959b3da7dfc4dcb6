// Chromium learns from the server's own STUN responder what address it is seen under.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startServer } from '../support/server.js';
import { CLIENT, closeBrowsers, Person } from './browser.js';

async function boundSocket(onMessage) {
    const socket = dgram.createSocket('udp4', onMessage);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket;
}

// A NAT between the browser and the server: who comes in by its port goes on from another one.
async function startNat(port) {
    const outside = new Map(); // "address:port" of the inside -> socket
    const inside = await boundSocket(async (bytes, { address, port: from }) => {
        const id = `${address}:${from}`;
        if (!outside.has(id))
            outside.set(id, boundSocket((answer) => inside.send(answer, from, address)));
        (await outside.get(id)).send(bytes, port, '127.0.0.1');
    });
    return {
        port: inside.address().port,
        ports: async () => (await Promise.all(outside.values())).map((one) => one.address().port),
        async end() {
            for (const one of await Promise.all(outside.values())) one.close();
            inside.close();
        },
    };
}

// Runs in the page: the candidates that a STUN server brings.
async function reflexive(iceServers) {
    const connection = new RTCPeerConnection({ iceServers });
    connection.createDataChannel('any');
    const candidates = [];
    const complete = new Promise((resolve) => {
        connection.onicecandidate = ({ candidate }) => {
            if (!candidate) resolve();
            else if (candidate.type === 'srflx')
                candidates.push({ address: candidate.address, port: candidate.port });
        };
    });
    await connection.setLocalDescription();
    await complete;
    connection.close();
    return candidates;
}

describe('STUN', () => {
    let server, nat;

    before(async () => {
        const config = { 'stun.listen': 'udp://127.0.0.1:0' };
        server = await startServer({ workers: 2, args: ['--client', CLIENT], config });
        const { url } = server.logs.find((line) => line.event === 'stun-listening');
        nat = await startNat(Number(new URL(url).port));
    });

    after(async () => {
        await closeBrowsers();
        await nat?.end();
        await server?.stop();
    });

    test('a page behind a NAT has a candidate with the NAT’s address', async (t) => {
        const ann = await Person.arrive(t, server.url, { name: 'Ann' });
        await ann.open('/');
        const iceServers = [{ urls: `stun:127.0.0.1:${nat.port}` }];
        const candidates = await ann.page.evaluate(reflexive, iceServers);
        assert.ok(candidates.length > 0, 'no candidate');
        const ports = await nat.ports();
        for (const { address, port } of candidates) {
            assert.equal(address, '127.0.0.1');
            assert.ok(ports.includes(port), `${port} is none of ${ports}`);
        }
    });

    test('the page of the app uses it, unasked', async (t) => {
        const ann = await Person.arrive(t, server.url, { name: 'Ann' });
        const ben = await Person.arrive(t, server.url, { name: 'Ben' });
        await Promise.all([ann.enter('stun'), ben.enter('stun')]);
        await ann.call(ben);
        await ben.accept(ann);
        await Promise.all([ann.inCall(), ben.inCall()]);
        const { iceServers } = await ann.page.evaluate(() =>
            window.connections.at(-1).getConfiguration(),
        );
        const { url } = server.logs.find((line) => line.event === 'stun-listening');
        assert.deepEqual(iceServers.map(({ urls }) => urls).flat(), [`stun:${url.slice('udp://'.length)}`]);
    });
});
