// Real Redis servers and sentinels on free ports, for one test each.
//
//   const redis = await startRedis();
//   await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
//   await redis.end('SIGKILL'); await redis.start();   the same place, empty

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificate, temporaryFolder } from './certificate.js';
import { LOOPBACK } from './network.js';
import { freePort } from './ports.js';
import { Program } from './program.js';
import { RespConnection } from './resp.js';

const BINARY = process.env.REDIS_SERVER ?? 'redis-server';

/**
 * config  object of redis.conf directives; a list gives one more than once
 * tls     only TLS, and only for who shows the certificate `redis.client`
 * on      a host of network.js, in place of this machine's loopback
 */
export async function startRedis({ config = {}, tls = false, on = LOOPBACK } = {}) {
    return new Redis(await freePort(), config, tls, on).start();
}

const directives = (config) =>
    Object.entries(config)
        .flatMap(([name, values]) => [values].flat().map((value) => `${name} ${value}\n`))
        .join('');

class Redis {
    #connection = null; // promise of one

    constructor(port, config, tls, on) {
        Object.assign(this, { port, on });
        this.folder = mkdtempSync(join(temporaryFolder(), 'redis-'));
        this.own = tls && certificate('ecdsa', 'redis');
        this.client = tls && certificate('ecdsa', 'redis-client');
        this.config = { ...this.#common(), ...config };
    }

    #common() {
        const common = {
            bind: this.on.address,
            'protected-mode': 'no',
            dir: this.folder,
            save: '""',
            appendonly: 'no',
        };
        if (!this.own) return { ...common, port: this.port };
        return {
            ...common,
            port: 0,
            'tls-port': this.port,
            'tls-cert-file': this.own.cert,
            'tls-key-file': this.own.key,
            'tls-ca-cert-file': this.client.cert,
            'tls-auth-clients': 'yes',
        };
    }

    /** `login` is "user:password@" or nothing. */
    url(login = '') {
        return `${this.own ? 'rediss' : 'redis'}://${login}${this.on.address}:${this.port}`;
    }

    /** Starts it, or again; resolves once it takes connections. */
    async start() {
        const path = join(this.folder, 'redis.conf');
        writeFileSync(path, directives(this.config));
        const [command, ...args] = [...this.on.under, BINARY, path];
        this.program = new Program(command, args);
        await this.program.waitLine(/Ready to accept connections/);
        return this;
    }

    async end(signal = 'SIGTERM') {
        (await this.#connection?.catch(() => null))?.close();
        this.#connection = null;
        if (this.program) await this.program.end(signal);
    }

    signal(name) {
        this.program.signal(name);
    }

    /** A connection of its own, logged in as nobody. */
    connect() {
        const address = { host: this.on.address, port: this.port };
        if (!this.own) return RespConnection.open(address);
        const [cert, key] = [this.client.cert, this.client.key].map((path) => readFileSync(path));
        const { ca } = this.own;
        return RespConnection.open({ ...address, ca, cert, key, servername: 'localhost' });
    }

    async call(...words) {
        // One that changes its role closes all its connections.
        if (!this.#connection || (await this.#connection).closed) this.#connection = this.connect();
        return (await this.#connection).call(...words);
    }

    /** How often each command was called since CONFIG RESETSTAT, by its lower-case name. */
    async commandCounts() {
        const text = await this.call('INFO', 'commandstats');
        return Object.fromEntries(
            [...text.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, n]) => [name, +n]),
        );
    }

    /** Its clients but this one: objects of what CLIENT LIST says of each. */
    async clients() {
        const text = await this.call('CLIENT', 'LIST');
        const list = text
            .trim()
            .split('\n')
            .map((line) => Object.fromEntries(line.split(' ').map((field) => field.split(/=(.*)/))));
        return list.filter(({ cmd }) => cmd !== 'client|list');
    }

    /** All it does for others from now on: `lines` as MONITOR gives them, until stop(). */
    async monitor() {
        const connection = await this.connect();
        await connection.call('MONITOR');
        return {
            // What was done before the call is in the list.
            stop: async () => {
                const mark = `the end ${Math.random()}`;
                await this.call('ECHO', mark);
                const lines = [];
                while (!lines.at(-1)?.includes(mark)) lines.push(await connection.next());
                connection.close();
                return lines;
            },
        };
    }
}

/**
 * Sentinels that watch one Redis by the name `main`: a majority of them has to agree.
 * Returns {url, ports, end()}.
 */
export async function startSentinels(master, { count = 3, config = {} } = {}) {
    const sentinels = [];
    for (let n = 0; n < count; n++) {
        const port = await freePort();
        const folder = mkdtempSync(join(temporaryFolder(), 'sentinel-'));
        const path = join(folder, 'sentinel.conf');
        const monitor = {
            port,
            bind: '127.0.0.1',
            dir: folder,
            'sentinel monitor main': `127.0.0.1 ${master.port} ${Math.floor(count / 2) + 1}`,
            'sentinel down-after-milliseconds main': 1000,
            'sentinel failover-timeout main': 4000,
            ...config,
        };
        writeFileSync(path, directives(monitor));
        const program = new Program(BINARY, [path, '--sentinel']);
        await program.waitLine(/\+monitor master main/);
        sentinels.push({ port, program });
    }
    const ports = sentinels.map(({ port }) => port);
    return {
        ports,
        sentinels,
        url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/main`,
        end: () => Promise.all(sentinels.map(({ program }) => program.end())),
    };
}
