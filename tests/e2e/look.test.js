// How it looks, place by place and state by state: see look.js. The pictures are in artifacts/.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { DESK, PHONE, look } from './look.js';
import { PLAIN, suite } from './suite.js';

const walks = [
    {
        title: 'desk',
        options: { ...DESK, locale: 'en-GB' },
        names: ['Ann', 'Ben', 'Cem'],
        refused: 'The browser may not use your camera and microphone.',
        fine: 'The network is fine.',
    },
    {
        title: 'phone',
        options: { ...PHONE, locale: 'ko-KR', colorScheme: 'dark' },
        names: ['김하늘', '이도윤', '박서준'],
        refused: '카메라와 마이크 사용이 차단되어 있습니다.',
        fine: '네트워크는 괜찮지만',
    },
];

suite('looks', PLAIN, {}, (on) => {
    for (const { title, options, names, refused, fine } of walks) {
        test(`${title}: every state of the application`, async (t) => {
            const [ann, ben, cem] = await Promise.all(
                names.map((name, i) => Person.arrive(t, on.url, { name, ...(i === 0 && options) })),
            );
            const { page } = ann;
            let step = 0;
            const at = (state) => look(ann, `${title}-${String(++step).padStart(2, '0')}-${state}`, options);
            const isPhone = title === 'phone';

            await ann.open(`/?room=${title}`);
            await at('home');
            await page.click('#invite-home');
            await page.locator('#invite-code path').waitFor({ state: 'attached' });
            await at('invitation');
            await page.click('#invite [data-close]');
            await page.fill('#name', ann.name);
            if (isPhone) {
                await page.fill('#room', 'a/b');
                await page.click('#join');
                await page.locator('#door-notice').waitFor();
                await at('home-refused');
                await page.fill('#room', title);
            }
            await page.click('#join');
            await page.locator('#preview:visible').waitFor();
            await at('preview');
            await page.click('#enter-room');
            await ann.inside();
            await at('alone');

            await Promise.all([ben.enter(title), cem.enter(title)]);
            await ann.row(cem.name).waitFor();
            await at('people');
            await ann.call(ben);
            await page.locator('#stage[data-call=calling]').waitFor();
            await at('calling');
            await ben.page.click('#decline');
            await ann.idle();
            if (isPhone) await at('declined');
            await ben.call(ann);
            await page.locator('#ring').waitFor();
            await at('incoming');

            await page.click('#accept');
            await ann.inCall();
            await page.locator('.tile[data-picture]').waitFor();
            if (isPhone) {
                await at('call');
                await page.click('#more');
                await at('call-more');
                await page.click('#people-toggle');
                await at('call-people');
            }
            await ben.say('안녕하세요! Can you hear me well?');
            await ben.page.setInputFiles('#attach-files', { name: 'picnic.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(70_000) });
            await ann.reads('picnic.jpg');
            await ann.say('Loud and clear. 아주 잘 들려요.');
            await at('call-chat');
            await page.click('[data-part=quality]');
            await page.locator('.details dd').nth(4).waitFor();
            await at('call-quality');
            await page.click('[data-part=quality]');
            await page.click('[data-part=safety]');
            await page.locator('#safety-code li').nth(7).waitFor();
            await at('call-safety');
            await page.click('#safety [data-close]');

            await ben.call(cem);
            await cem.accept(ben);
            await page.locator('.tile[data-call=connected][data-picture]').nth(1).waitFor();
            await at('group');
        });

        test(`${title}: where the camera is refused`, async (t) => {
            const ann = await Person.arrive(t, on.url, { name: names[0], kind: 'refused', ...options });
            const { page } = ann;
            await ann.open(`/?room=${title}-refused`);
            await page.fill('#name', ann.name);
            await page.click('#join');
            await page.locator('#prejoin-notice').waitFor();
            await look(ann, `${title}-refused-preview`, options);
            await page.click('#enter-room');
            await ann.inside();
            await ann.notice(refused);
            await look(ann, `${title}-refused`, options);

            await ann.open('/help.html');
            await look(ann, `${title}-help-before`, options);
            await page.click('#start');
            await page.locator('#verdict', { hasText: fine }).waitFor();
            const report = await page.inputValue('#report');
            assert.match(report, /^camera: failed \(NotAllowedError\)$/m);
            assert.match(report, /^websocket: ok/m);
            assert.match(report, /^turn-udp: none$/m);
            await look(ann, `${title}-help-after`, options);
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
