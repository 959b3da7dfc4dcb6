// Calls between people in one room.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './browser.js';
import { PLAIN, suite } from './suite.js';

suite('calls', PLAIN, {}, (on) => {
    const arrive = (t, ...names) =>
        Promise.all(names.map((name) => Person.arrive(t, on.url, { name })));

    async function talking(t, room, callerName, calleeName) {
        const [caller, callee] = await arrive(t, callerName, calleeName);
        await Promise.all([caller.enter(room), callee.enter(room)]);
        await caller.call(callee);
        await callee.accept(caller);
        await Promise.all([caller.inCall(), callee.inCall()]);
        return [caller, callee];
    }

    test('two people see each other, chat, and hang up', async (t) => {
        const [ann, ben] = await talking(t, 'two', 'Ann', 'Ben');
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);

        await ann.say('Hello Ben');
        await ben.reads('Hello Ben');
        await ben.say('안녕 <b>Ann</b>');
        await ann.reads('안녕 <b>Ann</b>');

        await ben.page.click('#hang-up');
        await Promise.all([ann.idle(), ben.idle()]);
        await ann.notice('The call with Ben is over.');
        assert.deepEqual([await ann.connections(), await ben.connections()], [0, 0]);
    });

    test('both press CALL at once and are in one call', async (t) => {
        const [ann, ben] = await arrive(t, 'Ann', 'Ben');
        await Promise.all([ann.enter('glare'), ben.enter('glare')]);
        await Promise.all([ann.row('Ben').waitFor(), ben.row('Ann').waitFor()]);
        // Neither hears of the other's call before having made its own.
        await Promise.all([ann.hold(), ben.hold()]);
        await Promise.all([ann.call(ben), ben.call(ann)]);
        const isCalling = ({ page }) => page.locator('#stage[data-call=calling]').waitFor();
        await Promise.all([isCalling(ann), isCalling(ben)]);
        await Promise.all([ann.release(), ben.release()]);

        await Promise.all([ann.inCall(), ben.inCall()]);
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
        await ann.say('one call');
        await ben.reads('one call');
        assert.deepEqual([await ann.connections(), await ben.connections()], [1, 1]);
    });

    test('both renegotiate at once and the call goes on', async (t) => {
        const people = await talking(t, 'collision', 'Ann', 'Ben');
        // Chromium may never show a track that a rollback meets before its first frame.
        await Promise.all(people.map((person) => person.seesMotion()));
        const onBoth = (what) => Promise.all(people.map(({ page }) => what(page)));
        const stateIs = (state) =>
            onBoth((page) =>
                page.waitForFunction(
                    (state) => window.connections[0].signalingState === state,
                    state,
                ),
            );
        await stateIs('stable');
        await Promise.all(people.map((person) => person.hold()));
        await onBoth((page) => page.evaluate(() => window.connections[0].restartIce()));
        await stateIs('have-local-offer');
        await Promise.all(people.map((person) => person.release()));
        await stateIs('stable');
        await onBoth((page) =>
            page.waitForFunction(() => window.connections[0].iceGatheringState === 'complete'),
        );
        await Promise.all(people.map((person) => person.inCall()));
        await Promise.all(people.map((person) => person.seesMotion()));
    });

    test('a third and a fourth make a second call without disturbing the first', async (t) => {
        const [ann, ben] = await talking(t, 'four', 'Ann', 'Ben');
        await ann.seesMotion();
        const [cem, dee] = await talking(t, 'four', 'Cem', 'Dee');
        const people = [ann, ben, cem, dee];
        await Promise.all(people.map((person) => person.seesMotion()));
        assert.deepEqual(
            await Promise.all(people.map((person) => person.connections())),
            [1, 1, 1, 1],
        );

        await cem.say('only for Dee');
        await dee.reads('only for Dee');
        assert.equal(await ann.page.locator('#chat-log li').count(), 0);
        await cem.page.click('#hang-up');
        await dee.idle();
        await Promise.all([ann.seesMotion(), ben.seesMotion()]);
    });

    test('somebody in a call cannot be called', async (t) => {
        const [ann] = await talking(t, 'busy', 'Ann', 'Ben');
        const [cem] = await arrive(t, 'Cem');
        await cem.enter('busy');
        await cem.row('Ann').getByText('In a call').waitFor();
        assert.ok(await cem.row('Ann').getByRole('button').isDisabled());
        await ann.page.click('#hang-up');
        await cem.row('Ann').getByText('Ready to talk').waitFor();
        assert.ok(await cem.row('Ann').getByRole('button').isEnabled());
    });

    test('a call can be declined, and called off', async (t) => {
        const [ann, ben] = await arrive(t, 'Ann', 'Ben');
        await Promise.all([ann.enter('no'), ben.enter('no')]);
        await ann.call(ben);
        await ben.page.click('#decline');
        await ann.notice('Ben can’t talk now.');
        await ann.idle();

        await ann.call(ben);
        await ben.page.locator('#ring').waitFor();
        await ann.page.click('#hang-up');
        await ben.page.locator('#ring').waitFor({ state: 'hidden' });
        await ben.notice('You missed a call from Ann.');
    });

    test('whoever leaves or reloads ends the call for the other', async (t) => {
        const [ann, ben] = await talking(t, 'gone', 'Ann', 'Ben');
        await ben.page.reload();
        await ann.idle();
        await ben.inside();

        await ann.call(ben);
        await ben.accept(ann);
        await ann.inCall();
        await ben.page.click('#leave');
        await ann.idle();
        await ann.page.locator('#alone').waitFor();
    });

    test('microphone and camera can be turned off and on', async (t) => {
        const [ann, ben] = await talking(t, 'mute', 'Ann', 'Ben');
        const enabled = () =>
            ann.page.evaluate(() =>
                window.connections[0]
                    .getSenders()
                    .filter(({ track }) => track)
                    .map(({ track }) => [track.kind, track.enabled]),
            );
        await ann.page.click('#camera');
        assert.deepEqual(Object.fromEntries(await enabled()), { audio: true, video: false });
        await ann.page.click('#microphone');
        assert.deepEqual(Object.fromEntries(await enabled()), { audio: false, video: false });
        await ann.page.click('#camera');
        await ben.seesMotion();
    });

    test('without a camera one still sees the other', async (t) => {
        const [ann] = await arrive(t, 'Ann');
        const blind = await Person.arrive(t, on.url, { name: 'Ben', kind: 'no camera' });
        await Promise.all([ann.enter('blind'), blind.enter('blind')]);
        await blind.notice('No camera or microphone was found.');
        await blind.call(ann);
        await ann.accept(blind);
        await Promise.all([ann.inCall(), blind.inCall()]);
        await blind.seesMotion();
        await ann.page.locator('.tile .avatar').waitFor(); // a name in place of the picture
        await blind.page.locator('.tile .avatar').waitFor({ state: 'hidden' });
        await blind.page.click('#hang-up');
        await ann.idle();

        await ann.call(blind);
        await blind.accept(ann);
        await Promise.all([ann.inCall(), blind.inCall()]);
        await blind.seesMotion();
    });
});
