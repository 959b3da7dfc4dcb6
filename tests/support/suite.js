// One server shared by the tests of a suite, run in each of the ways a server may be set up.

import { after, before, describe } from 'node:test';
import { startServer } from './server.js';
import { dropConnections } from './upgrade.js';

export const PLAIN = { name: '1 worker, plain', workers: 1, tls: false };
export const PLAIN2 = { name: '2 workers, plain', workers: 2, tls: false };
export const TLS = { name: '1 worker, TLS', workers: 1, tls: true };
export const TLS2 = { name: '2 workers, TLS', workers: 2, tls: true };
export const ALL_MODES = [PLAIN, PLAIN2, TLS, TLS2];

/**
 * suite('joining', ALL_MODES, { config: {...} }, (on) => { test(..., async () => on.server ...) })
 * `on.server` is there once the tests run; the suite ends by stopping it, which must go cleanly.
 * `options` are those of startServer, and `concurrency`: all its tests at once.
 * `on.mode` is the mode, for what a test needs to know of it beforehand.
 */
export function suite(name, modes, options, define) {
    for (const mode of modes) {
        describe(`${name}: ${mode.name}`, { concurrency: options.concurrency ?? false }, () => {
            const on = { mode, server: null };
            before(async () => {
                on.server = await startServer({ ...mode, ...options });
            });
            after(async () => {
                dropConnections();
                await on.server?.stop();
            });
            define(on);
        });
    }
}

/** A server of this test alone, stopped (cleanly, unless it is gone already) when the test ends. */
export async function ownServer(t, options) {
    const server = await startServer(options);
    t.after(async () => {
        dropConnections();
        if (!server.exit) await server.stop();
    });
    return server;
}
