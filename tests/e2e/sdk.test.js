// The SDK by itself, in real pages: what a call can carry, what it tells, and what it leaves behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arriveBare, callBare, joinBare, openBare, site, wrongSizes } from './bare.js';
import { Person, TIMEOUT } from './browser.js';
import { PLAIN, suite } from './suite.js';

const config = { 'limits.messages_per_second': 0 }; // 200 calls in a few seconds

suite('SDK', PLAIN, { args: site(), config }, (on) => {
    async function joined(t, room, options) {
        const people = await Promise.all(
            ['ann', 'ben'].map((name) => arriveBare(t, on.url, { name })),
        );
        await Promise.all(people.map((person) => joinBare(person, room, { name: person.name, ...options })));
        return people;
    }

    async function talking(t, room, options) {
        const [ann, ben] = await joined(t, room, options);
        await callBare(ann, ben, 'ben', options?.call);
        return [ann, ben];
    }

    test('six call each other, and each sees the other five move', async (t) => {
        const names = ['ann', 'ben', 'cem', 'dee', 'eli', 'fay'];
        // Thirty pictures at a time, on two cores.
        const camera = { width: 96, height: 96, frameRate: 5 };
        const viewport = { width: 320, height: 240 };
        const six = await Promise.all(names.map((name) => arriveBare(t, on.url, { name, camera, viewport })));
        await Promise.all(six.map((person) => joinBare(person, 'six', { name: person.name })));
        // Each calls those who come after it in the alphabet.
        for (const [i, { page }] of six.entries()) {
            await page.waitForFunction(() => window.room.peers.size === 5);
            await page.evaluate((peers) => {
                for (const peer of peers) window.room.call(peer, { stream: window.stream });
            }, names.slice(i + 1));
        }
        const end = Date.now() + TIMEOUT;
        for (const person of six) {
            const moves = (frames) => frames.length === 5 && frames.every((count) => count > 5);
            for (let frames = []; !moves(frames); frames = await decoded(person)) {
                assert.ok(Date.now() < end, `${person.name} has decoded ${frames} frames`);
                await person.page.waitForTimeout(50);
            }
        }
    });

    test('to join and to call takes few bytes; what else there is comes when it is used', async (t) => {
        const codings = ['gzip', 'br'];
        const people = await Promise.all(
            codings.map((coding) =>
                Person.arrive(t, on.url, { name: coding, extraHTTPHeaders: { 'Accept-Encoding': coding } }),
            ),
        );
        const fetched = people.map(({ page }) => {
            const responses = new Map();
            page.on('response', (response) => {
                const { pathname } = new URL(response.url());
                if (pathname.endsWith('.js')) responses.set(pathname, response);
            });
            return responses;
        });
        await Promise.all(people.map(({ page }) => openBare(page, on.url)));
        await Promise.all(people.map((person) => joinBare(person, 'bytes', { name: person.name })));
        await callBare(people[0], people[1], 'br');
        const sums = [0, 0];
        for (const [i, coding] of codings.entries()) {
            for (const response of fetched[i].values()) {
                assert.equal(await response.headerValue('content-encoding'), coding, response.url());
                sums[i] += (await response.request().sizes()).responseBodySize;
            }
            assert.equal(fetched[i].size, 7);
            t.diagnostic(`${coding}: ${sums[i]} bytes`);
        }
        assert.deepEqual(wrongSizes('`roomline.js`', sums), []);
        const [mine] = fetched;
        const seldom = () => ['/measure.js', '/file.js', '/flow.js'].map((path) => mine.has(path));
        assert.deepEqual(seldom(), [false, false, false]);
        await people[0].page.evaluate(() => window.call.stats());
        assert.deepEqual(seldom(), [true, false, false]);
        await people[0].page.evaluate(async () => (await window.call.sendFile(new Blob(['x']))).cancel());
        assert.deepEqual(seldom(), [true, true, true]);
    });

    test('a file of 20 MiB arrives whole, and one is cancelled half way', async (t) => {
        const [ann, ben] = await talking(t, 'files', { video: false, call: { receive: false } });
        await ben.page.evaluate(() => {
            window.files = [];
            window.call.on('file', ({ file }) => window.files.push(file));
        });
        const sent = await ann.page.evaluate(async () => {
            await new Promise((resolve) => {
                if (window.call.send('')) resolve();
                else window.call.on('open', resolve, { once: true });
            });
            const bytes = new Uint8Array(20 * 1024 * 1024 + 1);
            for (let i = 0; i < bytes.length; i += 65_536)
                crypto.getRandomValues(bytes.subarray(i, i + 65_536));
            window.file = new File([bytes], 'big.bin', { type: 'application/x-test' });
            window.out = await window.call.sendFile(window.file);
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
            return [...hash].join();
        });
        await ben.page.waitForFunction(() => window.files.length === 1);
        const got = await ben.page.evaluate(async () => {
            const { name, size, type } = window.files[0];
            const blob = await window.files[0].accept();
            const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
            return { name, size, type, hash: [...hash].join() };
        });
        const size = 20 * 1024 * 1024 + 1;
        assert.deepEqual(got, { name: 'big.bin', size, type: 'application/x-test', hash: sent });
        assert.equal(await ann.page.evaluate(() => window.out.done), null);

        await ann.page.evaluate(async () => void (window.out = await window.call.sendFile(window.file)));
        await ben.page.waitForFunction(() => window.files.length === 2);
        await ben.page.evaluate(() => {
            const [, file] = window.files;
            file.on('progress', ({ bytes, size }) => bytes > size / 4 && file.cancel());
            file.accept().catch(({ code }) => (window.ended = code));
        });
        await ben.page.waitForFunction(() => window.ended === 'cancelled');
        await ann.page.waitForFunction(() => window.out.state === 'cancelled');
    });

    test('screen in place of the camera and back, the other side told; numbers and the code agree', async (t) => {
        const [ann, ben] = await talking(t, 'screen');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await ben.page.waitForFunction(() => window.call.remoteMedia.camera);
        await ann.page.evaluate(async () => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 240 });
            const paint = canvas.getContext('2d');
            window.painting = setInterval(() => {
                paint.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
                paint.fillRect(0, 0, 400, 240);
            }, 50);
            await window.call.shareScreen(canvas.captureStream(20));
        });
        await ben.page.waitForFunction(() => window.call.remoteMedia.screen);
        const width = (value) =>
            ben.page.waitForFunction(
                (value) => document.getElementById('remote').videoWidth === value,
                value,
            );
        await width(400);
        await ann.page.evaluate(() => window.call.stopScreen());
        await width(160);
        await ben.page.waitForFunction(() => !window.call.remoteMedia.screen);

        await ann.page.evaluate(() => window.call.stats());
        await ann.seesMotion();
        const stats = await ann.page.evaluate(() => window.call.stats());
        assert.deepEqual([stats.path, stats.protocol, stats.width], ['direct', 'udp', 160]);
        assert.ok(stats.sent > 1000 && stats.received > 1000, JSON.stringify(stats));
        assert.ok(stats.rtt >= 0 && stats.rtt < 5 && stats.loss >= 0 && stats.loss <= 1);

        const codes = await Promise.all(
            [ann, ben].map(({ page }) => page.evaluate(async () => [...(await window.call.safetyCode())])),
        );
        assert.equal(codes[0].length, 8);
        assert.deepEqual(codes[0], codes[1]);
    });

    test('on another network ICE restarts, and the picture goes on', async (t) => {
        const [ann, ben] = await talking(t, 'network');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        const ufrag = ({ page }) =>
            page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(window.call.pc.currentLocalDescription.sdp)[1]);
        const before = await Promise.all([ufrag(ann), ufrag(ben)]);
        ann.expected = /WebSocket|ERR_INTERNET_DISCONNECTED/;
        await ann.page.context().setOffline(true);
        await ann.page.evaluate(() => window.sockets.at(-1).close());
        await ann.page.waitForFunction(() => window.room.state === 'resuming');
        await ann.page.context().setOffline(false); // fires `online`
        for (const [person, old] of [
            [ann, before[0]],
            [ben, before[1]],
        ])
            await person.page.waitForFunction(
                (old) =>
                    window.call.pc.signalingState === 'stable' &&
                    !window.call.pc.currentLocalDescription.sdp.includes(`a=ice-ufrag:${old}`),
                old,
            );
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        assert.deepEqual([await ann.connections(), await ben.connections()], [1, 1]);
    });

    test('a connection that breaks is mended by an ICE restart', async (t) => {
        const [ann, ben] = await talking(t, 'mend');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await ann.page.evaluate(() => {
            // Candidates that lead nowhere: the offer of this restart is all the other side hears of.
            window.states = [];
            window.call.on('state', ({ state }) => window.states.push(state));
            const { pc } = window.call;
            const { onicecandidate } = pc;
            pc.onicecandidate = null;
            pc.restartIce();
            setTimeout(() => {
                pc.onicecandidate = onicecandidate;
                pc.restartIce();
            }, 300);
        });
        await ann.page.waitForFunction(() => window.call.pc.signalingState === 'stable');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await ann.page.waitForFunction(() => window.call.state === 'connected');
    });

    test('200 calls leave nothing behind', async (t) => {
        const people = await joined(t, 'leak', { video: false });
        const [ann, ben] = people;
        await ben.page.evaluate(() => {
            window.ended = 0;
            window.room.on('call', ({ call }) => call.on('ended', () => window.ended++));
        });
        const some = (count) =>
            ann.page.evaluate(async (count) => {
                for (let i = 0; i < count; i++) {
                    const call = window.room.call('ben', { receive: false });
                    await call.until('connected');
                    call.hangUp();
                }
            }, count);
        await ann.page.waitForFunction(() => window.room.peers.has('ben'));
        await some(10);
        const before = await Promise.all(people.map(measure));
        await some(200);
        await ben.page.waitForFunction(() => window.ended === 210);
        for (const [i, person] of people.entries()) {
            // Chromium closes connections in its own time.
            const end = Date.now() + 60_000;
            for (let calls, grown; ; ) {
                const after = await measure(person);
                [calls, grown] = [after.calls, after.heap - before[i].heap];
                if (calls <= 1 && grown < 1_000_000) break; // the last one is in a variable of the test
                assert.ok(Date.now() < end, `${calls} Calls left, ${grown} bytes more`);
            }
        }
    });
});

// How many frames of the picture of each call were decoded.
function decoded({ page }) {
    return page.evaluate(async () => {
        const calls = [...window.room.calls.values()].filter(({ state }) => state === 'connected');
        const reports = await Promise.all(calls.map(({ pc }) => pc.getStats()));
        return reports.map((report) => {
            const all = [...report.values()];
            const video = all.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
            return video?.framesDecoded ?? 0;
        });
    });
}

// What is alive in a page after its garbage was collected.
async function measure({ page }) {
    const session = await page.context().newCDPSession(page);
    await page.evaluate(() => {
        window.connections.length = 0; // the test's own
    });
    await session.send('HeapProfiler.enable');
    for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
    const { result } = await session.send('Runtime.evaluate', { expression: 'sdk.Call.prototype' });
    const { objects } = await session.send('Runtime.queryObjects', {
        prototypeObjectId: result.objectId,
    });
    const { result: count } = await session.send('Runtime.callFunctionOn', {
        objectId: objects.objectId,
        functionDeclaration: 'function () { return this.length; }',
        returnByValue: true,
    });
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return { calls: count.value, heap: usedSize };
}
