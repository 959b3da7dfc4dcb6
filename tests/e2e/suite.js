// One server, the browsers, and a set of tests against them.

import { after, before, describe } from 'node:test';
import { startServer } from '../support/server.js';
import { CLIENT, closeBrowsers } from './browser.js';

const LOCAL = { name: 'http://localhost', tls: false };
const SECURE = { name: 'https, self-signed', tls: true };

// What a page does is the same on both: the tutorial is read on both, the rest on the one that shows more.
export const BOTH = [LOCAL, SECURE];
export const PLAIN = [LOCAL];
export const TLS = [SECURE];

// define(on) is to call test(); on.url is the server's once they run.
export function suite(name, modes, options, define) {
    for (const { name: mode, tls } of modes) {
        describe(`${name}: ${mode}`, () => {
            const on = { server: null, url: null };
            before(async () => {
                on.server = await startServer({
                    workers: 2,
                    tls,
                    args: ['--client', CLIENT],
                    ...options,
                });
                on.url = on.server.url.replace('127.0.0.1', 'localhost');
            });
            after(async () => {
                await closeBrowsers();
                await on.server?.stop();
            });
            define(on);
        });
    }
}
