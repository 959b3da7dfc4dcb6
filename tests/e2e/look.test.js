// How it looks: two languages, a phone and a desk, light and dark. The pictures are in artifacts/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PLAIN, suite } from './suite.js';

const PHONE = {
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
};
const SMALL = {
    viewport: { width: 320, height: 568 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
};
const DESK = { viewport: { width: 1280, height: 800 } };

const looks = [
    { title: 'desk', options: DESK, join: 'Join', call: 'Call', accept: 'Accept' },
    {
        title: 'desk-dark',
        options: { ...DESK, colorScheme: 'dark' },
        join: 'Join',
        call: 'Call',
        accept: 'Accept',
    },
    { title: 'phone', options: PHONE, join: 'Join', call: 'Call', accept: 'Accept' },
    {
        title: 'phone-ko-dark',
        options: { ...PHONE, locale: 'ko-KR', colorScheme: 'dark' },
        join: '들어가기',
        call: '통화',
        accept: '받기',
    },
    {
        title: 'small-ko',
        options: { ...SMALL, locale: 'ko-KR' },
        join: '들어가기',
        call: '통화',
        accept: '받기',
    },
];

suite('looks', PLAIN, {}, (on) => {
    for (const { title, options, join, call, accept } of looks) {
        test(`${title}: every place fits, can be touched, and speaks its language`, async (t) => {
            const ann = await Person.arrive(t, on.url, {
                name: options.locale ? '김하늘' : 'Ann',
                ...options,
            });
            const ben = await Person.arrive(t, on.url, { name: options.locale ? '이도윤' : 'Ben' });
            const { page } = ann;
            const look = async (place) => {
                await fits(page, place);
                await ann.photo(`${title}-${place}`);
            };

            await ann.open(`/?room=${title}`);
            await look('1-door');
            assert.equal(await page.textContent('#join'), join);
            await page.fill('#name', ann.name);
            await page.click('#join');
            await page.locator('#preview:visible').waitFor();
            await look('1-preview');
            await page.click('#enter-room');
            await ann.inside();
            await look('2-alone');

            await ben.enter(title);
            await ann.row(ben.name).waitFor();
            assert.equal((await ann.row(ben.name).getByRole('button').textContent()).trim(), call);
            await look('3-people');

            await ann.call(ben);
            await page.locator('#stage[data-call=calling]').waitFor();
            await look('4-calling');
            await page.click('#hang-up');
            await ben.idle();
            await ben.call(ann);
            await page.locator('#ring').waitFor();
            await look('5-ringing');
            assert.equal((await page.textContent('#accept')).trim(), accept);

            await page.click('#accept');
            await ann.inCall();
            await ann.seesMotion();
            await page.locator('.tile[data-picture]').waitFor();
            await look('6-call');
            await ben.say('안녕하세요! Can you hear me well?');
            await ann.reads('Can you hear me');
            await ann.say('Loud and clear. 아주 잘 들려요.');
            await look('7-chat');
        });
    }

    test('?lang= overrides the browser', async (t) => {
        const ann = await Person.arrive(t, on.url, { name: 'Ann', locale: 'de-DE' });
        await ann.open('/');
        assert.equal(await ann.page.textContent('#join'), 'Join');
        await ann.open('/?lang=ko');
        assert.equal(await ann.page.textContent('#join'), '들어가기');
        assert.equal(await ann.page.getAttribute('html', 'lang'), 'ko');
        const korean = await Person.arrive(t, on.url, { name: '하늘', locale: 'ko-KR' });
        await korean.open('/?lang=en');
        assert.equal(await korean.page.textContent('#join'), 'Join');
    });
});

// Nothing sticks out sideways, and every button is large enough for a thumb.
async function fits(page, place) {
    const faults = await page.evaluate(() => {
        const found = [];
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth > clientWidth)
            found.push(`scrolls sideways: ${scrollWidth} > ${clientWidth}`);
        for (const button of document.querySelectorAll('button, input')) {
            const { width, height, left, right } = button.getBoundingClientRect();
            const name = button.id || button.textContent.trim();
            if (width === 0) continue; // not shown
            if (width < 44 || height < 44) found.push(`${name} is ${width} x ${height}`);
            if (left < 0 || right > clientWidth) found.push(`${name} is cut off`);
            if (button.scrollWidth > button.clientWidth + 1 && button.tagName === 'BUTTON')
                found.push(`${name} is too narrow for its text`);
        }
        const title = document.getElementById('room-name');
        if (title.scrollWidth > title.clientWidth) found.push('the name of the room is cut off');
        return found;
    });
    assert.deepEqual(faults, [], place);
}
