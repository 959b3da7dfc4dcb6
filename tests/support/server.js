// Starts the real server on free ports, follows its JSON log, and ends it.
//
//   const config = { 'session.resume_window': '1s' };
//   const server = await startServer({ workers: 2, tls: true, config });
//   server.url       first address, e.g. https://127.0.0.1:41233 (all of them: server.urls)
//   server.adminUrl  that of the admin listener, where `admin` was asked for
//   server.workers   Map of worker index -> pid, kept up to date over restarts
//   await server.stop();   SIGTERM; throws unless it exits with 0 and without a sanitizer's report

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { certificate, temporaryFolder } from './certificate.js';
import { DEFAULT_TIMEOUT } from './inbox.js';
import { assertHidden } from './secrets.js';

export const binary =
    process.env.ROOMLINE ?? fileURLToPath(new URL('../../build/release/roomline', import.meta.url));

// Port 3478 is one for all servers of this machine.
const NO_STUN = { 'stun.listen': '[]' };

// A drain that ends as soon as it can. A test that is about draining sets its own.
const QUICK_DRAIN = { 'drain.linger': '0', 'drain.spread': '0', 'drain.deadline': '300ms' };
const SANITIZER = /ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer/;

const running = new Set();
process.on('exit', () => running.forEach((server) => server.kill()));

let files = 0;

/** This process's environment without what would configure the server. */
export function cleanEnvironment(env = {}) {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('ROOMLINE'));
    return { UBSAN_OPTIONS: 'print_stacktrace=1', ...Object.fromEntries(clean), ...env };
}

/** Writes a configuration file and returns its path. */
export function configFile(text) {
    const path = join(temporaryFolder(), `roomline-${++files}.yaml`);
    writeFileSync(path, text);
    return path;
}

/**
 * args     more command line arguments
 * env      more environment variables
 * workers  how many worker processes
 * tls      false, or true / 'ecdsa' / 'rsa' for https with such a certificate, or {cert, key, ca}
 * listen   addresses in place of the one that `tls` implies
 * admin    true for an admin listener on a free port; its keys of `config` win
 * under    a command that starts it, e.g. ['prlimit', '--nofile=64:64']
 * config   text of a YAML file, or an object of dotted keys, each given as --set key=value
 */
export async function startServer(options = {}) {
    const server = new Server(options);
    try {
        await server.started();
    } catch (error) {
        server.kill();
        throw error;
    }
    return server;
}

function commandLine({ args = [], workers = 1, listen, admin, config = {} }, identity) {
    const keys = {
        'log.format': 'json',
        'admin.listen': admin ? 'http://127.0.0.1:0' : '[]',
        ...QUICK_DRAIN,
        ...NO_STUN,
        ...(typeof config === 'object' ? config : {}),
    };
    const line = typeof config === 'string' ? ['--config', configFile(config)] : [];
    for (const url of listen ?? [`${identity ? 'https' : 'http'}://127.0.0.1:0`])
        line.push('--listen', url);
    if (identity) line.push('--tls-cert', identity.cert, '--tls-key', identity.key);
    line.push('--workers', String(workers));
    for (const [key, value] of Object.entries(keys))
        if (value !== undefined) line.push('--set', `${key}=${value}`);
    return [...line, ...args];
}

class Server {
    urls = [];
    logs = []; // every line of the log, parsed
    noise = []; // lines of stderr that are not JSON
    workers = new Map();
    exit = null; // {code, signal} once it has exited
    #waiting = [];

