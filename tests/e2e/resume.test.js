// What the people in a call notice when their signaling breaks: nothing but a line of text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../support/server.js';
import { CLIENT, Person } from './browser.js';
import { TLS, suite } from './suite.js';

suite('resuming', TLS, {}, (on) => {
    async function talking(t, room, url = on.url) {
        const [ann, ben] = await Promise.all(
            ['Ann', 'Ben'].map((name) => Person.arrive(t, url, { name })),
        );
        await Promise.all([ann.enter(room), ben.enter(room)]);
        await ann.call(ben);
        await ben.accept(ann);
        await Promise.all([ann.inCall(), ben.inCall(), ann.seesMotion(), ben.seesMotion()]);
        return [ann, ben];
    }

    // Counts the times that the page's link to the room was away and back.
    const watchLink = ({ page }) =>
        page.evaluate(() => {
            window.linkStates = [];
            new MutationObserver(() => window.linkStates.push(document.body.dataset.link)).observe(
                document.body,
                { attributeFilter: ['data-link'] },
            );
        });
    const linkCameBack = ({ page }) =>
        page.waitForFunction(
            () => window.linkStates.at(-1) === 'joined' && window.linkStates.includes('resuming'),
        );

    test('kill -9 of the workers mid-call leaves media flowing, and signaling resumes', async (t) => {
        const [ann, ben] = await talking(t, 'kill');
        ann.expected = ben.expected = /WebSocket connection to/; // Chromium's own report of the loss
        await Promise.all([watchLink(ann), watchLink(ben)]);
        for (const pid of on.server.workers.values()) process.kill(pid, 'SIGKILL');
        const seen = Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await Promise.all([linkCameBack(ann), linkCameBack(ben), seen]);

        assert.deepEqual([await ann.connections(), await ben.connections()], [1, 1]);
        await Promise.all([ann.inCall(), ben.inCall()]);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await ann.say('still there?');
        await ben.reads('still there?');
        await signalingWorks(ann, ben);
    });

    test('kill -9 of one worker after the other, and nobody is lost', async (t) => {
        const [ann, ben] = await talking(t, 'one by one');
        ann.expected = ben.expected = /WebSocket connection to/;
        await Promise.all([watchLink(ann), watchLink(ben)]);
        for (const pid of [...on.server.workers.values()]) {
            const restarted = on.server.nextLog((line) => line.event === 'worker-started');
            process.kill(pid, 'SIGKILL');
            await restarted;
            await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        }
        await Promise.all([linkCameBack(ann), linkCameBack(ben)]); // each was on one of the two
        await signalingWorks(ann, ben);
    });

    test('an offer that was lost with the workers is made again', async (t) => {
        const [ann, ben] = await Promise.all(
            ['Ann', 'Ben'].map((name) => Person.arrive(t, on.url, { name })),
        );
        ann.expected = ben.expected = /WebSocket connection to/;
        await Promise.all([ann.enter('offer'), ben.enter('offer')]);
        await ann.call(ben);
        await ben.page.locator('#ring').waitFor();
        await ben.hold();
        await ben.page.click('#accept');
        await ann.page.waitForFunction(
            () => window.connections[0]?.signalingState === 'have-local-offer',
        );
        await ben.page.waitForFunction(() => window.held.length > 0);
        for (const pid of on.server.workers.values()) process.kill(pid, 'SIGKILL');
        await ben.drop();
        await Promise.all([ann.inCall(), ben.inCall(), ann.seesMotion(), ben.seesMotion()]);
    });

    test('a lost connection is resumed with the call as it was', async (t) => {
        const [ann, ben] = await talking(t, 'lost');
        await watchLink(ann);
        ann.expected = /WebSocket|ERR_INTERNET_DISCONNECTED/;
        await ann.page.context().setOffline(true);
        await ann.page.evaluate(() => window.sockets.at(-1).close());
        await ann.notice('Your call goes on');
        await ben.row('Ann').getByText('Away for a moment').waitFor();
        await ann.seesMotion();
        await ann.page.context().setOffline(false);
        await linkCameBack(ann);
        await ann.page.locator('#link-notice').waitFor({ state: 'hidden' });
        await ben.seesMotion();
        await signalingWorks(ann, ben);
    });

    test('a server that is stopped and started again finds the call going on', async (t) => {
        const options = { workers: 2, args: ['--client', CLIENT] };
        let server = await startServer(options);
        t.after(() => server.stop());
        const [ann, ben] = await talking(
            t,
            'restart',
            server.url.replace('127.0.0.1', 'localhost'),
        );
        ann.expected = ben.expected = /WebSocket connection to/;
        await Promise.all([watchLink(ann), watchLink(ben)]);
        await server.stop();
        await ann.notice('Your call goes on');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        server = await startServer({ ...options, listen: [server.url] });
        await Promise.all([linkCameBack(ann), linkCameBack(ben)]);
        await Promise.all([ann.row('Ben').waitFor(), ben.row('Ann').waitFor()]);
        assert.deepEqual([await ann.connections(), await ben.connections()], [1, 1]);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await signalingWorks(ann, ben);
    });

    // A hang-up and a new call need the server at every step.
    async function signalingWorks(ann, ben) {
        await ben.page.click('#hang-up');
        await Promise.all([ann.idle(), ben.idle()]);
        await ben.call(ann);
        await ann.accept(ben);
        await Promise.all([ann.inCall(), ben.inCall(), ann.seesMotion(), ben.seesMotion()]);
    }
});
