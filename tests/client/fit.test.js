// How small a picture is sent, with so many calls.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitPictures } from '../../client/app/call/fit.js';

function fakeCall(kind = 'video') {
    const call = { times: 0, encoding: { scaleResolutionDownBy: 1 } };
    const sender = {
        track: { kind },
        getParameters: () => ({ encodings: [{ ...call.encoding }] }),
        async setParameters({ encodings }) {
            [call.encoding] = encodings;
            call.times++;
        },
    };
    return Object.assign(call, { pc: { getSenders: () => [sender, { track: null }] } });
}

const state = ({ encoding, times }) => [encoding.scaleResolutionDownBy, encoding.maxBitrate, times];

test('the more calls the smaller, and nothing is set that is so already', () => {
    const calls = Array.from({ length: 5 }, () => fakeCall());
    const [first] = calls;
    fitPictures([first], false);
    assert.deepEqual(state(first), [1, undefined, 0]);
    for (let twice = 0; twice < 2; twice++) fitPictures(calls, false);
    assert.deepEqual(state(first), [3, 350_000, 1]);
    for (let twice = 0; twice < 2; twice++) fitPictures(calls, true); // a screen
    assert.deepEqual(state(first), [1, 350_000, 2]);
    fitPictures([first], false);
    assert.deepEqual(state(first), [1, undefined, 3]);
});

test('what has no picture, or no connection yet, is left alone', () => {
    const sound = fakeCall('audio');
    fitPictures([sound, { pc: null }, sound], false);
    assert.equal(sound.times, 0);
});
