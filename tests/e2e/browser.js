// Real browsers with a made-up camera and microphone, and people who use the pages in them: Chromium, where no
// other one is named.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, firefox } from 'playwright-core';
import { temporaryFolder } from '../support/certificate.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ARTIFACTS = here('artifacts');

export const CLIENT = here('../../client');
export const TIMEOUT = 60_000; // ms for anything a page is waited for

const FLAGS = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Host candidates on this machine's own addresses, also for pages without a camera.
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    '--allow-loopback-in-peer-connection',
];
const DEVICES = ['--use-fake-device-for-media-stream'];

// The same for Firefox.
const PREFERENCES = {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.peerconnection.ice.loopback': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    'media.autoplay.default': 0,
    'media.autoplay.blocking_policy': 0,
};

// What a person's browser has and allows; or 'firefox', with a camera.
const kinds = {
    camera: [...DEVICES, '--use-fake-ui-for-media-stream'],
    'no camera': ['--use-fake-ui-for-media-stream'],
    'three cameras': ['--use-fake-device-for-media-stream=device-count=3', '--use-fake-ui-for-media-stream'],
    microphone: ['--use-fake-device-for-media-stream=device-count=0', '--use-fake-ui-for-media-stream'],
    refused: [...DEVICES, '--use-fake-ui-for-media-stream=deny'],
};
const browsers = new Map(); // kind and trust -> promise of a Browser

async function browser(kind, trust) {
    const id = `${kind} ${trust}`;
    if (!browsers.has(id)) browsers.set(id, kind === 'firefox' ? launchFirefox() : launchChromium(kind, trust));
    return browsers.get(id);
}

function launchChromium(kind, trust) {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const env = trust ? { ...process.env, HOME: homeThatTrusts(trust) } : process.env;
    return chromium.launch({ executablePath, env, args: [...FLAGS, ...kinds[kind]] });
}

// Debian's own, over WebDriver BiDi.
function launchFirefox() {
    const executablePath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
    return firefox.launch({ channel: 'moz-firefox', executablePath, firefoxUserPrefs: PREFERENCES });
}

// TURN over TLS is for a certificate that the browser trusts: ignoreHTTPSErrors says nothing about it.
function homeThatTrusts(authority) {
    const home = mkdtempSync(join(temporaryFolder(), 'home-'));
    const database = join(home, '.pki/nssdb');
    mkdirSync(database, { recursive: true });
    const certutil = (...args) => execFileSync('certutil', ['-d', `sql:${database}`, ...args]);
    certutil('-N', '--empty-password');
    certutil('-A', '-t', 'C,,', '-n', 'test', '-i', authority);
    return home;
}

export async function closeBrowsers() {
    for (const launched of browsers.values()) await (await launched).close();
    browsers.clear();
}

// What a page gets for a picture, whatever it asks for: two cores encode and decode for all of them.
const CAMERA = { width: 320, height: 180, frameRate: 15 };

// Runs in the page before anything of ours: keeps its connections and sockets at hand, has a small
// picture, reports what CSP blocks.
function watchPage() {
    const { getUserMedia } = globalThis.MediaDevices?.prototype ?? {};
    if (getUserMedia)
        MediaDevices.prototype.getUserMedia = function ({ audio, video }) {
            const wish = typeof video === 'object' ? video : {};
            return getUserMedia.call(this, { audio, video: video && { ...wish, ...window.camera } });
        };
    window.connections = [];
    // What the test says of all connections, whatever the page wants of them.
    const forced = (config) => ({ ...config, ...window.forcedConfiguration });
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(config) {
            super(forced(config));
            window.connections.push(this);
        }

        setConfiguration(config) {
            super.setConfiguration(forced(config));
        }
    };
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...args) {
            super(...args);
            window.sockets.push(this);
        }

        // While window.held is an array, what arrives waits in it. window.late, where it is a function,
        // is given what arrives and decides when.
        set onmessage(handler) {
            super.onmessage =
                handler &&
                ((event) => {
                    const deliver = () => handler(event);
                    if (window.held) window.held.push(deliver);
                    else if (window.late) window.late(deliver);
                    else deliver();
                });
        }
    };
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        console.error(`CSP: ${violatedDirective} ${blockedURI}`),
    );
}

export class Person {
    problems = []; // console errors, uncaught errors, failed requests

