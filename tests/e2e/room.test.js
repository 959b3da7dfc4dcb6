// Coming into a room, being turned away, coming back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PLAIN, suite } from './suite.js';

suite('rooms', PLAIN, {}, (on) => {
    const arrive = (t, name, options) => Person.arrive(t, on.url, { name, ...options });

    test('a reload keeps the name, the room and the peer ID', async (t) => {
        const [ann, ben] = await Promise.all([arrive(t, 'Ann'), arrive(t, 'Ben')]);
        await Promise.all([ann.enter('reload'), ben.enter('reload')]);
        const peerOf = () => ben.row('Ann').getAttribute('data-peer');
        const before = await peerOf();
        await ann.page.reload();
        await ann.inside();
        assert.equal(await ann.page.textContent('#my-name'), 'Ann');
        assert.equal(await ann.page.textContent('#room-name'), 'reload');
        await ben.row('Ann').getByText('Ready to talk').waitFor();
        assert.equal(await peerOf(), before);
        await ann.row('Ben').waitFor();
    });

    test('a new tab knows the name but is somebody else', async (t) => {
        const ann = await arrive(t, 'Ann');
        await ann.enter('tabs');
        const tab = await ann.page.context().newPage();
        await tab.goto(ann.page.url());
        assert.equal(await tab.inputValue('#name'), 'Ann');
        await tab.click('#join');
        await tab.click('#enter-room');
        await tab.locator('#door-notice', { hasText: 'Ann is already here' }).waitFor();
        assert.equal(await tab.inputValue('#name'), 'Ann 2');
        await tab.click('#join');
        await tab.click('#enter-room');
        await tab.locator('#house').waitFor();
        await ann.row('Ann 2').waitFor();
    });

    test('rooms do not see each other', async (t) => {
        const [ann, ben, cem] = await Promise.all(
            ['Ann', 'Ben', 'Cem'].map((name) => arrive(t, name)),
        );
        await Promise.all([ann.enter('red'), ben.enter('blue'), cem.enter('red')]);
        await cem.row('Ann').waitFor();
        await ann.row('Cem').waitFor();
        assert.equal(await ann.page.locator('#people li').count(), 1);
        assert.ok(await ben.page.locator('#alone').isVisible());
    });

    test('a room name that cannot be is said at the door', async (t) => {
        const ann = await arrive(t, 'Ann');
        await ann.open('/?room=a/b');
        await ann.page.fill('#name', 'Ann');
        await ann.page.click('#join');
        await ann.notice('A room name can’t hold a slash');
        await ann.page.fill('#room', 'a b&c=ü한');
        await ann.page.click('#join');
        await ann.page.click('#enter-room');
        await ann.inside();
        assert.equal(await ann.page.textContent('#room-name'), 'a b&c=ü한');
        await ann.page.reload();
        await ann.inside();
    });

    test('leaving goes back to the door, and another room can be entered', async (t) => {
        const ann = await arrive(t, 'Ann');
        await ann.enter('first');
        await ann.page.click('#leave');
        await ann.page.locator('#door').waitFor();
        await ann.page.fill('#room', 'second');
        await ann.page.click('#join');
        await ann.page.click('#enter-room');
        await ann.inside();
        assert.equal(await ann.page.textContent('#room-name'), 'second');
    });

    test('while the server is silent one can go back, and into another room', async (t) => {
        const ann = await arrive(t, 'Ann');
        await ann.page.routeWebSocket(/\/silent\/ws$/, () => {});
        await ann.open('/?room=silent');
        await ann.page.fill('#name', 'Ann');
        await ann.goIn();
        await ann.notice('The server does not answer yet.');
        await ann.page.click('#prejoin-back');
        await ann.page.fill('#room', 'answering');
        await ann.goIn();
        await ann.inside();
        assert.equal(await ann.page.textContent('#room-name'), 'answering');
    });
});

suite('a small room', PLAIN, { config: { 'limits.peers_per_room': 2 } }, (on) => {
    test('a full room is said, and can be tried again', async (t) => {
        const [ann, ben, cem] = await Promise.all(
            ['Ann', 'Ben', 'Cem'].map((name) => Person.arrive(t, on.url, { name })),
        );
        await Promise.all([ann.enter('small'), ben.enter('small')]);
        await cem.open('/?room=small');
        await cem.page.fill('#name', 'Cem');
        await cem.page.click('#join');
        await cem.page.click('#enter-room');
        await cem.notice('This room is full.');
        await ben.page.click('#leave');
        await ann.page.locator('#alone').waitFor();
        await cem.page.click('#join');
        await cem.page.click('#enter-room');
        await cem.inside();
        await ann.row('Cem').waitFor();
    });
});
