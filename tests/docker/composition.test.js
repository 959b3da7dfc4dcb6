// compose.yaml, on a real engine: images, instances, load balancer, Redis and TURN, in a network that
// leads nowhere else. Runs under tests/docker/engine (script/test docker).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as passed } from 'node:timers/promises';
import { connect } from 'node:tls';
import { closeBrowsers, Person } from '../e2e/browser.js';
import { Peer } from '../support/peer.js';
import { composeVersion, Composition, docker, eventually, inspect, ROOT, run } from './compose.js';
import { Guest } from './guest.js';

const PAIRS = 100;
const MiB = 1 << 20;
const SERVICES = ['redis', 'roomline', 'haproxy', 'coturn'];
const RELAY = { iceTransportPolicy: 'relay' };
const BASE = /^ARG BASE=(.*)$/m.exec(readFileSync(`${ROOT}/Dockerfile`, 'utf8'))[1];
const [, VERSION] = /VERSION (\d+\.\d+\.\d+)/.exec(readFileSync(`${ROOT}/CMakeLists.txt`, 'utf8'));
const DASHBOARD = readFileSync(`${ROOT}/deploy/grafana/dashboard.json`, 'utf8');
const IMAGE = `roomline:${VERSION}`;

// In the page: the kinds of candidates at both ends of the pair in use.
const pairInUse = async () => {
    const stats = await window.connections.at(-1).getStats();
    const { selectedCandidatePairId } = [...stats.values()].find(({ type }) => type === 'transport');
    const pair = stats.get(selectedCandidatePairId);
    return [pair.localCandidateId, pair.remoteCandidateId].map((id) => stats.get(id).candidateType);
};

describe('the image', () => {
    test('is small, tells what it is, and runs as nobody in particular', async () => {
        const [image, base] = await Promise.all([inspect(IMAGE, 'image'), inspect(BASE, 'image')]);
        const more = image.Size - base.Size;
        assert.ok(more < 40 * MiB, `${more / MiB} MiB over its base`);
        assert.match(image.Config.User, /^\d+:\d+$/);
        assert.notEqual(image.Config.User, '0:0');
        assert.equal(image.Config.Labels['org.opencontainers.image.version'], VERSION);
        assert.deepEqual(image.Config.Healthcheck.Test, ['CMD', 'roomline', 'health']);
        assert.equal(await docker('run', '--rm', '--network=none', IMAGE, '--version'), `roomline ${VERSION}`);
    });

    test('runs with nothing but its own files: read-only, no capability, no network', async () => {
        const bare = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
        const id = await docker('run', '--detach', '--network=none', ...bare, IMAGE);
        const look = (...line) => docker('exec', id, ...line);
        await eventually(() => look('roomline', 'health').then(() => true, () => false), 'it is ready');
        assert.match(await look('sh', '-c', 'grep CapEff /proc/1/status'), /\t0+$/);
        await docker('stop', id);
        assert.equal((await inspect(id)).State.ExitCode, 0);
        await docker('rm', id);
    });

    test('process 1 reaps orphans', async () => {
        const id = await docker('run', '--detach', '--network=none', IMAGE);
        const processes = () => docker('exec', id, 'sh', '-c', 'cat /proc/[0-9]*/stat 2>&-; true');
        for (let n = 0; n < 5; n++) await docker('exec', id, 'sh', '-c', '(sleep 0.3 &); exit 0');
        await eventually(async () => !(await processes()).includes('(sleep)'), 'no sleep is left');
        assert.doesNotMatch(await processes(), /\) Z /);
        await docker('rm', '--force', id);
    });
});

