// Several instances that one Redis joins.
//
//   const cluster = await ownCluster(t, { instances: 3, workers: 2 });
//   const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
//   const b = await Peer.join(cluster.at(1), { room, peer: 'b', worker: 1 });

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { DEFAULT_TIMEOUT } from './inbox.js';
import { LOOPBACK } from './network.js';
import { freePort } from './ports.js';
import { startRedis } from './redis.js';
import { holdsConnection, startServer } from './server.js';
import { dropConnections } from './upgrade.js';

const FREE = { 'limits.messages_per_second': 0, 'limits.bytes_per_second': 0 };

/**
 * instances, workers   how many, and of each
 * redis     options of startRedis; or a list of what startRedis gave, which the caller ends
 * url       in place of the Redis' own
 * config    of each instance
 * hosts     of network.js, one for each instance
 * placed    on ports that the kernel gives to nobody else while an instance is down
 */
export async function startCluster(options = {}) {
    const { instances = 2, redis = {}, url, config, hosts, placed = false, ...rest } = options;
    const given = Array.isArray(redis);
    const redises = given ? redis : [await startRedis(redis)];
    const urls = url ? [url] : redises.map((one) => one.url());
    const args = urls.flatMap((one) => ['--redis', one]);
    const cluster = new Cluster(given ? [] : redises, redises[0], {
        ...rest,
        args: [...(rest.args ?? []), ...args],
        config: { ...FREE, ...config },
    });
    try {
        const starts = [];
        for (let n = 0; n < instances; n++) {
            const { address, under } = hosts?.[n] ?? LOOPBACK;
            const port = placed ? await freePort() : 0;
            const listen = placed || hosts ? [`http://${address}:${port}`] : undefined;
            starts.push(cluster.add({ listen, under }));
        }
        // All of them, so that none is left running that came up after another one failed.
        const failed = (await Promise.allSettled(starts)).find(({ reason }) => reason);
        if (failed) throw failed.reason;
    } catch (error) {
        await cluster.kill();
        throw error;
    }
    return cluster;
}

/** One of this test alone, ended when the test ends; instances that run still must end cleanly. */
export async function ownCluster(t, options) {
    const cluster = await startCluster(options);
    t.after(() => cluster.stop());
    return cluster;
}

/** One shared by the tests of a suite, in each of the modes: {name, instances, workers}. */
export function clusterSuite(name, modes, options, define) {
    for (const mode of modes) {
        describe(`${name}: ${mode.name}`, () => {
            const on = { mode, cluster: null };
            before(async () => {
                on.cluster = await startCluster({ ...mode, ...options });
            });
            after(() => on.cluster?.stop());
            define(on);
        });
    }
}

class Cluster {
    servers = [];

    constructor(owned, redis, options) {
        Object.assign(this, { owned, redis, options });
    }

    at(index) {
        return this.servers[index];
    }

    /** Starts one more instance, or one in the place of another; `more` as of startServer. */
    async add(more = {}, index = this.servers.length) {
        this.servers[index] = null; // taken
        const server = await startServer({ ...this.options, ...more });
        this.servers[index] = server;
        await joined(server);
        return server;
    }

    /** SIGTERM to all at once. */
    async stop() {
        dropConnections(this.servers.flatMap((one) => one?.urls ?? []));
        try {
            await Promise.all(this.servers.map((one) => one && !one.exit && one.stop()));
        } finally {
            await this.kill();
        }
    }

    async kill() {
        await Promise.all(this.servers.map((one) => one?.kill()));
        await Promise.all(this.owned.map((redis) => redis.end()));
    }

    /** The IDs of an instance's workers in Redis, 16 hex digits, in the order of its workers. */
    async workerIds(index) {
        const server = this.at(index);
        const clients = await this.redis.clients();
        return [...server.workers.values()].map((pid) => {
            const own = clients.find(({ name, addr }) => {
                const port = Number(addr.split(':').at(-1));
                return name && holdsConnection(pid, port, this.redis.port);
            });
            assert.ok(own, `worker ${pid} is not among ${JSON.stringify(clients)}`);
            return own.name.replace('roomline-', '');
        });
    }

    /** The keys that are there for good: what is left when nobody is in any room. */
    async keys() {
        return (await this.redis.call('KEYS', '*')).sort();
    }
}

/** Resolves once every worker has both its connections to Redis. */
async function joined(server) {
    const up = (use, worker) => (line) =>
        line.event === 'redis-up' && line.use === use && line.worker === worker;
    for (const worker of server.workers.keys())
        for (const use of ['commands', 'inbox']) await server.waitLog(up(use, worker));
}

/**
 * Awaits that `look` gives what is true. Where nobody tells of a change (the state of Redis, a page
 * that says ready) it has to be asked for again.
 */
export async function eventually(look, what, timeout = DEFAULT_TIMEOUT) {
    const until = Date.now() + timeout;
    for (;;) {
        const got = await look();
        if (got) return got;
        assert.ok(Date.now() < until, `not within ${timeout} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}
