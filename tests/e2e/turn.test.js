// Calls by way of a real coturn, with the credentials that the server gives out.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { signedCertificate } from '../support/certificate.js';
import { startCoturn } from '../support/coturn.js';
import { startServer } from '../support/server.js';
import { CLIENT, closeBrowsers, Person } from './browser.js';

const [NEW, OLD, LOST] = ['north-2026', 'south-2025', 'coturn-never-knew'];
const RELAY = { iceTransportPolicy: 'relay' };

// Runs in the page: the candidates of a connection that goes nowhere.
async function gather(config) {
    const connection = new RTCPeerConnection(config);
    connection.createDataChannel('any');
    const candidates = [];
    const complete = new Promise((resolve) => {
        connection.onicecandidate = ({ candidate }) => {
            if (!candidate) resolve();
            else if (candidate.candidate) candidates.push(candidate.type);
        };
    });
    const errors = [];
    connection.onicecandidateerror = ({ errorCode }) => errors.push(errorCode);
    await connection.setLocalDescription();
    await complete;
    connection.close();
    return { candidates, errors };
}

// The kinds of candidates at both ends of the pair in use, of the connection that the call is on, and the way to
// the own relay.
const pairInUse = () =>
    window.connections.at(-1).getStats().then((stats) => {
        const reports = [...stats.values()];
        const { selectedCandidatePairId } = reports.find(({ type }) => type === 'transport');
        const pair = stats.get(selectedCandidatePairId);
        const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.get(id));
        return [local.candidateType, remote.candidateType, local.relayProtocol];
    });

describe('TURN', { concurrency: 2 }, () => {
    let coturn, server, tlsOnly, url;

    before(async () => {
        coturn = await startCoturn([NEW, OLD], { tls: signedCertificate() });
        const config = { 'turn.urls': coturn.url, 'turn.secrets': NEW, 'turn.ttl': '8s' };
        server = await startServer({ workers: 2, args: ['--client', CLIENT], config });
        url = server.url.replace('127.0.0.1', 'localhost');
        const overTls = { 'turn.urls': coturn.tlsUrl, 'turn.secrets': NEW };
        tlsOnly = await startServer({ args: ['--client', CLIENT], config: overTls });
    });

    after(async () => {
        await closeBrowsers();
        await Promise.all([server?.stop(), tlsOnly?.stop()]);
        await coturn?.end();
    });

    test('a call that may only use relays works, and goes on with fresh credentials', async (t) => {
        const [ann, ben] = await Promise.all(
            ['Ann', 'Ben'].map((name) => Person.arrive(t, url, { name, rtc: RELAY })),
        );
        await Promise.all([ann.enter('relay'), ben.enter('relay')]);
        await ann.call(ben);
        await ben.accept(ann);
        await Promise.all([ann.inCall(), ben.inCall()]);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        for (const { page } of [ann, ben])
            assert.deepEqual(await page.evaluate(pairInUse), ['relay', 'relay', 'udp']);

        // With the credentials of the join long ended, only fresh ones make new relays.
        const username = () =>
            ann.page.evaluate(() => window.connections.at(-1).getConfiguration().iceServers[0].username);
        const first = await username();
        await ann.page.waitForFunction(
            (first) => window.connections.at(-1).getConfiguration().iceServers[0].username !== first,
            first,
        );
        await new Promise((resolve) => setTimeout(resolve, parseInt(first) * 1000 + 1000 - Date.now()));
        const fresh = await ann.page.evaluate(() => window.connections.at(-1).getConfiguration());
        assert.ok(parseInt(fresh.iceServers[0].username) > parseInt(first));
        await ann.page.evaluate(() => window.connections.at(-1).restartIce());
        await ann.page.waitForFunction(
            () => window.connections.at(-1).iceGatheringState === 'complete',
        );
        await Promise.all([ann.inCall(), ben.inCall()]);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        assert.deepEqual(await ann.page.evaluate(pairInUse), ['relay', 'relay', 'udp']);
    });

    test('where only TLS gets through, a call goes by relays over TLS', async (t) => {
        const trust = signedCertificate().authority;
        const [ann, ben] = await Promise.all(
            ['Ann', 'Ben'].map((name) => Person.arrive(t, tlsOnly.url, { name, trust, rtc: RELAY })),
        );
        await Promise.all([ann.enter('tls'), ben.enter('tls')]);
        await ann.call(ben);
        await ben.accept(ann);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        for (const { page } of [ann, ben]) {
            assert.deepEqual(await page.evaluate(pairInUse), ['relay', 'relay', 'tls']);
            await page.locator('.details dd', { hasText: 'through a relay, TLS' }).waitFor({ state: 'attached' });
        }
    });

    test('credentials that ended, or of a secret that coturn does not have, get no relay', async (t) => {
        const ann = await Person.arrive(t, url, { name: 'Ann' });
        await ann.open('/');
        const credentials = (secret, left) => {
            const username = `${Math.floor(Date.now() / 1000) + left}:ann`;
            const credential = createHmac('sha1', secret).update(username).digest('base64');
            return { ...RELAY, iceServers: [{ urls: [coturn.url], username, credential }] };
        };
        const relays = async (config) => (await ann.page.evaluate(gather, config)).candidates;
        assert.ok((await relays(credentials(NEW, 600))).includes('relay'));
        assert.ok((await relays(credentials(OLD, 600))).includes('relay'));
        const { candidates, errors } = await ann.page.evaluate(gather, credentials(NEW, -5));
        assert.deepEqual(candidates, []);
        assert.ok(errors.includes(401), `errors ${errors}`);
        assert.deepEqual(await relays(credentials(LOST, 600)), []);
    });
});
