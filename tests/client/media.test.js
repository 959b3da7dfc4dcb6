// My camera and microphone, which are asked for once and given back.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Media } from '../../client/app/media/media.js';
import { FakeStream, FakeTrack } from './fake_rtc.js';

const replaced = ['navigator', 'localStorage', 'RTCPeerConnection'];
let asked, before;

// A browser that asks its user, who takes time to answer.
beforeEach(() => {
    before = replaced.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
    asked = [];
    const getUserMedia = () => new Promise((resolve) => asked.push(resolve));
    const fakes = [{ mediaDevices: { getUserMedia } }, { getItem: () => null }, class {}];
    replaced.forEach((name, i) => Object.defineProperty(globalThis, name, { value: fakes[i], configurable: true }));
});

afterEach(() => {
    for (const [name, own] of before)
        if (own) Object.defineProperty(globalThis, name, own);
        else delete globalThis[name];
});

const both = () => {
    const [audio, video] = [new FakeTrack('audio'), new FakeTrack('video')];
    return Object.assign(new FakeStream(audio, video), { getAudioTracks: () => [audio] });
};
const isStopped = (stream) => stream.getTracks().every((track) => track.isStopped);

test('it is asked for once, until it is given back', async () => {
    const media = new Media();
    const opening = [media.open(), media.open()];
    const stream = both();
    asked[0](stream);
    assert.deepEqual(await Promise.all(opening), [media, media]);
    assert.deepEqual([asked.length, media.stream, media.problem], [1, stream, null]);
    media.close();
    assert.deepEqual([isStopped(stream), media.stream], [true, null]);
});

test('what is given after all, when it was asked for again meanwhile, does not stay on', async () => {
    const media = new Media();
    const early = media.open();
    media.close();
    const late = media.open();
    const streams = [both(), both()];
    asked.forEach((give, i) => give(streams[i]));
    await Promise.all([early, late]);
    assert.equal(media.stream, streams[1]);
    assert.deepEqual(streams.map(isStopped), [true, false]);
});
