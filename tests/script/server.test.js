// script/server: from the sources to a running server, with its certificate.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { X509Certificate } from 'node:crypto';
import { ROOT } from '../lint/files.js';
import { cleanEnvironment } from '../support/server.js';

async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

function start(t, ...args) {
    const child = spawn(join(ROOT, 'script/server'), ['--workers', '1', ...args], {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (text) => (output.stdout += text));
    const ready = new Promise((resolve, reject) => {
        createInterface({ input: child.stderr }).on('line', (line) => {
            output.stderr += `${line}\n`;
            if (line.includes('"event":"ready"')) resolve();
        });
        child.once('close', () => reject(new Error(`ended before it was ready: ${output.stderr}`)));
    });
    const ended = once(child, 'close');
    ready.catch(() => {});
    return { child, output, ready, ended };
}

async function body(url) {
    const ca = readFileSync(join(ROOT, '.dev/ca.crt'));
    const [response] = await once(get(url, { ca }), 'response');
    return (await response.setEncoding('utf8').toArray()).join('');
}

test('serves both URLs it prints, and Ctrl-C stops it cleanly', async (t) => {
    const [plain, tls] = [await freePort(), await freePort()];
    const urls = [`http://127.0.0.1:${plain}`, `https://0.0.0.0:${tls}`];
    const server = start(t, ...urls.flatMap((url) => ['--listen', url]));
    await server.ready;
    const { stdout } = server.output;
    assert.match(stdout, new RegExp(`http://localhost:${plain}\\n`));
    assert.match(stdout, new RegExp(`https://[^ ]+:${tls}\\n`));
    assert.match(stdout, /[▀▄█]{10}/, 'a QR code');
    assert.match(stdout, /\.dev\/ca\.crt/);
    assert.equal(await body(`https://127.0.0.1:${tls}/livez`), 'ok\n');
    assert.equal(await (await fetch(`http://127.0.0.1:${plain}/livez`)).text(), 'ok\n');
    assert.match(await (await fetch(`http://127.0.0.1:${plain}/`)).text(), /<!doctype html>/i);
    server.child.kill('SIGINT');
    assert.deepEqual(await server.ended, [0, null]);
});

test('where the port is to be chosen, it is told where to look for it', async (t) => {
    const server = start(t, '--listen', 'http://127.0.0.1:0');
    await server.ready;
    assert.match(server.output.stdout, /http:\/\/127\.0\.0\.1:0 takes a port that is free: .*"listening"/);
    assert.doesNotMatch(server.output.stdout, /localhost:0/);
    assert.match(server.output.stderr, /"event":"listening".*"url":"http:\/\/127\.0\.0\.1:[1-9]/);
    server.child.kill('SIGINT');
    assert.deepEqual(await server.ended, [0, null]);
});

test('a port that is taken is one clear line', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address();
    const server = start(t, '--listen', `http://127.0.0.1:${port}`);
    assert.deepEqual(await server.ended, [1, null]);
    const lines = server.output.stderr.trimEnd().split('\n');
    assert.equal(lines.length, 1, server.output.stderr);
    assert.match(lines[0], new RegExp(`^script/server: port ${port} is taken`));
});

test('a bad option is refused by the server itself, with 2, before any URL is printed', async (t) => {
    const server = start(t, '--set', 'limits.nonsense=1');
    assert.deepEqual(await server.ended, [2, null]);
    assert.match(server.output.stderr, /limits\.nonsense/);
    assert.doesNotMatch(server.output.stdout, /http:/);
});

function certificateFolder(t) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-certificate-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const make = () => {
        execFileSync(join(ROOT, 'script/certificate'), [folder]);
        const read = (name) => new X509Certificate(readFileSync(join(folder, name)));
        return { ca: read('ca.crt'), leaf: read('server.crt') };
    };
    return { folder, make };
}

test('the certificate names localhost and every address, and its CA signed it', (t) => {
    const { ca, leaf } = certificateFolder(t).make();
    assert.ok(leaf.verify(ca.publicKey));
    assert.ok(ca.ca && !leaf.ca);
    assert.ok(leaf.checkHost('localhost'));
    const addresses = execFileSync(join(ROOT, 'script/addresses'), { encoding: 'utf8' }).split('\n');
    for (const address of ['127.0.0.1', '::1', ...addresses.filter(Boolean)]) {
        assert.ok(leaf.checkIP(address), address);
    }
});

test('the certificate is kept between runs', (t) => {
    const { make } = certificateFolder(t);
    const [first, second] = [make(), make()];
    assert.equal(second.leaf.fingerprint256, first.leaf.fingerprint256);
    assert.equal(second.ca.fingerprint256, first.ca.fingerprint256);
});

test('other addresses mean another leaf of the same CA', (t) => {
    const { folder, make } = certificateFolder(t);
    const first = make();
    writeFileSync(join(folder, 'names'), 'DNS:localhost,IP:192.0.2.77\n');
    const second = make();
    assert.notEqual(second.leaf.fingerprint256, first.leaf.fingerprint256);
    assert.equal(second.ca.fingerprint256, first.ca.fingerprint256);
    assert.ok(second.leaf.verify(first.ca.publicKey));
});

test('a leaf near its end is renewed', (t) => {
    const { folder, make } = certificateFolder(t);
    const first = make();
    const at = (name) => join(folder, name);
    execFileSync('openssl', [
        ...['req', '-x509', '-key', at('server.key'), '-subj', '/CN=old', '-days', '20'],
        ...['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-out', at('server.crt')],
    ]);
    const second = make();
    assert.ok(new Date(second.leaf.validTo) - Date.now() > 300 * 86_400_000);
    assert.equal(second.ca.fingerprint256, first.ca.fingerprint256);
});
