// Looks at what a page shows: whether it fits every width in both languages, what axe finds in both
// colour schemes, and a picture of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const size = (width, height) => ({ width, height });

// From the smallest phone to 4K: the narrowest of each layout of the style sheets, and a phone on its side.
const PHONES = [size(320, 568), size(360, 640), size(520, 900), size(844, 390)];
const DESKS = [size(860, 600), size(3840, 2160)];

// Nothing may move for those who want it so, nor while its picture is taken.
const STILL = { reducedMotion: 'reduce' };
export const PHONE = { viewport: size(390, 844), isMobile: true, hasTouch: true, deviceScaleFactor: 2, ...STILL };
export const DESK = { viewport: size(1280, 800), ...STILL };

// viewport: to come back to
export async function look(person, place, { viewport }) {
    const { page } = person;
    const own = await page.getAttribute('html', 'lang');
    for (const at of viewport.width < 860 ? PHONES : DESKS) {
        await page.setViewportSize(at);
        for (const language of ['ko', 'en']) {
            await speak(page, language);
            const faults = await page.evaluate(misfits);
            assert.deepEqual(faults, [], `${place} at ${at.width} x ${at.height} in ${language}`);
        }
    }
    await page.setViewportSize(viewport);
    await speak(page, own);
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0, `${place} moves`);
    await accessible(page, place);
    await person.photo(`${place}-${own}`);
}

function speak(page, language) {
    return page.evaluate(async (language) => {
        const { setLanguage } = await import('/app/i18n.js');
        setLanguage(language);
    }, language);
}

// By axe, in both colour schemes.
export async function accessible(page, place) {
    const isDark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
    const [colorScheme, other] = isDark ? ['dark', 'light'] : ['light', 'dark'];
    await page.emulateMedia({ colorScheme: other });
    // Of all that axe looks for only the contrast is another in the other scheme.
    await findsNothing(page, `${place}, ${other}`, ['color-contrast']);
    await page.emulateMedia({ colorScheme });
    await findsNothing(page, `${place}, ${colorScheme}`);
}

async function findsNothing(page, place, rules) {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
    const found = await page.evaluate(async (rules) => {
        const { violations } = await window.axe.run(document, {
            resultTypes: ['violations'],
            ...(rules && { runOnly: rules }),
        });
        return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html, any }) => [html.slice(0, 200), any[0]?.message])]);
    }, rules);
    assert.deepEqual(found, [], `axe at ${place}`);
}

// In the page. Nothing sticks out sideways or is cut off, every button is large enough for a thumb.
function misfits() {
    const found = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`scrolls sideways: ${scrollWidth} > ${clientWidth}`);
    const dialog = document.querySelector('dialog[open]');
    for (const element of (dialog ?? document).querySelectorAll('button, input, select, a, p, h1, h2, label, dd, li')) {
        if (!element.checkVisibility({ visibilityProperty: true })) continue;
        const { width, height, left, right, top, bottom } = element.getBoundingClientRect();
        const name = `${element.tagName} ${element.id || element.textContent.trim().slice(0, 30)}`;
        if (left < -0.5 || right > clientWidth + 0.5) found.push(`${name} sticks out: ${left} to ${right}`);
        if (element.matches('button, input, select') && (width < 44 || height < 44))
            found.push(`${name} is ${width} x ${height}`);
        if (element.matches('button, .button') && element.scrollWidth > element.clientWidth + 1)
            found.push(`${name} is too narrow for its text`);
        for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
            const { overflowY } = getComputedStyle(box);
            if (overflowY === 'auto') break; // one can scroll to it
            if (overflowY !== 'hidden') continue;
            const edge = box.getBoundingClientRect();
            if (top < edge.top - 1 || bottom > edge.bottom + 1 || right > edge.right + 1)
                found.push(`${name} is cut off by ${box.id || box.className}`);
        }
    }
    return found;
}