    constructor(options) {
        const { tls = false } = options;
        const identity =
            typeof tls === 'object' ? tls : tls && certificate(tls === true ? 'ecdsa' : tls);
        this.identity = identity || null;
        this.ca = identity ? identity.ca : null;
        const [command, ...line] = [...(options.under ?? []), binary, ...commandLine(options, identity)];
        this.child = spawn(command, line, {
            env: cleanEnvironment(options.env),
            stdio: ['ignore', 'ignore', 'pipe'],
        });
        running.add(this);
        const exited = new Promise((resolve) =>
            this.child.once('exit', (code, signal) => resolve({ code, signal })),
        );
        const failed = new Promise((resolve) =>
            this.child.once('error', (error) => resolve({ error })),
        );
        this.reader = createInterface({ input: this.child.stderr }); // pause(): nobody reads the log
        this.reader.on('line', (line) => this.#onLine(line));
        const read = new Promise((resolve) => this.reader.once('close', resolve));
        this.exited = Promise.race([exited, failed]).then(async (exit) => {
            running.delete(this);
            if (!exit.error) await read;
            this.exit = exit;
            this.#refuseWaiting();
            return exit;
        });
    }

    get adminUrl() {
        return this.logs.find(({ event }) => event === 'admin-listening')?.url;
    }

    get url() {
        return this.urls[0];
    }

    get pid() {
        return this.child.pid;
    }

    async started() {
        await this.waitLog((line) => line.event === 'ready');
        assert.ok(this.urls.length > 0, `no listening line in\n${this.output()}`);
    }

    /** The first log line, past or future, that satisfies the predicate. */
    waitLog(predicate, timeout = DEFAULT_TIMEOUT) {
        const past = this.logs.find(predicate);
        return past ? Promise.resolve(past) : this.nextLog(predicate, timeout);
    }

    /** The next log line, none of the past, that satisfies the predicate. */
    nextLog(predicate, timeout = DEFAULT_TIMEOUT) {
        if (this.exit) return Promise.reject(this.#gone());
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
                reject(
                    new Error(
                        `no such log line (${predicate}) within ${timeout} ms:\n${this.output()}`,
                    ),
                );
            }, timeout);
            const waiter = { predicate, resolve, reject, timer };
            this.#waiting.push(waiter);
        });
    }

    signal(name) {
        this.child.kill(name);
    }

    /** SIGTERM, then the exit is awaited and must be a clean one. */
    async stop() {
        if (!this.exit) this.signal('SIGTERM');
        return this.expectExit();
    }

    /** The exit is awaited and must be a clean one. */
    async expectExit(code = 0, timeout = 30_000) {
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, null)));
        const exit = await Promise.race([this.exited, late]);
        clearTimeout(timer);
        if (!exit) {
            this.kill();
            assert.fail(`the server did not exit within ${timeout} ms:\n${this.output()}`);
        }
        assert.equal(exit.code, code, `exit ${JSON.stringify(exit)}:\n${this.output()}`);
        assert.doesNotMatch(this.noise.join('\n'), SANITIZER);
        assertHidden(this.#everything(), 'the log');
        return exit;
    }

    /** kill -9 of every process of it, at once. Resolves when the supervisor is gone. */
    kill() {
        if (!this.exit) {
            this.child.kill('SIGKILL');
            for (const pid of this.workers.values()) killQuietly(pid, 'SIGKILL');
        }
        return this.exited;
    }

    /** As if its machine had lost power: no process of it says a last word. */
    crash() {
        const pids = [...this.workers.values(), this.pid];
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
        return this.kill();
    }

    /** The index of the worker that holds the server's end of a client's TCP connection. */
    workerOf(socket) {
        const inode = inodeOf(socket.remotePort, socket.localPort);
        for (const [index, pid] of this.workers) if (inode && holdsSocket(pid, inode)) return index;
        return null;
    }

    /** All that it wrote. */
    #everything() {
        return [...this.logs.map((line) => JSON.stringify(line)), ...this.noise].join('\n');
    }

    /** The end of what it wrote, for a failing test's message. */
    output() {
        const lines = this.logs.slice(-40).map((line) => JSON.stringify(line));
        return [...lines, ...this.noise.slice(-40)].join('\n') || '(no output)';
    }

    #onLine(text) {
        let line;
        try {
            line = JSON.parse(text);
        } catch {
            this.noise.push(text);
            return;
        }
        this.logs.push(line);
        if (line.event === 'listening' && line.url) this.urls.push(line.url);
        if (line.event === 'worker-started') this.workers.set(line.worker, line.pid);
        for (const waiter of this.#waiting.filter((w) => w.predicate(line))) {
            this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
            clearTimeout(waiter.timer);
            waiter.resolve(line);
        }
    }

    #gone() {
        const { code, signal, error } = this.exit;
        return new Error(`the server is gone (${error ?? signal ?? code}):\n${this.output()}`);
    }

    #refuseWaiting() {
        for (const waiter of this.#waiting.splice(0)) {
            clearTimeout(waiter.timer);
            waiter.reject(this.#gone());
        }
    }
}

function killQuietly(pid, signal) {
    try {
        process.kill(pid, signal);
    } catch (error) {
        if (error.code !== 'ESRCH') throw error;
    }
}

// /proc/net/tcp: sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
function inodeOf(ownPort, otherPort) {
    const hex = (port) => port.toString(16).toUpperCase().padStart(4, '0');
    for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
        for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
            const field = line.trim().split(/\s+/);
            if (field.length < 10) continue;
            const [local, remote] = [field[1], field[2]].map((address) => address.split(':')[1]);
            if (local === hex(ownPort) && remote === hex(otherPort)) return field[9];
        }
    }
    return null;
}

/** Whether a process has a TCP connection from its port `own` to the port `other`. */
export function holdsConnection(pid, own, other) {
    const inode = inodeOf(own, other);
    return inode !== null && holdsSocket(pid, inode);
}

function holdsSocket(pid, inode) {
    try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => {
            try {
                return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
            } catch {
                return false; // closed meanwhile
            }
        });
    } catch {
        return false; // the process is gone
    }
}
