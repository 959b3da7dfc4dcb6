// Peers of one room on several instances: as if they were on one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterSuite } from '../support/cluster.js';
import { freshRoom, Peer } from '../support/peer.js';
import { MODES } from './modes.js';

clusterSuite('together', MODES, {}, (on) => {
    const { instances, workers } = on.mode;
    // Where the nth peer goes: a new instance each time, and on it another worker.
    const place = (n) => [n % instances, Math.floor(n / instances) % workers];
    const places = instances * workers;

    function join(room, n, options = {}) {
        const [instance, worker] = place(n);
        return Peer.join(on.cluster.at(instance), { room, peer: `p${n}`, worker, ...options });
    }

    /** One peer for each worker of each instance, all of whom know of each other. */
    async function crowd(room = freshRoom()) {
        const peers = [];
        for (let n = 0; n < places; n++) {
            const peer = await join(room, n, { info: { n } });
            for (const other of peers) await other.expect('peer-joined', { peer: peer.id });
            peers.push(peer);
        }
        return peers;
    }

    const names = (peer) => [...peer.roster.keys()].sort();
    const others = (peer, peers) => peers.filter((p) => p !== peer).map(({ id }) => id);

    test('every roster is whole, with info', async () => {
        const peers = await crowd();
        for (const peer of peers) {
            assert.deepEqual(names(peer), others(peer, peers));
            for (const { peer: id, info, state } of peer.roster.values()) {
                assert.deepEqual([`p${info.n}`, state], [id, 'here']);
            }
        }
    });

    test('a signal goes from anywhere to anywhere, and to nobody else', async () => {
        const peers = await crowd();
        for (const from of peers) {
            for (const to of peers) {
                from.signal(to.id, { from: from.id, to: to.id });
                const data = { from: from.id, to: to.id };
                await to.expect('signal', { from: from.id, data });
            }
        }
        for (const peer of peers) await peer.quiet();
    });

    test('data arrives byte for byte', async () => {
        const [a, ...rest] = await crowd();
        const data = '{ "sdp" : "v=0\\r\\n\\u00e9 é 𝄞" , "n":1.50e+3,"a":[ ]}';
        for (const to of rest) {
            a.send(`{"type":"signal","to":"${to.id}","data":${data}}`);
            const { text } = await to.expect('signal');
            assert.ok(text.includes(data), text);
        }
    });

    test('large signals go across, small ones behind them stay behind', async () => {
        const [a, b] = await crowd();
        const big = 'x'.repeat(60_000);
        for (let n = 0; n < 20; n++) a.signal('p1', n % 2 ? n : [n, big]);
        for (let n = 0; n < 20; n++) {
            const { data } = await b.expect('signal');
            assert.equal(n % 2 ? data : data[0], n);
        }
    });

    test('info, away, back and leave are told everywhere', async () => {
        const peers = await crowd();
        const [first, ...rest] = peers;
        first.send({ type: 'info', info: { mute: true } });
        for (const peer of rest) await peer.expect('peer-info', { peer: 'p0', info: { mute: true } });
        await first.lose();
        for (const peer of rest) await peer.expect('peer-away', { peer: 'p0' });
        const again = await first.resume(on.cluster.at(1));
        for (const peer of rest) await peer.expect('peer-back', { peer: 'p0' });
        await again.leave();
        for (const peer of rest) await peer.expect('peer-left', { peer: 'p0', reason: 'left' });
        for (const peer of rest) await peer.quiet();
    });

    test('a peer that is not there is not found', async () => {
        const [a, b] = await crowd();
        a.signal('nobody', 1, 'x');
        await a.expectError('peer-not-found', { to: 'nobody', id: 'x' });
        await b.leave();
        await a.expect('peer-left');
        a.signal('p1', 1, 'y');
        await a.expectError('peer-not-found', { to: 'p1', id: 'y' });
    });

    test('two rooms know nothing of each other', async () => {
        const [one, two] = [await crowd(), await crowd()];
        one[0].signal('p1', 'one');
        two[1].signal('p0', 'two');
        await one[1].expect('signal', { data: 'one' });
        await two[0].expect('signal', { data: 'two' });
        for (const peer of [...one, ...two]) await peer.quiet();
    });

    test('a room outlives the instance it began on, and ends with its last peer', async () => {
        const room = freshRoom();
        const a = await join(room, 0);
        const b = await join(room, 1);
        await a.leave();
        await b.expect('peer-left');
        const c = await join(room, 0);
        assert.deepEqual(names(c), ['p1']);
        await c.leave();
        await b.until('peer-left');
        await b.leave();
        const keys = await on.cluster.keys();
        assert.deepEqual(keys.filter((key) => key.includes(room)), []);
    });

    test('each pair keeps its order, all to all at once', async () => {
        const COUNT = 60; // within what is held for who has not acknowledged
        const peers = await crowd();
        for (let n = 0; n < COUNT; n++) {
            for (const from of peers) for (const to of peers) from.signal(to.id, n);
        }
        for (const to of peers) {
            const got = new Map(peers.map(({ id }) => [id, []]));
            for (const { from, data } of await to.signals(COUNT * peers.length)) {
                got.get(from).push(data);
            }
            for (const [from, list] of got) {
                assert.deepEqual(list, [...Array(COUNT).keys()], `${from} to ${to.id}`);
            }
        }
        for (const peer of peers) await peer.quiet();
    });

    test('of many that want one name at once, on different instances, one gets it', async () => {
        for (let round = 0; round < 25; round++) {
            const room = freshRoom();
            const asking = await Promise.all(
                Array.from({ length: 4 }, (_, n) => Peer.connect(on.cluster.at(n % instances), { room })),
            );
            for (const peer of asking) peer.send({ type: 'join', peer: 'name' });
            const answers = await Promise.all(asking.map((peer) => peer.next()));
            const joined = asking.filter((_, n) => answers[n].type === 'joined');
            assert.equal(joined.length, 1, JSON.stringify(answers));
            for (const [n, peer] of asking.entries()) {
                if (peer === joined[0]) continue;
                assert.equal(answers[n].code, 'peer-taken');
                await peer.expectClose(4010);
            }
            await joined[0].quiet();
            await joined[0].leave();
        }
    });
});

