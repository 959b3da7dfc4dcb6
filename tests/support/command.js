// Runs the server's command line to its end.

import { spawn } from 'node:child_process';
import { binary, cleanEnvironment } from './server.js';

/** {code, signal, stdout, stderr}. What does not end by itself within `timeout` ms is killed. */
export function runServer(args, { env, timeout = 15_000 } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(binary, args, {
            env: cleanEnvironment(env),
            stdio: ['ignore', 'pipe', 'pipe'],
            timeout,
            killSignal: 'SIGKILL',
        });
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (bytes) => (stdout += bytes));
        child.stderr.on('data', (bytes) => (stderr += bytes));
        child.once('error', reject);
        child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
}
