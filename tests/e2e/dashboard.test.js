// The dashboard on the admin listener, in real Chromium; those it shows are made by hand.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TOKEN, WITH_ADMIN, ask } from '../support/admin.js';
import { Peer, freshRoom } from '../support/peer.js';
import { hide } from '../support/secrets.js';
import { startServer } from '../support/server.js';
import { ownServer } from '../support/suite.js';
import { dropConnections } from '../support/upgrade.js';
import { CLIENT, Person, closeBrowsers } from './browser.js';
import { accessible } from './look.js';

const FILES = `${CLIENT}/dashboard`;
const CONFIG = { 'admin.dashboard': FILES };
const PHONE = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const HOUSE = '/dashboard/';

hide(TOKEN);

function report(peer, outcome, reason, more) {
    peer.send({ type: 'report', call: { outcome, reason, ...more } });
}

after(closeBrowsers);

describe('dashboard', () => {
    let server;
    before(async () => {
        const args = ['--client', CLIENT];
        server = await startServer({ ...WITH_ADMIN, workers: 2, config: CONFIG, args });
    });
    after(async () => {
        dropConnections();
        await server?.stop();
    });

    /** An operator at the door, with every request of the page in `requests`. */
    async function arrive(t, options = {}) {
        const person = await Person.arrive(t, server.adminUrl, { name: 'operator', ...options });
        person.requests = [];
        person.page.on('request', (request) => person.requests.push(request));
        await person.open(options.path ?? '/');
        return person;
    }

    async function signIn({ page }, token = TOKEN) {
        await page.fill('#token', token);
        await page.press('#token', 'Enter');
    }

    async function enter(t, options) {
        const person = await arrive(t, options);
        await signIn(person);
        await person.page.locator('#house').waitFor();
        return person;
    }

    /** Finds the room and opens it. */
    async function look({ page }, room) {
        await page.fill('#prefix', room);
        await page.getByRole('button', { name: room }).first().click();
        await page.locator('#room[open]').waitFor();
    }

    /** Two peers in a room of their own. */
    async function pair() {
        const room = freshRoom('board');
        const ann = await Peer.join(server, { room, peer: 'ann', info: { name: '<b>Ann</b>' }, worker: 0 });
        const bob = await Peer.join(server, { room, peer: 'bob', worker: 1 });
        await ann.expect('peer-joined', { peer: 'bob' });
        return { room, ann, bob };
    }

    test('the token is kept in this tab only, and goes into the header only', async (t) => {
        const person = await enter(t);
        const { page } = person;
        assert.equal(new URL(page.url()).pathname, HOUSE);
        await page.locator('#charts li').first().waitFor();
        assert.equal(await page.evaluate(() => JSON.stringify([localStorage.length, document.cookie])), '[0,""]');
        for (const request of person.requests) {
            assert.ok(!request.url().includes(TOKEN));
            const { authorization } = await request.allHeaders();
            const isAsking = /\/(v1\/.*|metrics)$/.test(request.url()) && request.method() !== 'OPTIONS';
            assert.equal(authorization, isAsking ? `Bearer ${TOKEN}` : undefined, request.url());
        }
        await page.reload();
        await page.locator('#house').waitFor();
        await page.click('#sign-out');
        await page.locator('#door').waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        await page.reload();
        await page.locator('#door').waitFor();
    });

    test('a wrong token is refused and not kept', async (t) => {
        const person = await arrive(t);
        const { page } = person;
        person.expected = /401/;
        for (const wrong of ['wrong-token-0123456789', '잘못된 토큰']) {
            await signIn(person, wrong);
            await page.locator('#refused', { hasText: 'not valid' }).waitFor();
            assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        }
        await signIn(person);
        await page.locator('#house').waitFor();
        assert.ok(await page.locator('#refused').isHidden());
    });

    test('what is going on is drawn, and told in numbers', async (t) => {
        const { ann } = await pair();
        for (const outcome of ['connected', 'connected', 'connected', 'failed', 'cancelled'])
            report(ann, outcome, outcome === 'failed' ? 'ice-failed' : 'hangup');
        report(ann, 'connected', 'hangup', { local: 'host', remote: 'relay', connectTime: 800, iceRestarts: 2 });
        await ann.settle();
        const { page } = await enter(t);
        const chart = (name) => page.locator('#charts li', { hasText: name });
        await chart('Peers').locator('b', { hasText: /^[2-9]/ }).waitFor();
        await page.waitForFunction(() =>
            [...document.querySelectorAll('#charts .line')].some((line) => /^M[\d.]+ [\d.]+L/.test(line.getAttribute('d'))),
        );
        await page.locator('#call-success', { hasText: '80 %' }).waitFor();
        assert.match(await page.textContent('#reasons'), /TURN server\?1$/);
        assert.match(await page.textContent('#ways'), /p95[\d.]+ s.*relay100 %.*restarts2host – relay100 %$/);
        const { json } = await ask(server, 'GET', '/v1/instances');
        await page.locator('#instances', { hasText: json.instances[0].instance }).waitFor();
        await page.locator('#state', { hasText: 'Live' }).waitFor();
    });

    test('whose charts these are is said, and where those of the others are', async (t) => {
        const { json } = await ask(server, 'GET', '/v1/instances');
        const another = { ...json.instances[0], instance: 'another-one' };
        const person = await arrive(t, PHONE);
        const { page } = person;
        await signIn(person);
        await page.locator('h2', { hasText: `Now of ${json.self}` }).waitFor();
        await page.locator('h2', { hasText: `Calls of ${json.self}` }).waitFor();
        assert.ok(await page.locator('#others').isHidden());
        await page.route('**/v1/instances', (route) =>
            route.fulfill({ json: { ...json, instances: [another, ...json.instances] } }),
        );
        await page.locator('#others', { hasText: 'Grafana' }).waitFor();
        await fits(page, 'others');
    });

    test('a room is found, and its peers are seen coming and going', async (t) => {
        const { room, ann, bob } = await pair();
        const other = await Peer.join(server, { room: freshRoom('other') });
        const person = await enter(t);
        const { page } = person;
        await page.locator('#rooms li', { hasText: other.room }).waitFor();
        await look(person, room);
        assert.equal(await page.locator('#rooms li').count(), 1);
        await page.locator('#peers li', { hasText: 'ann' }).waitFor();
        assert.match(await page.textContent('#peers'), /here since .*127\.0\.0\.1.*\{"name":"<b>Ann<\/b>"\}/);
        await bob.lose();
        await page.locator('#peers li', { hasText: 'away since' }).waitFor();
        await ann.leave();
        await page.locator('#peers li', { hasText: 'ann' }).waitFor({ state: 'detached' });
        await page.keyboard.press('Escape');
        await page.locator('#room').waitFor({ state: 'hidden' });
        await page.fill('#prefix', 'no-such-room');
        await page.locator('#rooms-empty').waitFor();
    });

    test('a notice reaches everybody, or the one that was chosen', async (t) => {
        const { room, ann, bob } = await pair();
        const person = await enter(t);
        const { page } = person;
        await look(person, room);
        const send = async (text, to) => {
            await page.locator('#notice-to option', { hasText: to }).waitFor({ state: 'attached' });
            await page.selectOption('#notice-to', { label: to });
            await page.fill('#notice-text', text);
            await page.press('#notice-text', 'Enter');
        };
        await send('점심에 닫습니다', 'Everybody here');
        await page.locator('#said', { hasText: 'Sent to 2.' }).waitFor();
        for (const peer of [ann, bob]) await peer.until('notice', { data: { text: '점심에 닫습니다' } });
        await send('only you', 'bob');
        await page.locator('#said', { hasText: 'Sent to 1.' }).waitFor();
        await bob.until('notice', { data: { text: 'only you' } });
        await ann.quiet();
    });

    test('a peer is removed and kept out, but not without being asked about', async (t) => {
        const { room, ann, bob } = await pair();
        const person = await enter(t);
        const { page } = person;
        await look(person, room);
        await page.getByRole('button', { name: 'Remove bob' }).click();
        await page.click('#no');
        await bob.quiet();
        await page.getByRole('button', { name: 'Remove bob' }).click();
        await page.selectOption('#ban-time', '3600');
        await page.click('#yes');
        await bob.expectClose(4005);
        await ann.until('peer-left', { peer: 'bob', reason: 'kicked' });
        await page.locator('#said', { hasText: 'bob is out.' }).waitFor();
        await page.locator('#room-facts', { hasText: '1 banned' }).waitFor();
        await assert.rejects(Peer.join(server, { room, peer: 'bob' }), /forbidden/);
    });

    test('a room is closed', async (t) => {
        const { room, ann, bob } = await pair();
        const person = await enter(t);
        const { page } = person;
        person.expected = /404/;
        await look(person, room);
        await page.locator('#peers li').nth(1).waitFor();
        await page.click('#room-close');
        assert.match(await page.textContent('#confirm-text'), /All 2 in it/);
        await page.click('#yes');
        for (const peer of [ann, bob]) await peer.expectClose(4004);
        await page.locator('#room-facts', { hasText: 'no more' }).waitFor();
    });

    test('a token that is good no more leads back to the door', async (t) => {
        const person = await enter(t);
        person.expected = /401/;
        await person.page.evaluate(() => sessionStorage.setItem('roomline-admin-token', 'another-token-0123456789'));
        await person.page.locator('#refused', { hasText: 'not valid' }).waitFor();
    });

    const looks = [
        { title: 'desk', options: {} },
        { title: 'desk-dark', options: { colorScheme: 'dark' } },
        { title: 'phone-ko-dark', options: { ...PHONE, locale: 'ko-KR', colorScheme: 'dark' } },
    ];
    for (const { title, options } of looks)
        test(`${title}: it fits, can be touched, and speaks its language`, async (t) => {
            const { room, ann } = await pair();
            report(ann, 'failed', 'ice-failed');
            await ann.settle();
            const person = await arrive(t, options);
            const { page } = person;
            const shot = async (name) => {
                await fits(page, name);
                if (title !== 'desk-dark') await accessible(page, name); // in both colour schemes
                await person.photo(`dashboard-${title}-${name}`);
            };
            await page.locator('#door').waitFor();
            assert.equal(await page.textContent('#sign-in button'), options.locale ? '열기' : 'Open');
            await shot('1-door');
            await signIn(person);
            await page.locator('#charts li').first().waitFor();
            await page.locator('#calls').waitFor();
            await shot('2-house');
            await look(person, room);
            await page.locator('#peers li').first().waitFor();
            await shot('3-room');
            await page.locator('#peers button').first().click();
            await shot('4-remove');
        });

    test('the other language is one press away, and has the same words', async (t) => {
        const { page } = await arrive(t);
        await page.locator('#door').waitFor();
        await page.click('#language');
        await page.locator('#sign-in button', { hasText: '열기' }).waitFor();
        assert.equal(await page.getAttribute('html', 'lang'), 'ko');
        const keys = await page.evaluate(async () => {
            const { words } = await import('./words.js');
            return Object.values(words).map((set) => Object.keys(set).sort());
        });
        assert.ok(keys[0].length > 50);
        assert.deepEqual(keys[0], keys[1]);
    });

    test('where it is no admin listener it asks for no token', async (t) => {
        const person = await Person.arrive(t, server.url, { name: 'visitor' });
        person.expected = /40[45]/;
        await person.open(HOUSE);
        await person.page.locator('#elsewhere', { hasText: 'admin.listen' }).waitFor();
        assert.ok(await person.page.locator('#token').isHidden());
    });
});

