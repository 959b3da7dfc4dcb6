// Calls between people whom a load balancer put on different instances.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../support/cluster.js';
import { startHaproxy } from '../support/haproxy.js';
import { CLIENT, closeBrowsers, Person } from './browser.js';

const local = (url) => url.replace('127.0.0.1', 'localhost');

async function talk(caller, callee, room) {
    await Promise.all([caller.enter(room), callee.enter(room)]);
    await caller.call(callee);
    await callee.accept(caller);
    await Promise.all([caller.inCall(), callee.inCall()]);
    await Promise.all([caller.seesMotion(), callee.seesMotion()]);
}

describe('a call in a cluster', () => {
    let cluster, haproxy;
    before(async () => {
        cluster = await startCluster({
            instances: 3,
            placed: true,
            args: ['--client', CLIENT],
            config: { 'drain.linger': '800ms', 'drain.spread': '1s', 'drain.deadline': '4s' },
        });
        haproxy = await startHaproxy(cluster.servers);
    });
    after(async () => {
        await closeBrowsers();
        await haproxy?.end();
        await cluster?.stop();
    });

    test('two people on two instances see each other, chat and hang up', async (t) => {
        const [ann, ben] = await Promise.all(
            ['Ann', 'Ben'].map((name, n) => Person.arrive(t, local(cluster.at(n).url), { name })),
        );
        await talk(ann, ben, 'across');
        await ann.say('from the other side');
        await ben.reads('from the other side');
        await ben.page.click('#hang-up');
        await Promise.all([ann.idle(), ben.idle()]);
        await ben.call(ann);
        await ann.accept(ben);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
    });

    test('three instances are replaced one after the other: media never stops, nobody is told of a loss', async (t) => {
        const url = local(haproxy.url);
        const people = await Promise.all(
            ['Ann', 'Ben'].map((name) => Person.arrive(t, url, { name })),
        );
        const [ann, ben] = people;
        const told = people.map(presenceTold);
        await talk(ann, ben, 'rolling');
        await Promise.all(people.map(watchMedia));

        for (const [n, server] of cluster.servers.entries()) {
            const out = haproxy.program.nextLine(new RegExp(`instances/s${n} is DOWN`));
            server.signal('SIGTERM');
            await out;
            await server.expectExit();
            const back = haproxy.program.nextLine(new RegExp(`instances/s${n} is UP`));
            await cluster.add({ listen: [server.url] }, n);
            await back;
            await Promise.all(people.map((person) => person.seesMotion()));
        }
        for (const person of people) {
            const { longest } = await person.page.evaluate(() => window.media);
            assert.ok(longest < 1500, `${person.name}'s picture stood still for ${longest} ms`);
            assert.equal(await person.connections(), 1);
        }
        for (const types of told) assert.ok(!types.includes('peer-left'), `${types}`);
        assert.ok(told.flat().filter((type) => type === 'goaway').length >= 2);
        // Signaling goes on as well.
        await ben.page.click('#hang-up');
        await Promise.all([ann.idle(), ben.idle()]);
        await ben.call(ann);
        await ann.accept(ben);
        await Promise.all(people.map((person) => person.seesMotion()));
    });
});

/** From now on: the longest time without a new frame. */
function watchMedia({ page }) {
    return page.evaluate(() => {
        const video = document.querySelector('.tile video');
        let last = performance.now();
        window.media = { longest: 0 };
        const onFrame = () => {
            const now = performance.now();
            window.media.longest = Math.max(window.media.longest, now - last);
            last = now;
            video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
    });
}

/** The types of all that the server tells this person, as they come. */
function presenceTold({ page }) {
    const types = [];
    page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => types.push(JSON.parse(payload).type)),
    );
    return types;
}
