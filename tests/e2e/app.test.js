// What the application adds to a call: files in the chat, the safety code, the preview, invitations, and how
// little all of it weighs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PHONE } from './look.js';
import { PLAIN, suite } from './suite.js';

suite('the application', PLAIN, {}, (on) => {
    const arrive = (t, ...names) =>
        Promise.all(names.map((name) => Person.arrive(t, on.url, { name })));

    async function talking(t, room, caller, callee) {
        await Promise.all([caller.enter(room), callee.enter(room)]);
        await caller.call(callee);
        await callee.accept(caller);
        await Promise.all([caller.inCall(), callee.inCall()]);
    }

    const tilesOf = ({ page }) => page.locator('.tile[data-call=connected][data-picture]');

    test('nobody gets into a call by saying so', async (t) => {
        const [ann, ben, eve] = await arrive(t, 'Ann', 'Ben', 'Eve');
        await talking(t, 'closed', ann, ben);
        await eve.enter('closed');
        const peer = await eve.row('Ann').getAttribute('data-peer');
        const outcome = await eve.page.evaluate(async (peer) => {
            const { join } = await import('./roomline.js');
            const room = await join('closed', { name: 'Mallory' });
            room.signal(peer, { meet: room.peer });
            const call = room.call(peer);
            return new Promise((resolve) => call.on('ended', ({ reason }) => resolve(reason)));
        }, peer);
        assert.equal(outcome, 'busy');
        assert.equal(await tilesOf(ann).count(), 1);
    });

    test('who comes in does not take a press away that has begun', async (t) => {
        const [ann, ben, cem] = await arrive(t, 'Ann', 'Ben', 'Cem');
        await Promise.all([ann.enter('press'), ben.enter('press')]);
        const { x, y, width, height } = await ann.row('Ben').getByRole('button').boundingBox();
        await ann.page.mouse.move(x + width / 2, y + height / 2);
        await ann.page.mouse.down();
        await cem.enter('press');
        await ann.row('Cem').waitFor();
        await ann.page.mouse.up();
        await ben.page.locator('#ring-text', { hasText: 'Ann' }).waitFor();
    });

    test('a file goes through the chat, and unread messages are counted', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        const ben = await Person.arrive(t, on.url, { name: 'Ben', ...PHONE });
        await talking(t, 'files', ann, ben);
        await ann.say('look at this');
        await ben.page.locator('#unread', { hasText: '1' }).waitFor();
        const buffer = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
        const file = (name) => ({ name, mimeType: 'x/y', buffer });

        // What moves files can't be had; then it can.
        ann.expected = /ERR_FAILED/;
        await ann.page.route('**/file.js', (route) => route.abort());
        await ann.page.setInputFiles('#attach-files', [file('b.bin'), file('c.bin')]);
        await ann.notice('That could not be sent.');
        await ann.page.unroute('**/file.js');
        await ann.page.setInputFiles('#attach-files', file('a.bin'));
        await ben.page.locator('#unread', { hasText: '2' }).waitFor();
        await ben.page.click('#chat-toggle');
        await ben.page.locator('#unread').waitFor({ state: 'hidden' });
        await ben.page.getByRole('button', { name: 'Accept' }).click();
        const [download] = await Promise.all([
            ben.page.waitForEvent('download'),
            ben.page.getByRole('link', { name: 'Save' }).click(),
        ]);
        assert.equal(download.suggestedFilename(), 'a.bin');
        assert.deepEqual(readFileSync(await download.path()), buffer);
        await ann.page.getByText('sent', { exact: true }).waitFor();
    });

    test('where there is no WebRTC the page says so, and whoever calls hears it', async (t) => {
        const [ann, ben] = await arrive(t, 'Ann', 'Ben');
        await ben.page.addInitScript(() => delete window.RTCPeerConnection);
        await ann.enter('bare');
        await ben.open('/?room=bare');
        await ben.page.fill('#name', 'Ben');
        await ben.page.click('#join');
        await ben.notice('no WebRTC');
        assert.equal(await ben.page.locator('#prejoin select:visible').count(), 0);
        await ben.page.click('#enter-room');
        await ben.inside();
        await ben.notice('no WebRTC');
        assert.ok(await ben.row('Ann').getByRole('button').isDisabled());
        await ann.call(ben);
        await ann.notice('The browser of Ben can’t make calls.');
        await ben.open('/help.html');
        await ben.page.click('#start');
        await ben.page.locator('#verdict', { hasText: 'This browser can’t make calls.' }).waitFor();
        assert.match(await ben.page.inputValue('#report'), /^webrtc: failed\n(.*\n)*stun: skipped\n/m);
    });

    test('both sides see one safety code, each in its language', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        const haneul = await Person.arrive(t, on.url, { name: '하늘', locale: 'ko-KR' });
        await talking(t, 'safety', ann, haneul);
        const codes = await Promise.all(
            [ann, haneul].map(async ({ page }) => {
                await page.click('[data-part=safety]');
                await page.locator('#safety-code li').nth(7).waitFor();
                const all = (selector) => page.locator(`#safety-code ${selector}`).allTextContents();
                return { pictures: await all('span'), words: await all('b') };
            }),
        );
        assert.deepEqual(codes[0].pictures, codes[1].pictures);
        assert.match(codes[0].words.join(''), /^[a-z]+$/);
        assert.match(codes[1].words.join(''), /^[가-힣]+$/);
    });

    test('what comes with the camera does not move the button that enters', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        const { page } = ann;
        await page.addInitScript(() => {
            const { getUserMedia } = MediaDevices.prototype;
            const given = new Promise((resolve) => (window.give = resolve));
            MediaDevices.prototype.getUserMedia = async function (wish) {
                await given;
                return getUserMedia.call(this, wish);
            };
        });
        await ann.open('/?room=still');
        await page.fill('#name', 'Ann');
        await page.click('#join');
        const places = async () => {
            const found = [];
            for (const size of [{ width: 1280, height: 800 }, PHONE.viewport]) {
                await page.setViewportSize(size);
                found.push(await page.locator('#enter-room').boundingBox());
            }
            return found;
        };
        const before = await places();
        await page.evaluate(() => window.give());
        await page.locator('#choose-microphone').waitFor();
        assert.deepEqual(await places(), before);
    });

    test('what is turned off in the preview stays off in the room', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        await ann.open('/?room=preview');
        await ann.page.fill('#name', 'Ann');
        await ann.page.click('#join');
        await ann.page.locator('#preview:visible').waitFor();
        await ann.page.click('#prejoin [data-switch=video]');
        await ann.page.locator('#preview').waitFor({ state: 'hidden' });
        await ann.page.click('#enter-room');
        await ann.page.locator('#self-avatar:visible').waitFor();
        assert.equal(await ann.page.getAttribute('#camera', 'aria-pressed'), 'false');
        assert.equal(await ann.page.getAttribute('#microphone', 'aria-pressed'), 'true');
    });

    test('the language is switched in a room, and remembered', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        await ann.enter('language');
        await ann.page.click('.bar [data-language-switch]');
        assert.equal(await ann.page.textContent('#caption'), '내 모습입니다. 다른 사람을 기다리고 있습니다.');
        await ann.page.reload();
        await ann.inside();
        assert.equal((await ann.page.textContent('#leave')).trim(), '나가기');
    });

    test('a fresh room has a name to read out, and an invitation with its code', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        await ann.open('/');
        const before = await ann.page.inputValue('#room');
        assert.match(before, /^[a-z]+-[a-z]+-\d{6}$/);
        await ann.page.click('#fresh-room');
        const room = await ann.page.inputValue('#room');
        assert.notEqual(room, before);
        await ann.page.click('#invite-home');
        await ann.page.locator('#invite-code path').waitFor();
        const link = new URL(await ann.page.inputValue('#invite-link'));
        assert.equal(link.searchParams.get('room'), room);
    });

    test('the first page is less than 60 kB', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        const sizes = [];
        ann.page.on('requestfinished', async (request) => sizes.push(request.sizes()));
        await ann.page.goto(on.url, { waitUntil: 'networkidle' });
        const all = await Promise.all(sizes);
        const sum = all.reduce((bytes, { responseBodySize }) => bytes + responseBodySize, 0);
        t.diagnostic(`${sum} bytes in ${all.length} files`);
        assert.ok(sum > 10_000 && sum < 60_000, `${sum} bytes`);
    });
});
