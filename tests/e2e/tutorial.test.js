// caller.html and callee.html, as the tutorial tells to open them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { accessible } from './look.js';
import { BOTH, suite } from './suite.js';

suite('tutorial', BOTH, {}, (on) => {
    test('caller.html calls callee.html', async (t) => {
        const callee = await Person.arrive(t, on.url, { name: 'callee' });
        const caller = await Person.arrive(t, on.url, { name: 'caller' });
        await callee.open('/callee.html');
        const id = callee.page.locator('#id', { hasText: /^[^…]+$/ });
        const peer = await id.textContent();
        await caller.open('/caller.html');
        await caller.page
            .locator('#peers option', { hasText: peer })
            .waitFor({ state: 'attached' });
        await caller.page.selectOption('#peers', peer);
        await caller.page.getByRole('button', { name: 'Call', exact: true }).click();
        await Promise.all([caller.seesMotion(), callee.seesMotion()]);
        await caller.page.locator('#state', { hasText: /^connected$/ }).waitFor();
        for (const { page } of [caller, callee]) await accessible(page, page.url());
        await Promise.all([
            caller.photo(`caller-${new URL(on.url).protocol.slice(0, -1)}`),
            callee.photo('callee'),
        ]);

        await caller.page.click('#hang-up');
        await caller.page.locator('#state', { hasText: 'ended' }).waitFor();
        await callee.page.waitForFunction(() => window.connections[0].signalingState === 'closed');
    });

    test('on a phone, in Korean', async (t) => {
        const phone = { locale: 'ko-KR', viewport: { width: 360, height: 740 }, isMobile: true };
        const callee = await Person.arrive(t, on.url, { name: 'callee', ...phone });
        const caller = await Person.arrive(t, on.url, { name: 'caller', ...phone });
        await callee.open('/callee.html?room=phone');
        await caller.open('/caller.html?room=phone');
        await caller.page.locator('#peers option').waitFor({ state: 'attached' });
        assert.equal(await callee.page.textContent('h1'), '받는 쪽');
        assert.equal(await caller.page.textContent('.good'), '통화');
        for (const { page } of [callee, caller]) {
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
            await accessible(page, page.url());
        }
        // The link leads to the other page, in the same room.
        const [tab] = await Promise.all([
            caller.page.context().waitForEvent('page'),
            caller.page.click('#callee'),
        ]);
        await tab.locator('#id', { hasText: /^[^…]+$/ }).waitFor();
        assert.equal(new URL(tab.url()).search, '?room=phone');
        await caller.page.locator('#peers option').nth(1).waitFor({ state: 'attached' });
        await caller.photo('caller-ko');
    });
});