describe('docker compose up', () => {
    let composition;
    before(async () => {
        composition = await Composition.up();
    });
    after(async () => {
        await closeBrowsers();
        await composition?.down();
    });

    async function call(people, room) {
        const [caller, callee] = people;
        await Promise.all(people.map((person) => person.enter(room)));
        await caller.call(callee);
        await callee.accept(caller);
        await Promise.all(people.map((person) => person.inCall()));
        await Promise.all(people.map((person) => person.seesMotion()));
    }

    const arrive = (t, url, options = {}) =>
        Promise.all(['Ann', 'Ben'].map((name) => Person.arrive(t, url, { name, ...options })));

    /**
     * Both on the same instance: Ann comes back to another one. haproxy chooses the one with the fewest
     * connections, which may be the same each time: so more of them come meanwhile.
     */
    async function part([ann], room) {
        const others = [];
        await eventually(async () => {
            const places = Object.values(await composition.placesOf(room));
            if (new Set(places).size === 2) return true;
            for (let n = 0; n < 3; n++)
                others.push(connect({ port: 8443, rejectUnauthorized: false }).on('error', () => {}));
            await ann.page.reload();
            await ann.inside();
            return false;
        }, 'two pages are on two instances', 3 * 60_000);
        for (const socket of others) socket.destroy();
    }

    test('one line says where to go', async (t) => {
        t.diagnostic(`used: ${await composeVersion()}`);
        const lines = (await composition.logs('url')).split('\n').filter((line) => line.includes('http'));
        assert.equal(lines.length, 1, `${lines}`);
        assert.match(lines[0], /http:\/\/localhost:8080 .*https:\/\/localhost:8443/);
    });

    test('every service runs without rights, and only what browsers need is published', async () => {
        const published = {};
        for (const service of SERVICES) {
            for (const container of await composition.containers(service)) {
                const { Config, HostConfig, NetworkSettings, State } = await container.inspect();
                assert.equal(State.Health.Status, 'healthy', service);
                assert.match(Config.User, /^[1-9]\d*:\d+$/, service);
                assert.equal(HostConfig.ReadonlyRootfs, true, service);
                assert.deepEqual(HostConfig.CapDrop, ['ALL'], service);
                assert.ok(HostConfig.SecurityOpt.includes('no-new-privileges:true'), service);
                const ports = Object.entries(NetworkSettings.Ports).filter(([, at]) => at);
                published[service] = ports.map(([port]) => port).sort();
            }
        }
        assert.deepEqual(published.redis, []);
        assert.deepEqual(published.roomline, []);
        assert.deepEqual(published.haproxy, ['8080/tcp', '8443/tcp']);
        assert.equal(published.coturn.length, 22);
    });

    test('on the open Internet coturn relays into no private network', async () => {
        const line = ['--rm', '--network=none', '--entrypoint=bash', '--env=ROOMLINE_PUBLIC_ADDRESS=203.0.113.7'];
        const made = '/opt/roomline/setup >&2 && cat /secrets/coturn/turnserver.conf';
        const text = await docker('run', ...line, `roomline-setup:${VERSION}`, '-c', made);
        assert.match(text, /^external-ip=203\.0\.113\.7$/m);
        const denied = (config) => config.match(/^denied-peer-ip=.*$/gm);
        assert.deepEqual(denied(text), denied(readFileSync(`${ROOT}/deploy/kubernetes/coturn/turnserver.conf`, 'utf8')));
    });

    test('secrets are made once, and each service sees its own', async () => {
        const [instance] = await composition.running('roomline');
        const sums = () => instance.exec('sh', '-c', 'cd /run/secrets/roomline && sha256sum *-* tls/*');
        const first = await sums();
        await composition.compose('run', '--rm', 'setup');
        assert.equal(await sums(), first);
        const [redis] = await composition.running('redis');
        assert.equal(await redis.exec('ls', '/run/secrets/redis'), 'users.acl');
        const [coturn] = await composition.running('coturn');
        assert.equal(await coturn.exec('ls', '/run/secrets/coturn'), 'turnserver.conf');
        assert.match(await redis.exec('redis-cli', 'ping'), /NOAUTH/);
    });

    test('two pages on two instances see each other, and the server knows where they come from', async (t) => {
        const people = await arrive(t, composition.secure);
        const [ann, ben] = people;
        await Promise.all(people.map((person) => person.enter('across')));
        await part(people, 'across');
        await ann.call(ben);
        await ben.accept(ann);
        await Promise.all(people.map((person) => person.inCall()));
        await Promise.all(people.map((person) => person.seesMotion()));
        const { peers } = await composition.ask('/v1/rooms/across');
        const balancer = await (await composition.running('haproxy'))[0].address('outside');
        for (const { address } of peers) assert.ok(address && !address.startsWith(balancer), address);
    });

    test('two pages that may only use relays see each other by coturn', async (t) => {
        const people = await arrive(t, composition.url, { rtc: RELAY });
        await call(people, 'relay');
        for (const { page } of people)
            assert.deepEqual(await page.evaluate(pairInUse), ['relay', 'relay']);
    });

    test('Prometheus finds both instances, and the dashboard what it asks for', async () => {
        await composition.compose('--profile', 'monitoring', 'up', '--detach', '--no-build', 'prometheus');
        const [prometheus] = await composition.running('prometheus');
        await prometheus.healthy();
        const { Config } = await prometheus.inspect();
        assert.equal(Config.User, '65534:65534');
        const url = `http://${await prometheus.address('inside')}:9090/api/v1`;
        const ask = async (expr) => {
            const response = await fetch(`${url}/query?${new URLSearchParams({ query: expr })}`);
            return (await response.json()).data.result;
        };
        await eventually(async () => (await ask('up{job="roomline"} == 1')).length === 2, 'both are scraped');
        const names = await (await fetch(`${url}/label/__name__/values`)).json();
        const asked = new Set(DASHBOARD.match(/\broomline_[a-z_]+/g));
        const missing = [...asked].filter((name) => !names.data.includes(name));
        // Of these a cluster that is well has none.
        assert.deepEqual(missing.filter((name) => !/_(lost|refused)_total$/.test(name)), []);
        const { data } = await (await fetch(`${url}/rules`)).json();
        assert.equal(data.groups.length, 1);
        for (const { name, health } of data.groups[0].rules) assert.notEqual(health, 'err', name);
    });

    test('under a call and 100 pairs of numbered signals', async (t) => {
        const people = await arrive(t, composition.secure);
        for (const person of people) person.expected = /WebSocket/; // of an instance that is killed
        await call(people, 'all along');
        const guests = [];
        for (let n = 0; n < PAIRS; n++) guests.push(...(await Guest.pair(composition, `pair-${n}`)));
        t.after(() => guests.forEach((guest) => guest.quit()));

        /** Everybody has said something since, and has all that was said to it until then. */
        async function nothingIsMissing(what) {
            const said = guests.map((guest) => guest.sent);
            await eventually(
                () => guests.every((guest, n) => guest.sent > said[n] && guest.other.next > said[n]),
                () => `${what}: ${JSON.stringify(sum(guests))}`,
            );
            await Promise.all(people.map((person) => person.seesMotion()));
        }
        const untouched = (what) =>
            assert.deepEqual(
                { what, ...sum(guests), sent: 0, moves: 0 },
                { what, sent: 0, moves: 0, gaps: 0, repeated: 0, restarts: 0, lost: 0 },
            );

        await t.test('an instance is stopped, and started again', async () => {
            const [instance] = await composition.running('roomline');
            assert.equal(await instance.stop(), 0);
            await nothingIsMissing('stopped');
            untouched('stopped');
            await instance.start();
            await instance.healthy();
        });

        await t.test('there are four instances, then two', async () => {
            await composition.scale(4);
            await eventually(async () => {
                const { instances } = await composition.ask('/v1/instances');
                return instances.length === 4;
            }, 'all four are known');
            const room = 'newcomers';
            await eventually(async () => {
                const peers = await Promise.all([...Array(8)].map(() => Peer.join(composition, { room })));
                const places = new Set(Object.values(await composition.placesOf(room)));
                await Promise.all(peers.map((peer) => peer.leave()));
                return places.size > 2;
            }, 'newcomers are on the new ones, too');
            await composition.scale(2);
            await nothingIsMissing('scaled');
            untouched('scaled');
        });

        await t.test('both are upgraded, the new ones beside the old', async () => {
            const old = await composition.running('roomline');
            await run('docker', ['build', '--tag', 'roomline:next', '--label', 'next=1', '-'], {
                input: `FROM ${IMAGE}\n`,
            });
            composition.env.ROOMLINE_VERSION = 'next';
            await composition.scale(4);
            for (const instance of old) {
                assert.equal(await instance.stop(), 0);
                await instance.remove();
            }
            const now = await composition.running('roomline');
            assert.equal(now.length, 2);
            for (const instance of now)
                assert.equal((await instance.inspect()).Config.Image, 'roomline:next');
            await nothingIsMissing('upgraded');
            untouched('upgraded');
        });

        await t.test('an instance is killed: its clients come back and say again what is missing', async () => {
            const [instance] = await composition.running('roomline');
            await instance.kill();
            await nothingIsMissing('killed');
            assert.ok(sum(guests).restarts > 0);
            await instance.start();
            await instance.healthy();
        });

        await t.test('an instance is cut off from Redis, and joins again', async () => {
            const [instance] = await composition.running('roomline');
            await instance.cut('inside');
            await passed(14_000); // longer than its lease, and than its signals wait
            await instance.join('inside', 'roomline');
            for (const guest of guests) guest.ask();
            await nothingIsMissing('cut off');
        });

        await Promise.all(guests.map((guest) => guest.stop()));
        assert.ok(guests.every((guest) => guest.complete), `${JSON.stringify(sum(guests))}`);
    });
});

function sum(guests) {
    const of = (name) => guests.reduce((all, guest) => all + guest[name], 0);
    const lost = guests.flatMap((guest) => guest.lost).length;
    const names = ['sent', 'gaps', 'repeated', 'restarts', 'moves'];
    return { ...Object.fromEntries(names.map((name) => [name, of(name)])), lost };
}
