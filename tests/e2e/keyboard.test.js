// Everything by keyboard, and said to those who do not see it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PLAIN, suite } from './suite.js';

suite('by keyboard', PLAIN, {}, (on) => {
    const focused = ({ page }) =>
        page.evaluate(() => document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.textContent.trim());

    // Presses Tab until the focus is there; every stop on the way must be visible.
    async function tabTo(person, name) {
        const stops = [];
        for (let i = 0; i < 40; i++) {
            const at = await focused(person);
            if (at === name) return stops;
            stops.push(at);
            await person.page.keyboard.press('Tab');
            const isSeen = await person.page.evaluate(() => {
                const { width, height } = document.activeElement.getBoundingClientRect();
                return document.activeElement === document.body || (document.activeElement.matches(':focus-visible') && width > 0 && height > 0);
            });
            assert.ok(isSeen, `${await focused(person)} has the focus unseen`);
        }
        assert.fail(`no way by Tab to ${name}: ${stops.join(', ')}`);
    }

    const says = ({ page }, text) => page.getByRole('status').filter({ hasText: text }).first().waitFor({ state: 'attached' });

    async function enter(person, room) {
        const { page } = person;
        await person.open(`/?room=${room}`);
        assert.equal(await focused(person), 'name');
        await page.keyboard.type(person.name);
        await page.keyboard.press('Enter');
        await page.waitForFunction(() => document.activeElement.id === 'enter-room');
        await page.keyboard.press('Enter');
        await person.inside();
    }

    test('two people enter, call, talk and hang up without a pointer', async (t) => {
        const people = await Promise.all(['Ann', 'Ben'].map((name) => Person.arrive(t, on.url, { name })));
        const [ann, ben] = people;
        await Promise.all(people.map((person) => enter(person, 'keys')));
        await ann.row('Ben').waitFor();

        const order = await tabTo(ann, 'Call Ben');
        assert.ok(order.indexOf('invite-room') < order.indexOf('leave'), `${order}`);
        await ann.page.keyboard.press('Enter');
        await says(ann, 'Calling Ben');
        assert.equal(await focused(ann), 'microphone');

        await ben.page.locator('#ring').waitFor();
        assert.equal(await focused(ben), 'accept');
        await ben.page.keyboard.press('Escape');
        await says(ann, 'Ben can’t talk now.');
        await ann.page.waitForFunction(() => document.activeElement.ariaLabel === 'Call Ben');

        await ann.page.keyboard.press('Enter');
        await ben.page.locator('#ring').waitFor();
        await ben.page.keyboard.press('Enter');
        await Promise.all([says(ann, 'You are in a call with Ben'), says(ben, 'You are in a call with Ann')]);

        await tabTo(ann, 'self');
        await ann.page.keyboard.press('ArrowLeft');
        assert.equal(await ann.page.getAttribute('#self', 'data-x'), 'left');
        await tabTo(ann, 'microphone');
        await ann.page.keyboard.press('Space');
        assert.equal(await ann.page.getAttribute('#microphone', 'aria-pressed'), 'false');

        await tabTo(ann, 'chat-field');
        await ann.page.keyboard.type('hello');
        await ann.page.keyboard.press('Enter');
        await ben.page.getByRole('list').and(ben.page.locator('[aria-live=polite]')).filter({ hasText: 'hello' }).waitFor();

        await tabTo(ann, 'Safety code with Ben');
        await ann.page.keyboard.press('Enter');
        await ann.page.locator('#safety-code li').nth(7).waitFor();
        await ann.page.keyboard.press('Escape');
        assert.equal(await focused(ann), 'Safety code with Ben');

        await tabTo(ann, 'hang-up');
        await ann.page.keyboard.press('Enter');
        await says(ben, 'The call with Ann is over.');
        // Who was just in a call may still be busy for a moment.
        assert.match(await focused(ann), /^(Call Ben|invite-room)$/);
    });
});
