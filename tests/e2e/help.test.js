// The help page, where everything is there, and where things are blocked. STUN is the server's own, TURN a
// real coturn's.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signedCertificate } from '../support/certificate.js';
import { startCoturn } from '../support/coturn.js';
import { freePort } from '../support/ports.js';
import { startServer } from '../support/server.js';
import { CLIENT, closeBrowsers, Person } from './browser.js';

describe('help', { concurrency: 2 }, () => {
    let coturn;
    const servers = [];

    before(async () => {
        coturn = await startCoturn(['only-the-two-know-it'], { tls: signedCertificate() });
    });

    after(async () => {
        await closeBrowsers();
        await Promise.all(servers.map((server) => server.stop()));
        await coturn?.end();
    });

    async function start(config) {
        const server = await startServer({ args: ['--client', CLIENT], config });
        servers.push(server);
        return server.url;
    }

    // Resolves to the report, as an object from check to result.
    async function results(person) {
        await person.open('/help.html');
        await person.page.click('#start');
        await person.page.locator('#verdict').waitFor();
        const lines = (await person.page.inputValue('#report')).split('\n').slice(2);
        return Object.fromEntries(lines.map((line) => line.match(/^(\S+): (\w+)/).slice(1)));
    }

    const verdict = ({ page }) => page.textContent('#verdict');

    test('STUN and the relays work; the one over TLS, where its certificate is good', async (t) => {
        const urls = [coturn.url, coturn.url.replace('udp', 'tcp'), coturn.tlsUrl];
        const url = await start({
            'stun.listen': 'udp://127.0.0.1:0',
            'turn.urls': urls.join(','),
            'turn.secrets': 'only-the-two-know-it',
        });
        const trust = signedCertificate().authority;
        const permissions = ['clipboard-read', 'clipboard-write'];
        const [ann, ben] = [
            await Person.arrive(t, url, { name: 'Ann', trust, permissions }),
            await Person.arrive(t, url.replace('127.0.0.1', 'localhost'), { name: 'Ben' }),
        ];
        const all = ['webrtc', 'camera', 'microphone', 'websocket', 'stun', 'turn-udp', 'turn-tcp', 'turn-tls'];
        const good = Object.fromEntries(all.map((check) => [check, 'ok']));
        const found = await Promise.all([results(ann), results(ben)]);
        assert.deepEqual(found, [good, { ...good, 'turn-tls': 'failed' }]);
        assert.equal(await verdict(ann), 'Calls should work from here.');
        assert.equal(await verdict(ben), 'Calls should work from here.');
        await ann.photo('help-relays');

        await ann.page.click('#copy');
        await ann.page.getByText('Report copied').waitFor();
        const report = await ann.page.inputValue('#report');
        assert.equal(await ann.page.evaluate(() => navigator.clipboard.readText()), report);
        const used = await ann.page.evaluate(() => window.connections.flatMap((one) => one.getConfiguration().iceServers));
        const secrets = used.flatMap(({ username, credential }) => [username, credential]).filter(Boolean);
        assert.ok(secrets.length > 0);
        for (const secret of [...secrets, '127.0.0.1']) assert.ok(!report.includes(secret), report);

        await ann.page.click('#start'); // the next report is not copied yet
        await ann.page.getByText('Copy the report', { exact: true }).waitFor();
    });

    test('what is blocked is said in plain words', async (t) => {
        const [stun, turn] = [await freePort(), await freePort()];
        const url = await start({
            'stun.listen': 'udp://127.0.0.1:0',
            'stun.url': `stun:127.0.0.1:${stun}`,
            'turn.urls': ['udp', 'tcp'].map((way) => `turn:127.0.0.1:${turn}?transport=${way}`).join(','),
            'turn.secrets': 'only-the-two-know-it',
        });
        const [ann, ben] = await Promise.all(['Ann', 'Ben'].map((name) => Person.arrive(t, url, { name })));
        await ben.page.routeWebSocket(/\/ws$/, (socket) => socket.close());
        const [blocked, cut] = await Promise.all([results(ann), results(ben)]);

        assert.equal(blocked.websocket, 'ok');
        assert.equal(blocked.stun, 'failed');
        assert.equal(blocked['turn-udp'], 'failed');
        assert.equal(blocked['turn-tcp'], 'failed');
        assert.equal(blocked['turn-tls'], 'none');
        assert.equal(await verdict(ann), 'This network gets in the way of calls.');
        await ann.page.getByText('Where UDP is blocked too, only the relay over TLS is left.').waitFor();

        assert.equal(cut.websocket, 'failed');
        assert.equal(cut['turn-udp'], 'skipped');
        await ben.page.getByText('A firewall or a proxy of this network may block WebSockets.').waitFor();
        await ben.photo('help-blocked');
    });
});