test('dashboard: without a token configured it says what to do', async (t) => {
    const server = await ownServer(t, { admin: true, config: CONFIG });
    t.after(closeBrowsers);
    const person = await Person.arrive(t, server.adminUrl, { name: 'operator', ...PHONE, locale: 'ko-KR' });
    await person.open('/');
    await person.page.locator('#setup', { hasText: '관리 토큰이 필요합니다' }).waitFor();
    await fits(person.page, 'setup');
    await person.page.click('#language');
    await person.page.locator('#setup', { hasText: 'An admin token is needed' }).waitFor();
    assert.match(await person.page.textContent('pre'), /ROOMLINE_ADMIN_TOKEN/);
});

// Nothing sticks out sideways, and whatever is touched is large enough for a thumb.
async function fits(page, name) {
    const faults = await page.evaluate(() => {
        const found = [];
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth > clientWidth) found.push(`scrolls sideways: ${scrollWidth} > ${clientWidth}`);
        for (const element of document.querySelectorAll('button, input, select')) {
            const { width, height, left, right } = element.getBoundingClientRect();
            if (width === 0) continue; // not shown
            const name = element.id || element.textContent.trim();
            if (width < 44 || height < 44) found.push(`${name} is ${width} x ${height}`);
            if (left < 0 || right > clientWidth) found.push(`${name} is cut off`);
        }
        return found;
    });
    assert.deepEqual(faults, [], name);
}
