// Hosts of their own on this machine: network namespaces, each with a cable (veth) to one router.
//
//   const network = openNetwork(t);           null, and the test skipped, where this can't be
//   const [a, b] = [network.host('a'), network.host('b')];
//   a.address, a.under                        its address; the command that runs a program on it
//   network.drop(a, b)                        what a sends to b is swallowed: no RST, no FIN, no ICMP
//   network.cut(a, b); network.heal()         both directions; all is as before
//
// The test itself is the host at the router's first cable, so that it can be a client of any.
// What a run that was killed has left behind is removed by the next.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** Where programs run that are given no host. */
export const LOOPBACK = { name: 'loopback', address: '127.0.0.1', under: [] };

const FOLDER = '/run/netns';
const PREFIX = 'roomline-'; // then process ID, network, host
const NETWORKS = 510; // of 198.18.0.0/15, which is set aside for tests (RFC 2544), a /24 each
const HOSTS = 63; // of a network, a /30 each

const open = new Set();
process.on('exit', () => open.forEach((network) => network.close()));

const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
const batch = (lines, ...words) =>
    execFileSync('ip', [...words, '-batch', '-'], {
        input: lines.join('\n'),
        stdio: ['pipe', 'ignore', 'pipe'],
    });

function removeLeftOvers() {
    const names = existsSync(FOLDER) ? readdirSync(FOLDER) : [];
    for (const name of names.filter((one) => one.startsWith(PREFIX))) {
        const [pid] = name.slice(PREFIX.length).split('-');
        if (!existsSync(`/proc/${pid}`)) remove(name);
    }
}

function remove(name) {
    try {
        ip('netns', 'del', name);
    } catch {
        // another run was quicker
    }
}

/** null: this machine does not let us, and the test counts as skipped. */
export function openNetwork(t) {
    if (process.getuid() !== 0) {
        t.skip('only root may make network namespaces');
        return null;
    }
    removeLeftOvers();
    try {
        return new Network();
    } catch (error) {
        if (!error.stderr && error.code !== 'ENOENT') throw error;
        t.skip(`no network namespaces here: ${error.stderr ?? error}`);
        return null;
    }
}

let networks = 0;

class Network {
    #names = [];
    #rules = [];
    #cables = 0;

    constructor() {
        this.id = `${PREFIX}${process.pid}-${++networks}`;
        open.add(this);
        try {
            this.router = this.#namespace('router');
            this.#forward();
            this.#connectTest();
        } catch (error) {
            this.close();
            throw error;
        }
    }

    #namespace(name) {
        const whole = `${this.id}-${name}`;
        ip('netns', 'add', whole);
        this.#names.push(whole);
        ip('-n', whole, 'link', 'set', 'lo', 'up');
        return whole;
    }

    #forward() {
        const command = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
        ip('netns', 'exec', this.router, 'sh', '-c', command);
    }

    /** A cable from the router; the other end's name, address, and who is there by the cable. */
    #cable() {
        if (this.#cables === HOSTS) throw new Error(`no more than ${HOSTS} hosts`);
        const first = 4 * this.#cables++;
        const [near, address] = [1, 2].map((n) => `${this.base}.${first + n}`);
        return { port: `port${first}`, near, address };
    }

    /** The test's own end is in nobody's namespace: its name and network must be free on this machine. */
    #connectTest() {
        for (let tries = 0; ; tries++) {
            const n = (process.pid + networks + tries) % NETWORKS;
            this.base = `198.${18 + Math.floor(n / 255)}.${n % 255}`;
            this.#cables = 0;
            const { port, near, address } = this.#cable();
            const end = `rl${n}`;
            try {
                ip('link', 'add', end, 'type', 'veth', 'peer', 'name', port, 'netns', this.router);
            } catch (error) {
                if (tries === NETWORKS || !/File exists/.test(error.stderr)) throw error;
                continue;
            }
            batch([`addr add ${address}/30 dev ${end}`, `link set ${end} up`]);
            this.#plug(port, near);
            ip('route', 'add', `${this.base}.0/24`, 'via', near);
            this.test = { name: 'test', port, address };
            return;
        }
    }

    #plug(port, near) {
        batch([`addr add ${near}/30 dev ${port}`, `link set ${port} up`], '-n', this.router);
    }

    host(name) {
        const namespace = this.#namespace(name);
        const { port, near, address } = this.#cable();
        ip('-n', this.router, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
        this.#plug(port, near);
        const lines = [`addr add ${address}/30 dev eth0`, 'link set eth0 up', `route add default via ${near}`];
        batch(lines, '-n', namespace);
        return { name, port, address, under: ['ip', 'netns', 'exec', namespace] };
    }

    /** One direction alone: what goes the other way arrives, and is never answered. */
    drop(from, to) {
        const rule = ['iif', from.port, 'to', to.address, 'type', 'blackhole'];
        ip('-n', this.router, 'rule', 'add', ...rule);
        this.#rules.push(rule);
    }

    cut(one, other) {
        this.drop(one, other);
        this.drop(other, one);
    }

    heal() {
        for (const rule of this.#rules.splice(0)) ip('-n', this.router, 'rule', 'del', ...rule);
    }

    /** The router's end of each cable goes with it, and so the other one. */
    close() {
        open.delete(this);
        for (const name of this.#names.splice(0)) remove(name);
    }
}
