// Both sides of a call renegotiate at random moments while what they say to each other is late at
// random, and at times out of order. After each round both must be stable, and agree; media must flow.
// SEED=n repeats a run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arriveBare, callBare, joinBare, site } from './bare.js';
import { PLAIN, suite } from './suite.js';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const PAIRS = 2; // at once, each with a seed of its own: most of the time they only wait
const ROUNDS = 100; // of each
const LOOK_EVERY = 20; // rounds between two looks at the picture

suite('glare', PLAIN, { args: site() }, (on) => {
    test(`${PAIRS} times ${ROUNDS} rounds of renegotiation on both sides, seed ${SEED}`, (t) =>
        Promise.all(Array.from({ length: PAIRS }, (_, i) => renegotiate(t, on.url, SEED + 2 * i))));
});

async function renegotiate(t, url, seed) {
    const [ann, ben] = await Promise.all(
        ['ann', 'ben'].map((name) => arriveBare(t, url, { name })),
    );
    const both = [ann, ben];
    const onBoth = (run, value) => Promise.all(both.map(({ page }) => page.evaluate(run, value)));
    await Promise.all(both.map((person) => joinBare(person, `glare-${seed}`, { name: person.name })));
    await callBare(ann, ben, 'ben');
    await Promise.all(both.map((person, i) => person.page.evaluate(prepare, seed + i)));

    for (let round = 1; round <= ROUNDS; round++) {
        const state = `seed ${seed}, round ${round}`;
        await onBoth((inOrder) => window.act(inOrder), round % 3 !== 0);
        const [one, other] = await settled(onBoth, state);
        assert.deepEqual(one.lines, other.lines.map(mirrored), state);
        if (round % LOOK_EVERY === 0) {
            await onBoth(() => window.show());
            await settled(onBoth, state);
            await Promise.all(both.map((person) => person.seesMotion()));
        }
    }
    assert.deepEqual([await ann.connections(), await ben.connections()], [1, 1]);
    const offers = await onBoth(() => window.offers);
    t.diagnostic(`seed ${seed}, offers made: ${offers}`);
    assert.ok(Math.min(...offers) > ROUNDS / 4);
}

const MIRROR = { sendonly: 'recvonly', recvonly: 'sendonly' };

// A line is 'mid direction'.
function mirrored(line) {
    const [mid, direction] = line.split(' ');
    return `${mid} ${MIRROR[direction] ?? direction}`;
}

// Nothing happens on either side, nor has since the look before.
async function settled(onBoth, state) {
    const end = Date.now() + 20_000;
    for (let last; ; ) {
        const now = await onBoth(() => window.quiet());
        const { quiet, text } = { quiet: now.every((side) => side.quiet), text: JSON.stringify(now) };
        if (quiet && text === last) return now;
        last = text;
        assert.ok(Date.now() < end, `${state}: ${text}`);
    }
}

// In the page: makes window.act(), show() and quiet().
function prepare(seed) {
    const { pc } = window.call;
    const { stream } = window;
    let moves = 0; // whatever happened
    let under = 0; // messages on their way
    let latest = 0; // when the last of those comes
    let inOrder = true;
    window.offers = 0;

    function random() {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

    window.late = async (deliver) => {
        under++;
        moves++;
        const now = performance.now();
        let at = now + random() * 20;
        if (inOrder) at = latest = Math.max(at, latest);
        await wait(at - now);
        under--;
        deliver();
    };
    pc.addEventListener('signalingstatechange', () => {
        moves++;
        if (pc.signalingState === 'have-local-offer') window.offers++;
    });

    const [video] = stream.getVideoTracks();
    const ofVideo = () => pc.getTransceivers().find(({ mid }) => mid === '1');
    const acts = [
        () => pc.restartIce(),
        () => pc.restartIce(),
        () => window.call.setTrack('video', video),
        () => window.call.setTrack('video', null),
        () => (ofVideo().direction = random() < 0.5 ? 'sendonly' : 'recvonly'),
        () => (ofVideo().direction = 'sendrecv'),
        () => pc.getTransceivers().length < 6 && pc.addTransceiver(video, { direction: 'inactive' }),
        () => {
            const more = pc.getTransceivers().filter(({ mid }) => mid !== '1' && mid !== '0');
            if (more.length) more.at(-1).direction = random() < 0.5 ? 'sendrecv' : 'inactive';
        },
    ];

    window.act = async (keepOrder) => {
        inOrder = keepOrder;
        for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
            await wait(random() * 12);
            await acts[Math.floor(random() * acts.length)]();
            moves++;
        }
    };
    // So that there is a picture both ways.
    window.show = async () => {
        await window.call.setTrack('video', video);
        ofVideo().direction = 'sendrecv';
    };
    window.quiet = async () => {
        await wait(10);
        const lines = pc
            .getTransceivers()
            .filter(({ mid }) => mid !== null)
            .map(({ mid, currentDirection }) => `${mid} ${currentDirection}`)
            .sort();
        const { signalingState, connectionState } = pc;
        const isSettled = pc
            .getTransceivers()
            .every(({ mid, direction, currentDirection }) =>
                mid !== null && agrees(direction, currentDirection),
            );
        const quiet =
            under === 0 && isSettled && signalingState === 'stable' && connectionState === 'connected';
        return { quiet, moves, lines, signalingState, connectionState };
    };

    // The direction in force is no more than what is wished for.
    function agrees(wished, inForce) {
        const parts = (direction) => (direction === 'sendrecv' ? ['send', 'recv'] : [direction]);
        return (
            inForce === 'inactive' ||
            wished === 'sendrecv' ||
            parts(inForce).every((part) => wished === part || wished.startsWith(part))
        );
    }
}