const SMALL = { 'limits.peers_per_room': 3, 'limits.rooms': 20 };

clusterSuite('limits of all together', MODES.slice(0, 2), { config: SMALL }, (on) => {
    test('of many that want the last place of a room at once, one gets it', async () => {
        for (let round = 0; round < 25; round++) {
            const room = freshRoom();
            const first = await Peer.join(on.cluster.at(0), { room });
            const second = await Peer.join(on.cluster.at(1), { room });
            await first.expect('peer-joined');
            const asking = await Promise.all(
                Array.from({ length: 4 }, (_, n) => Peer.connect(on.cluster.at(n % 2), { room })),
            );
            for (const peer of asking) peer.send({ type: 'join' });
            const answers = await Promise.all(asking.map((peer) => peer.next()));
            const joined = asking.filter((_, n) => answers[n].type === 'joined');
            assert.equal(joined.length, 1, JSON.stringify(answers));
            for (const [n, peer] of asking.entries()) {
                if (peer === joined[0]) continue;
                assert.equal(answers[n].code, 'room-full');
                await peer.expectClose(4006);
            }
            for (const peer of [first, second]) await peer.expect('peer-joined');
            for (const peer of [first, second, joined[0]]) await peer.leave();
        }
    });

    test('the number of rooms is that of all instances', async () => {
        const peers = [];
        for (let n = 0; n < 20; n++) peers.push(await Peer.join(on.cluster.at(n % 2)));
        const late = await Peer.connect(on.cluster.at(0));
        late.send({ type: 'join' });
        await late.expectError('unavailable');
        await late.expectClose(1013);
        await peers[1].leave();
        await Peer.join(on.cluster.at(0));
    });
});
