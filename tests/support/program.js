// Another program that a test needs: starts it, awaits what it prints, ends it by its process ID.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DEFAULT_TIMEOUT } from './inbox.js';

const running = new Set();
process.on('exit', () => running.forEach((program) => program.signal('SIGKILL')));

export class Program {
    lines = []; // of stdout and stderr
    exit = null; // {code, signal} once it has exited
    #waiting = new Set();

    constructor(command, args, options = {}) {
        this.name = command;
        this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
        running.add(this);
        // A test that failed before it ended this one is not kept from ending by it.
        for (const handle of [this.child, this.child.stdout, this.child.stderr]) handle.unref();
        for (const stream of [this.child.stdout, this.child.stderr])
            createInterface({ input: stream }).on('line', (line) => this.#onLine(line));
        this.exited = new Promise((resolve) => {
            this.child.once('error', (error) => resolve({ error }));
            this.child.once('exit', (code, signal) => resolve({ code, signal }));
        }).then((exit) => {
            running.delete(this);
            this.exit = exit;
            for (const look of this.#waiting) look();
            return exit;
        });
    }

    get pid() {
        return this.child.pid;
    }

    signal(name) {
        if (!this.exit) this.child.kill(name);
    }

    /** The first line to come that matches; none of the past. */
    nextLine(pattern, timeout = DEFAULT_TIMEOUT) {
        this.lines.length = 0;
        return this.waitLine(pattern, timeout);
    }

    /** The first line, past or future, that matches. */
    waitLine(pattern, timeout = DEFAULT_TIMEOUT) {
        return new Promise((resolve, reject) => {
            const done = (call, value) => {
                clearTimeout(timer);
                this.#waiting.delete(look);
                call(value);
            };
            const look = () => {
                const line = this.lines.find((one) => pattern.test(one));
                if (line !== undefined) done(resolve, line);
                else if (this.exit) done(reject, this.#failure(`ended without ${pattern}`));
            };
            const late = () => done(reject, this.#failure(`no ${pattern} in ${timeout} ms`));
            const timer = setTimeout(late, timeout);
            this.#waiting.add(look);
            look();
        });
    }

    /** The signal, and SIGCONT so that it is heard; resolves when the program is gone. */
    async end(signal = 'SIGTERM', timeout = DEFAULT_TIMEOUT) {
        this.signal(signal);
        this.signal('SIGCONT');
        const timer = setTimeout(() => this.signal('SIGKILL'), timeout);
        const exit = await this.exited;
        clearTimeout(timer);
        assert.ok(exit.signal !== 'SIGKILL' || signal === 'SIGKILL', `${this.name} did not end`);
        return exit;
    }

    #failure(what) {
        const said = this.lines.slice(-20).join('\n');
        const { code, signal, error } = this.exit ?? {};
        return new Error(`${this.name}: ${what} (${error ?? signal ?? code ?? 'runs'})\n${said}`);
    }

    #onLine(line) {
        this.lines.push(line);
        if (this.lines.length > 1000) this.lines.shift();
        for (const look of [...this.#waiting]) look();
    }
}
