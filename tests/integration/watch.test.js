// Certificates that change while the server runs, and nobody who sends SIGHUP.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { connectSocket } from '../support/upgrade.js';

const config = { 'server.watch': '100ms' };

async function servedCertificate(server, ca) {
    const { socket, tcp } = await connectSocket(server, { tls: { ca } });
    const { subject } = socket.getPeerCertificate();
    tcp.destroy();
    return subject.CN;
}

/** As Kubernetes mounts a Secret: files are links into a folder that is a link, which is replaced. */
function mount() {
    const folder = mkdtempSync(join(temporaryFolder(), 'mounted-'));
    let version = 0;
    const put = (from) => {
        const name = `..version-${++version}`;
        mkdirSync(join(folder, name));
        copyFileSync(from.cert, join(folder, name, 'tls.crt'));
        copyFileSync(from.key, join(folder, name, 'tls.key'));
        symlinkSync(name, join(folder, '..next'));
        renameSync(join(folder, '..next'), join(folder, '..data'));
    };
    const [cert, key] = ['tls.crt', 'tls.key'].map((name) => {
        symlinkSync(`..data/${name}`, join(folder, name));
        return join(folder, name);
    });
    return { cert, key, put };
}

/** Does it, again and again, until the log has such a line. */
async function until(server, event, change) {
    const seen = server.nextLog((line) => line.event === event);
    change();
    const again = setInterval(change, 1000); // a server that was not looking yet
    await seen.finally(() => clearInterval(again));
}

test('a renewed certificate is taken up by itself, and connections go on', async (t) => {
    const [one, two] = [certificate('ecdsa', 'one'), certificate('ecdsa', 'two')];
    const { cert, key, put } = mount();
    put(one);
    const server = await ownServer(t, { workers: 2, tls: { cert, key, ca: one.ca }, config });
    const peer = await Peer.join(server);
    assert.equal(await servedCertificate(server, one.ca), 'one');
    await until(server, 'reloaded', () => put(two));
    assert.equal(await servedCertificate(server, two.ca), 'two');
    await peer.quiet();
});

test('a certificate whose key comes later is taken up with its key', async (t) => {
    const [one, two] = [certificate('ecdsa', 'one'), certificate('rsa', 'two')];
    const folder = mkdtempSync(join(temporaryFolder(), 'renewed-'));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    copyFileSync(one.cert, cert);
    copyFileSync(one.key, key);
    const server = await ownServer(t, { tls: { cert, key, ca: one.ca }, config });
    await until(server, 'reload-failed', () => copyFileSync(two.cert, cert));
    assert.equal(await servedCertificate(server, one.ca), 'one');
    await until(server, 'reloaded', () => copyFileSync(two.key, key));
    assert.equal(await servedCertificate(server, two.ca), 'two');
});
