// Two people whose page is the SDK and nothing else: window.sdk, and window.room once they joined.

import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/certificate.js';
import { CLIENT, Person } from './browser.js';

const SMALL = { width: 160, height: 120, frameRate: 15 };

// A folder to serve: the client, and files of the test's own, { path: text }. Returns the server's args.
export function site(files = {}) {
    const folder = mkdtempSync(join(temporaryFolder(), 'site-'));
    cpSync(CLIENT, folder, { recursive: true });
    const blank = '<!doctype html><link rel="icon" href="favicon.svg"><title>blank</title>';
    for (const [path, text] of Object.entries({ 'blank.html': blank, ...files }))
        writeFileSync(join(folder, path), text);
    return ['--client', folder];
}

export async function arriveBare(t, url, options) {
    const person = await Person.arrive(t, url, { camera: SMALL, ...options });
    await openBare(person.page, url);
    return person;
}

export async function openBare(page, url) {
    await page.goto(new URL('/blank.html', url).href);
    await page.evaluate(async () => {
        window.sdk = await import('/roomline.js');
    });
}

// In a room under the name given; window.stream is sent in calls, window.call is the last one.
export function joinBare({ page }, room, { name, video = true, ...options } = {}) {
    return page.evaluate(
        async ({ room, name, video, options }) => {
            window.stream = video
                ? await navigator.mediaDevices.getUserMedia({ audio: true, video: true })
                : null;
            window.room = await window.sdk.join(room, { peer: name, name, ...options });
            window.room.on('call', ({ call }) => {
                window.call = call;
                call.accept({ stream: window.stream });
            });
            const screen = document.createElement('video');
            Object.assign(screen, { id: 'remote', autoplay: true, muted: true });
            document.body.append(screen);
        },
        { room, name, video, options },
    );
}

// One calls the other, who answers by itself; resolves when both are connected.
export async function callBare(caller, callee, peer, options = {}) {
    await caller.page.waitForFunction((peer) => window.room.peers.has(peer), peer);
    await caller.page.evaluate(
        ([peer, options]) => {
            window.call = window.room.call(peer, { stream: window.stream, ...options });
        },
        [peer, options],
    );
    await Promise.all(
        [caller, callee].map(async ({ page }) => {
            await page.waitForFunction(() => window.call?.state === 'connected');
            await page.evaluate(() => {
                document.getElementById('remote').srcObject = window.call.remoteStream;
            });
        }),
    );
}

const GUIDE = new URL('../../docs/sdk.md', import.meta.url);

// Which of these sizes, in bytes, the line of docs/sdk.md about `what` has not right: too small, or far too large.
export function wrongSizes(what, sizes) {
    const line = readFileSync(GUIDE, 'utf8').split('\n').find((line) => line.startsWith(`| ${what}`)) ?? '';
    const stated = [...line.matchAll(/(\d+\.\d) kB/g)].map(([, kilobytes]) => kilobytes * 1000);
    return sizes.filter((size, i) => !(size <= stated[i] && size > stated[i] - 500));
}