    // t: the test, at whose end the person leaves and must have met no problem
    // kind: of browser; trust: path of an authority that it trusts; camera: its picture; rtc: of its RTCConfiguration, over what the page says; viewport, locale,
    // colorScheme: as in Playwright
    static async arrive(t, url, { name, kind = 'camera', trust, camera = CAMERA, rtc = {}, ...options } = {}) {
        const context = await (
            await browser(kind, trust)
        ).newContext({
            ignoreHTTPSErrors: true,
            locale: 'en-GB',
            viewport: { width: 1280, height: 800 },
            ...options,
        });
        context.setDefaultTimeout(TIMEOUT);
        await context.addInitScript(watchPage);
        await context.addInitScript(
            (forced) => void Object.assign(window, forced),
            { forcedConfiguration: rtc, camera },
        );
        const person = new Person(url, name, await context.newPage());
        t.after(async () => {
            await context.close();
            assert.deepEqual(person.problems, [], `${name} met problems`);
        });
        return person;
    }

    constructor(url, name, page) {
        Object.assign(this, { url, name, page });
        this.expected = null; // pattern of console errors that belong to the test
        page.on(
            'console',
            (message) => message.type() === 'error' && this.#problem(message.text()),
        );
        page.on('pageerror', (error) => this.#problem(String(error)));
        page.on(
            'response',
            (response) =>
                response.status() >= 400 && this.#problem(`${response.status()} ${response.url()}`),
        );
    }

    #problem(text) {
        if (!this.expected?.test(text)) this.problems.push(text);
    }

    open(path) {
        return this.page.goto(new URL(path, this.url).href);
    }

    // Through the door, into the room.
    async enter(room) {
        await this.open(`/?room=${encodeURIComponent(room)}`);
        await this.page.fill('#name', this.name);
        await this.goIn();
        await this.inside();
    }

    // Past the preview.
    async goIn() {
        await this.page.click('#join');
        await this.page.click('#enter-room');
    }

    async inside() {
        await this.page.locator('#house').waitFor();
        await this.page.waitForFunction(
            () =>
                document.getElementById('local').srcObject ||
                !document.getElementById('media-notice').hidden,
        );
    }

    row(name) {
        return this.page.locator('#people li', { has: this.page.getByText(name, { exact: true }) });
    }

    // Only clickable once the other one is there, and free.
    async call(other) {
        await this.row(other.name).getByRole('button').click();
    }

    async accept(other) {
        await this.page.locator('#ring-text', { hasText: other.name }).waitFor();
        await this.page.click('#accept');
    }

    async inCall() {
        await this.page.locator('#stage[data-call=connected]').waitFor();
    }

    async idle() {
        await this.page.locator('#stage[data-call=idle]').waitFor();
    }

    notice(text) {
        return this.page.locator('.notice:visible', { hasText: text }).first().waitFor();
    }

    async say(text) {
        if (!(await this.page.isVisible('#chat-field'))) await this.page.click('#chat-toggle');
        await this.page.fill('#chat-field', text);
        await this.page.press('#chat-field', 'Enter');
    }

    reads(text) {
        // Shown or, on a phone, waiting to be.
        return this.page
            .locator('#chat-log .theirs', { hasText: text })
            .waitFor({ state: 'attached' });
    }

    // Resolves when the picture of the other side moves on from where it is now: decoded by the
    // connection, and shown by the element.
    async seesMotion(selector = '.tile video, #remote') {
        const measure = async (selector) => {
            const video = document.querySelector(selector);
            let decoded = 0;
            for (const connection of window.connections) {
                for (const report of (await connection.getStats()).values()) {
                    if (report.type === 'inbound-rtp' && report.kind === 'video')
                        decoded += report.framesDecoded ?? 0;
                }
            }
            return { decoded, time: video.currentTime, width: video.videoWidth };
        };
        const before = await this.page.evaluate(measure, selector);
        const end = Date.now() + TIMEOUT;
        // Not waitForFunction, for which a promise of false is as good as true.
        for (let now = before; ; now = await this.page.evaluate(measure, selector)) {
            if (now.decoded >= before.decoded + 10 && now.time > before.time && now.width > 0)
                return now;
            if (Date.now() > end)
                throw new Error(`${this.name}: no motion: ${JSON.stringify([before, now])}`);
            await this.page.waitForTimeout(50);
        }
    }

    // Nothing from the server reaches the page until release().
    hold() {
        return this.page.evaluate(() => void (window.held = []));
    }

    release() {
        return this.page.evaluate(() => {
            const held = window.held;
            window.held = null;
            for (const deliver of held) deliver();
            return held.length;
        });
    }

    // What was held is lost.
    drop() {
        return this.page.evaluate(() => void (window.held = null));
    }

    // The peer-to-peer connections that are not closed.
    connections() {
        return this.page.evaluate(
            () =>
                window.connections.filter(({ signalingState }) => signalingState !== 'closed')
                    .length,
        );
    }

    async photo(name) {
        mkdirSync(ARTIFACTS, { recursive: true });
        await this.page.screenshot({ path: `${ARTIFACTS}/${name}.png` });
    }
}
