// Firefox and Chromium in one call: each of the two browsers reads what the other one makes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PLAIN, suite } from './suite.js';

suite('Firefox', PLAIN, {}, (on) => {
    test('a call with Chromium, each of the two calling: picture, chat, files, safety code', async (t) => {
        const [fay, cleo] = await Promise.all([
            Person.arrive(t, on.url, { name: 'Fay', kind: 'firefox' }),
            Person.arrive(t, on.url, { name: 'Cleo' }),
        ]);
        const both = [fay, cleo];
        await Promise.all(both.map((person) => person.enter('fox')));

        await fay.call(cleo);
        await cleo.accept(fay);
        await Promise.all(both.map((person) => person.inCall()));
        await Promise.all(both.map((person) => person.seesMotion()));

        await fay.say('hello from Firefox');
        await cleo.say('hello from Chromium');
        await Promise.all([fay.reads('hello from Chromium'), cleo.reads('hello from Firefox')]);
        await sendFile(fay, cleo, 'from-firefox.bin');
        await sendFile(cleo, fay, 'from-chromium.bin');
        const codes = await Promise.all(both.map(safetyCode));
        assert.equal(codes[0].length, 8);
        assert.deepEqual(codes[0], codes[1]);
        await cleo.page.locator('.details dd', { hasText: 'direct, UDP' }).waitFor({ state: 'attached' });
        await fay.page.locator('.details dd', { hasText: 'direct, UDP' }).waitFor({ state: 'attached' });

        await cleo.page.click('#hang-up');
        await Promise.all(both.map((person) => person.idle()));
        await cleo.call(fay);
        await fay.accept(cleo);
        await Promise.all(both.map((person) => person.seesMotion()));
        await fay.page.click('#hang-up');
        await Promise.all(both.map((person) => person.idle()));
        assert.deepEqual(await Promise.all(both.map((person) => person.connections())), [0, 0]);
    });
});

// More than is ever under way at a time. What is saved of it is seen where the page makes a link of it: over
// WebDriver BiDi Firefox tells of no download.
async function sendFile(from, to, name) {
    const buffer = Buffer.from(Array.from({ length: 1_500_000 }, (_, i) => i % 251));
    await to.page.evaluate(() => {
        const { createObjectURL } = URL;
        URL.createObjectURL = (blob) => createObjectURL((window.saved = blob));
    });
    await from.page.setInputFiles('#attach-files', { name, mimeType: 'application/x-test', buffer });
    await to.page.getByRole('button', { name: 'Accept' }).click();
    const link = to.page.getByRole('link', { name: 'Save' });
    await link.waitFor();
    assert.equal(await link.getAttribute('download'), name);
    const hash = await to.page.evaluate(async () => {
        const bytes = await window.saved.arrayBuffer();
        return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))];
    });
    assert.deepEqual(Buffer.from(hash), createHash('sha256').update(buffer).digest());
    await from.page.getByText('sent', { exact: true }).waitFor();
}

async function safetyCode({ page }) {
    await page.click('[data-part=safety]');
    await page.locator('#safety-code li').nth(7).waitFor();
    const code = await page.locator('#safety-code li').allTextContents();
    await page.click('#safety [data-close]');
    return code;
}
