// The server as process 1, as in a container: a process namespace of its own.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';

const UNDER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const [command, ...options] = UNDER;
const possible = spawnSync(command, [...options, 'true']).status === 0;
const suite = { skip: !possible && 'this needs a process namespace, which only root may make' };

const childrenOf = (pid) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);

/** Process 1 of the namespace, by the number it has here. */
const firstOf = (server) => Number(childrenOf(server.pid)[0]);

function within(server, ...line) {
    return execFileSync('nsenter', ['--target', firstOf(server), '--pid', '--mount', ...line], {
        encoding: 'utf8',
    });
}

async function eventually(look) {
    while (!look()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('process 1 forwards SIGTERM and SIGHUP to the server, and ends as it does', suite, async (t) => {
    const server = await ownServer(t, { under: UNDER, workers: 2 });
    const peer = await Peer.join(server);
    process.kill(firstOf(server), 'SIGHUP');
    await server.waitLog(({ event }) => event === 'reloaded');
    process.kill(firstOf(server), 'SIGTERM');
    await peer.expect('goaway');
    await peer.expectClose(1012);
    await server.expectExit(0);
});

test('process 1 reaps orphans', suite, async (t) => {
    const server = await ownServer(t, { under: UNDER });
    const first = firstOf(server);
    const own = childrenOf(first).length;
    // Each leaves a child behind, which ends when nobody but process 1 could notice.
    for (let n = 0; n < 20; n++) within(server, 'sh', '-c', '(sleep 0.1 &) ; exit 0');
    await eventually(() => childrenOf(first).length === own);
    const states = within(server, 'sh', '-c', 'cat /proc/[0-9]*/stat');
    assert.doesNotMatch(states, /\) Z /);
    process.kill(first, 'SIGTERM');
    await server.expectExit(0);
});

test('process 1 tells how the server died', suite, async (t) => {
    const server = await ownServer(t, { under: UNDER });
    const [supervisor] = childrenOf(firstOf(server)).map(Number);
    process.kill(supervisor, 'SIGKILL');
    await server.expectExit(128 + 9);
});
