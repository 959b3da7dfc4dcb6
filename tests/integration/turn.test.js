// Credentials for TURN servers: what clients are told, when they are told again, and whether a real
// coturn takes them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { temporaryFolder } from '../support/certificate.js';
import { startCoturn } from '../support/coturn.js';
import { Peer } from '../support/peer.js';
import { fits } from '../support/schema.js';
import { askForRelay } from '../support/stun.js';
import { ownServer } from '../support/suite.js';

const [NEW, OLD] = ['north-2026', 'south-2025'];
const URL_ = 'turn:turn.example.org:3478?transport=udp';
const UNAUTHORIZED = 401;

let coturn;
before(async () => {
    coturn = await startCoturn([NEW, OLD]);
});
after(() => coturn?.end());

const sign = (secret, username) => createHmac('sha1', secret).update(username).digest('base64');
const seconds = () => Date.now() / 1000;
const turnOf = ({ iceServers }) => iceServers.find(({ username }) => username);
const relay = (server) => askForRelay('127.0.0.1', coturn.port, server);

function credentials(secret, expires, peer = 'ann') {
    const username = `${Math.floor(expires)}:${peer}`;
    return { username, credential: sign(secret, username) };
}

test('each peer is told of TURN servers with credentials of its own', async (t) => {
    const config = {
        'turn.urls': `${URL_},turns:turn.example.org`,
        'turn.secrets': `${NEW},${OLD}`,
        'turn.ttl': '10m',
        'session.ice_servers': '[{urls: "stun:stun.example.org"}]',
    };
    for (const workers of [1, 2]) {
        const server = await ownServer(t, { workers, config });
        const before = Math.floor(seconds());
        const ann = await Peer.join(server, { room: 'turn', peer: 'ann' });
        const ben = await Peer.join(server, { room: 'turn', peer: 'b "e\\n' });
        assert.equal(fits(JSON.parse(ann.joined.text), { strict: true }), null);
        const [stun, turn] = ann.joined.iceServers;
        assert.deepEqual(stun, { urls: ['stun:stun.example.org'] });
        assert.deepEqual(turn.urls, [URL_, 'turns:turn.example.org']);
        const { iceExpires } = ann.joined;
        assert.ok(iceExpires >= before + 600 && iceExpires <= seconds() + 600);
        assert.equal(turn.username, `${iceExpires}:ann`);
        assert.equal(turn.credential, sign(NEW, turn.username));
        const other = turnOf(ben.joined);
        assert.equal(other.username, `${ben.joined.iceExpires}:b%20%22e%5Cn`);
        assert.equal(other.credential, sign(NEW, other.username));
    }
});

// That they come in time is proven with a clock of its own, in tests/sim.
test('ice-servers: fresh ones come over the open socket, again and again', async (t) => {
    const config = { 'turn.urls': URL_, 'turn.secrets': NEW, 'turn.ttl': '2s' };
    const server = await ownServer(t, { config });
    const ann = await Peer.join(server, { peer: 'ann' });
    let before = ann.joined;
    for (let round = 0; round < 2; round++) {
        const fresh = await ann.expect('ice-servers');
        assert.equal(fits(JSON.parse(fresh.text), { strict: true }), null);
        assert.ok(fresh.iceExpires > before.iceExpires);
        assert.deepEqual(turnOf(fresh).urls, [URL_]);
        assert.equal(turnOf(fresh).username, `${fresh.iceExpires}:ann`);
        assert.equal(turnOf(fresh).credential, sign(NEW, turnOf(fresh).username));
        before = fresh;
    }
});

test('who was away is told when it resumes', async (t) => {
    const config = { 'turn.urls': URL_, 'turn.secrets': NEW, 'turn.ttl': '1h' };
    const server = await ownServer(t, { config });
    const ann = await Peer.join(server, { peer: 'ann' });
    await ann.lose();
    const again = await ann.resume(server);
    assert.equal(again.joined.resumed, true);
    assert.ok(again.joined.iceExpires >= ann.joined.iceExpires);
    assert.equal(turnOf(again.joined).username, `${again.joined.iceExpires}:ann`);
});

test('coturn takes every secret it has, and no credential that has ended or was made up', async () => {
    assert.equal(await relay(credentials(NEW, seconds() + 60)), null);
    assert.equal(await relay(credentials(OLD, seconds() + 60)), null);
    assert.equal(await relay(credentials(NEW, seconds() + 60, 'b%20%22e%5Cn')), null);
    assert.equal(await relay(credentials(NEW, seconds() - 5)), UNAUTHORIZED);
    assert.equal(await relay(credentials('guessed', seconds() + 60)), UNAUTHORIZED);
    const longer = { ...credentials(NEW, seconds() - 5), username: `${Math.floor(seconds()) + 60}:ann` };
    assert.equal(await relay(longer), UNAUTHORIZED);
});

test('the secret changes without a gap: in coturn first, then here by SIGHUP', async (t) => {
    const file = join(temporaryFolder(), 'turn-secrets');
    writeFileSync(file, `${OLD}\n`);
    const config = { 'turn.urls': coturn.url, 'turn.secrets_file': file, 'turn.ttl': '1h' };
    const server = await ownServer(t, { workers: 2, config });
    const before = turnOf((await Peer.join(server, { peer: 'ann' })).joined);
    assert.equal(before.credential, sign(OLD, before.username));

    writeFileSync(`${file}.new`, `${NEW}\n${OLD}\n`);
    renameSync(`${file}.new`, file);
    server.signal('SIGHUP');
    await server.waitLog((line) => line.event === 'reloaded' && line.worker === undefined);
    for (const worker of [0, 1]) {
        const after = turnOf((await Peer.join(server, { worker, peer: `ben-${worker}` })).joined);
        assert.equal(after.credential, sign(NEW, after.username));
        assert.equal(await relay(after), null);
    }
    assert.equal(await relay(before), null);

    // What can't be read leaves all as it was.
    writeFileSync(file, '');
    server.signal('SIGHUP');
    const failed = await server.waitLog((line) => line.event === 'reload-failed');
    assert.match(failed.cause, /turn\.secrets_file.*its first line is empty/);
    const still = turnOf((await Peer.join(server, { peer: 'cem' })).joined);
    assert.equal(still.credential, sign(NEW, still.username));
});

test('the secret is in no log', async (t) => {
    const config = { 'turn.urls': URL_, 'turn.secrets': NEW, 'log.level': 'debug' };
    const server = await ownServer(t, { config });
    const ann = await Peer.join(server, { peer: 'ann' });
    await ann.leave();
    await server.stop();
    const said = JSON.stringify([server.logs, server.noise]);
    assert.ok(!said.includes(NEW) && !said.includes(turnOf(ann.joined).credential));
});
