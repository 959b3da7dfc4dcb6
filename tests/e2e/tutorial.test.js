// caller.html and callee.html, as the tutorial tells to open them.

import { test } from 'node:test';
import { Person } from './browser.js';
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
        await Promise.all([
            caller.photo(`caller-${new URL(on.url).protocol.slice(0, -1)}`),
            callee.photo('callee'),
        ]);

        await caller.page.click('#hang-up');
        await caller.page.locator('#state', { hasText: 'ended' }).waitFor();
        await callee.page.waitForFunction(() => window.connections[0].signalingState === 'closed');
    });
});
