// `roomline health`, by which a container's HEALTHCHECK asks.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { freePort } from '../support/ports.js';
import { ALL_MODES, ownServer, suite } from '../support/suite.js';

const health = (args, options) => runServer(['health', ...args], options);

/** A server that sends the answer given to whoever connects, and then nothing more. */
async function answering(t, answer) {
    const sockets = new Set();
    const server = net.createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.resume();
        if (answer !== null) socket.write(answer);
    });
    server.listen(0, '127.0.0.1');
    t.after(() => {
        for (const socket of sockets) socket.destroy();
        server.close();
    });
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${server.address().port}`, sockets };
}

suite('roomline health', ALL_MODES, {}, (on) => {
    test('a URL is asked for /readyz', async () => {
        const { code, stdout, stderr } = await health([on.server.url]);
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'ready\n', stderr: '' });
    });

    test('the options of the server tell where it listens, and so does its environment', async () => {
        const { cert, key } = on.server.identity ?? { cert: '', key: '' };
        const options = ['--listen', on.server.url, '--tls-cert', cert, '--tls-key', key];
        const { code, stdout } = await health(options);
        assert.deepEqual({ code, stdout }, { code: 0, stdout: 'ready\n' });
        const env = {
            ROOMLINE_SERVER_LISTEN: on.server.url,
            ROOMLINE_TLS_CERT: cert,
            ROOMLINE_TLS_KEY: key,
        };
        assert.equal((await health([], { env })).code, 0);
    });

    test('another path is asked as it stands', async () => {
        assert.equal((await health([`${on.server.url}/livez`])).stdout, 'ok\n');
        assert.equal((await health([`${on.server.url}/nothing/here`])).code, 1);
    });
});

test('who listens on all addresses is asked on this machine', async (t) => {
    const port = await freePort();
    await ownServer(t, { listen: [`http://0.0.0.0:${port}`] });
    assert.equal((await health(['--listen', `http://0.0.0.0:${port}`])).code, 0);
    assert.equal((await health([`http://localhost:${port}/readyz`])).code, 0);
});

test('a server that drains is not ready', async (t) => {
    const config = { 'drain.linger': '30s', 'drain.deadline': '30s' };
    const server = await ownServer(t, { config });
    assert.equal((await health([server.url])).code, 0);
    server.signal('SIGTERM'); // it lingers, as somebody was connected
    await server.waitLog(({ event }) => event === 'draining');
    let said;
    do said = await health([server.url]); // until the worker has heard of it
    while (said.code === 0);
    const { code, stdout } = said;
    assert.deepEqual({ code, stdout }, { code: 1, stdout: 'draining\n' });
    server.signal('SIGTERM'); // twice: at once
});

test('nobody listens', async () => {
    const { code, stderr } = await health([`http://127.0.0.1:${await freePort()}`]);
    assert.equal(code, 1);
    assert.match(stderr, /^roomline health: connection refused\n$/);
});

test('who does not answer, or not to the end, is given up', async (t) => {
    const mute = await answering(t, null);
    const half = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrea');
    for (const { url } of [mute, half]) {
        const { code, stderr } = await health([url], { timeout: 60_000 });
        assert.equal(code, 1);
        assert.match(stderr, /no answer in time/);
    }
});

test('a connection that is closed unanswered', async (t) => {
    const closing = await answering(t, null);
    const asked = health([closing.url]);
    while (closing.sockets.size === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of closing.sockets) socket.end();
    const { code, stderr } = await asked;
    assert.equal(code, 1);
    assert.match(stderr, /closed unanswered/);
});

test('an answer without end is read no further than needed', async (t) => {
    const endless = await answering(t, `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1 << 20)}`);
    const { code, stdout } = await health([endless.url]);
    assert.equal(code, 0);
    assert.ok(stdout.length <= 4096, `${stdout.length} bytes`);
});

test('what is printed holds no control characters', async (t) => {
    const rude = await answering(t, `HTTP/1.1 503 No\r\n\r\nno\x1b[2J${'x'.repeat(5000)}`);
    const { code, stdout } = await health([rude.url]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: 'no\n' });
});

test('--help says how it is used, and asks nobody', async () => {
    for (const args of [['--help'], ['-h'], ['--listen', 'http://127.0.0.1:1', '--help']]) {
        const { code, stdout, stderr } = await health(args);
        assert.deepEqual([code, stderr], [0, '']);
        assert.match(stdout, /^usage: roomline health /);
    }
});

test('arguments that are none', async () => {
    for (const args of [
        ['ftp://127.0.0.1/'],
        ['http://'],
        ['http://127.0.0.1:0/'],
        ['http://127.0.0.1:8080/ x'],
        [`http://127.0.0.1:8080/${'x'.repeat(2000)}`],
        ['--listen', 'http://127.0.0.1:0'],
        ['--nonsense'],
        ['--config', `${temporaryFolder()}/none.yaml`],
    ]) {
        const { code, stderr } = await health(args);
        assert.equal(code, 2, `${args}`);
        assert.notEqual(stderr, '', `${args}`);
    }
});
