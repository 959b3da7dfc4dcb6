// compose.yaml as a person starts it, on the engine of tests/docker/engine.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = ['compose.yaml', 'tests/docker/quick.yaml'];
const PROJECT = 'roomline-test';
const MINUTES = 60_000;

/** Runs a program to its end; `input` is what it reads. Rejects where it fails. */
export function run(command, args, { input = '', ...options } = {}) {
    return new Promise((resolve, reject) => {
        const limits = { timeout: 5 * MINUTES, maxBuffer: 1 << 26 };
        const child = execFile(command, args, { ...limits, ...options }, (error, stdout, stderr) =>
            error ? reject(error) : resolve({ stdout, stderr }),
        );
        child.stdin.on('error', () => {}); // it ended without reading; how tells its status
        child.stdin.end(input);
    });
}

const plugin = spawnSync('docker', ['compose', 'version']).status === 0;
const COMPOSE = plugin ? ['docker', 'compose'] : ['docker-compose'];

/** Which of the two is used here, and of what version. */
export async function composeVersion() {
    const [command, ...first] = COMPOSE;
    const { stdout } = await run(command, [...first, 'version', '--short']);
    return `${COMPOSE.join(' ')} ${stdout.trim()}`;
}

/** What docker prints, without the line's end. */
export async function docker(...args) {
    const { stdout } = await run('docker', args);
    return stdout.trimEnd();
}

export async function inspect(what, type = 'container') {
    return JSON.parse(await docker('inspect', '--type', type, what))[0];
}

async function compose(args, env = {}) {
    const [command, ...first] = COMPOSE;
    const files = FILES.flatMap((file) => ['--file', file]);
    const line = [...first, '--project-name', PROJECT, ...files, ...args];
    const { stdout } = await run(command, line, { cwd: ROOT, env: { ...process.env, ...env } });
    return stdout.trimEnd();
}

/** One container of a service. */
export class Container {
    constructor(id) {
        this.id = id;
    }

    inspect() {
        return inspect(this.id);
    }

    async address(network) {
        const { NetworkSettings } = await this.inspect();
        return NetworkSettings.Networks[`${PROJECT}_${network}`].IPAddress;
    }

    exec(...line) {
        return docker('exec', this.id, ...line);
    }

    /** SIGTERM, and at last SIGKILL; how it ended. */
    async stop() {
        await docker('stop', '--time', '60', this.id);
        return (await this.inspect()).State.ExitCode;
    }

    kill() {
        return docker('kill', this.id);
    }

    start() {
        return docker('start', this.id);
    }

    remove() {
        return docker('rm', '--force', this.id);
    }

    cut(network) {
        return docker('network', 'disconnect', `${PROJECT}_${network}`, this.id);
    }

    join(network, alias) {
        return docker('network', 'connect', '--alias', alias, `${PROJECT}_${network}`, this.id);
    }

    /** Resolves once its health check has passed. */
    healthy() {
        return eventually(async () => {
            const { State } = await this.inspect();
            return State.Health?.Status === 'healthy';
        }, `container ${this.id.slice(0, 12)} is healthy`);
    }
}

/** Looks until it is so. `what` is a text, or gives one. */
export async function eventually(look, what, timeout = MINUTES) {
    for (const end = Date.now() + timeout; ; ) {
        if (await look()) return;
        const told = typeof what === 'function' ? what() : what;
        assert.ok(Date.now() < end, `not so within ${timeout} ms: ${told}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

export class Composition {
    secure = 'https://localhost:8443';
    url = 'http://localhost:8080';

    env = {}; // for compose.yaml

    static async up() {
        const composition = new Composition();
        await composition.compose('up', '--detach', '--no-build');
        return composition;
    }

    compose(...args) {
        return compose(args, this.env);
    }

    /** What the admin API of one of the instances says. */
    async ask(path) {
        const [instance] = await this.running('roomline');
        const token = await instance.exec('cat', '/run/secrets/roomline/admin-token');
        const response = await fetch(`http://${await instance.address('inside')}:9090${path}`, {
            headers: { authorization: `Bearer ${token}` },
        });
        assert.equal(response.status, 200, path);
        return response.json();
    }

    /** The instance that each member of a room is on. */
    async placesOf(room) {
        const { peers } = await this.ask(`/v1/rooms/${room}`);
        return Object.fromEntries(peers.map(({ peer, instance }) => [peer, instance]));
    }

    async containers(service, ...filters) {
        const labels = ['project', 'service'].map((name) => `label=com.docker.compose.${name}=`);
        filters.push(labels[0] + PROJECT, labels[1] + service);
        const options = filters.flatMap((filter) => ['--filter', filter]);
        const ids = await docker('ps', '--all', '--quiet', '--no-trunc', ...options);
        return ids.split('\n').filter(Boolean).map((id) => new Container(id));
    }

    running(service) {
        return this.containers(service, 'status=running');
    }

    logs(service) {
        return this.compose('logs', '--no-color', service);
    }

    /** There are so many instances then, and all are healthy. Those that run are left as they are. */
    async scale(count) {
        const up = ['up', '--detach', '--no-build', '--no-deps', '--no-recreate'];
        await this.compose(...up, '--scale', `roomline=${count}`, 'roomline');
        const instances = await this.running('roomline');
        assert.equal(instances.length, count);
        await Promise.all(instances.map((instance) => instance.healthy()));
    }

    down() {
        return this.compose('down', '--volumes', '--timeout', '60');
    }
}
