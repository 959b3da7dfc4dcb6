// docs/operations.md names only log events that the program has, and its ACL rules suffice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesOf, textOf } from '../lint/files.js';
import { eventually, startCluster } from '../support/cluster.js';
import { Peer } from '../support/peer.js';
import { startRedis, startSentinels } from '../support/redis.js';

const OPERATIONS = textOf('docs/operations.md');
const PASSWORD = 'secret';

/** What log_event() and log_session() are called with in sources: both names where it is `x ? "one" : "two"`. */
function eventsOf(...patterns) {
    const text = filesOf(...patterns).map(textOf).join('\n');
    const call = /\blog_(?:event|session)\(\s*[^,"]*,\s*(?:\w+ \? "([^"]+)" : )?"([^"]+)"/g;
    return new Set([...text.matchAll(call)].flatMap(([, ...names]) => names.filter(Boolean)));
}

/** The events of the log lines in code blocks: `12:00:00.000 warn  name key=value`. */
function shownLines() {
    const line = /^\d\d:\d\d:\d\d\.\d{3} (?:debug|info|warn|error) +(\S+)/gm;
    return [...OPERATIONS.matchAll(line)].map(([, event]) => event);
}

/** The first column of the table of events. */
function listedEvents() {
    const table = /\| event \|[^]*?\n\n/.exec(OPERATIONS)[0];
    return table
        .split('\n')
        .slice(2)
        .flatMap((row) => [...row.split('|')[1]?.matchAll(/`([^`]+)`/g) ?? []].map(([, name]) => name));
}

const rule = (name) => {
    const found = new RegExp(`user ${name} on >PASSWORD ([^\`\\n]*)`).exec(OPERATIONS);
    return `roomline on >${PASSWORD} ${found[1]}`;
};

const REDIS_RULE = rule('roomline');
const SENTINEL_RULE = `roomline on >${PASSWORD} ${/resetchannels &\+switch-master [^`]*/.exec(OPERATIONS)[0]}`;

/** Commands that a rule permits. */
const permitted = (text) => [...text.matchAll(/ \+(\S+)/g)].map(([, name]) => name).sort();

test('every log event that operations.md names is one of the program', () => {
    const known = eventsOf('src/*.c', 'src/**/*.c');
    const named = [...shownLines(), ...listedEvents()];
    assert.ok(shownLines().length >= 20 && listedEvents().length >= 15, `${named}`);
    assert.deepEqual(named.filter((event) => !known.has(event)), []);
});

test('every event of the bus with Redis is in the table of operations.md', () => {
    const names = eventsOf('src/bus/*.c');
    assert.ok(names.has('fenced') && names.has('unfenced') && names.has('redis-master'), `${[...names]}`);
    const listed = [...listedEvents(), 'bus-full']; // that one is of instances without Redis
    assert.deepEqual([...names].filter((name) => !listed.includes(name)), []);
});

test('the ACL rule permits what is used, and nothing else', () => {
    const inScripts = filesOf('src/bus/lua/*.lua').flatMap((path) =>
        [...textOf(path).matchAll(/\bcall\('([A-Z]+)'/g)].map(([, name]) => name.toLowerCase()),
    );
    const sent = filesOf('src/bus/*.c').map(textOf).join('\n');
    const words = [...sent.matchAll(/SLICE\("([A-Z]+)"\)/g)].map(([, name]) => name.toLowerCase());
    const scripts = [...sent.matchAll(/add_text\(words, "([A-Z]+)"\)/g)].map(([, name]) => name.toLowerCase());
    const containers = { client: ['client|setname', 'client|reply'], script: ['script|load'] };
    const arguments_ = ['setname', 'reply', 'on', 'load', 'master', 'sentinel', 'auth'];
    const used = [...words, ...scripts, ...inScripts]
        .filter((name) => !arguments_.includes(name))
        .flatMap((name) => containers[name] ?? [name]);
    assert.deepEqual(permitted(REDIS_RULE), [...new Set(used)].sort());
});

/** Everything a cluster does: two instances, a resume from each state, a drain, a crash. */
async function live(cluster, config) {
    const room = 'kitchen';
    const a = await Peer.join(cluster.at(0), { room, peer: 'a' });
    const b = await Peer.join(cluster.at(1), { room, peer: 'b' });
    await a.expect('peer-joined');
    a.signal('b', 1);
    await b.until('signal', { data: 1 });
    a.send({ type: 'info', info: { n: 1 } });
    await b.until('peer-info');
    await b.lose();
    await a.until('peer-away');
    const moved = await b.resume(cluster.at(0));
    assert.equal(moved.joined.resumed, true);
    await a.until('peer-back');
    await moved.lose();
    await a.until('peer-away');
    // What is left of the first instance is in mailboxes; then somebody else wants it.
    const third = await cluster.add({ config });
    const watcher = await Peer.join(third, { room, peer: 'w' });
    await cluster.at(0).stop();
    watcher.signal('b', 'held');
    await watcher.settle();
    const back = await moved.resume(cluster.at(1));
    assert.equal(back.joined.resumed, true);
    await back.until('signal', { data: 'held' });
    await cluster.at(1).kill();
    await watcher.until('peer-away', { peer: 'b' });
    await watcher.leave();
}

const denied = async (redis) => (await redis.call('ACL', 'LOG')).map((entry) => `${entry}`);

test('a cluster lives under the ACL rule and is denied nothing', async () => {
    const redis = await startRedis({ config: { user: REDIS_RULE } });
    const cluster = await startCluster({ redis: [redis], url: `${redis.url(`roomline:${PASSWORD}@`)}/1` });
    try {
        await live(cluster);
        assert.deepEqual(await denied(redis), []);
        // The rule counts: whoever lacks a right is noticed.
        await redis.call('ACL', 'SETUSER', 'roomline', '-zadd');
        await eventually(async () => (await denied(redis)).length > 0, 'something is denied');
    } finally {
        await cluster.kill();
        await redis.end();
    }
});

test('sentinels are asked under their rule and deny nothing', async () => {
    const redis = await startRedis({ config: { user: REDIS_RULE } });
    const sentinels = await startSentinels(redis, { config: { user: SENTINEL_RULE } });
    const url = sentinels.url.replace('://', `://roomline:${PASSWORD}@`);
    const config = { 'bus.sentinel_user': 'roomline', 'bus.sentinel_password': PASSWORD };
    const cluster = await startCluster({ redis: [redis], url, config });
    try {
        const a = await Peer.join(cluster.at(0), { room: 'kitchen' });
        await Peer.join(cluster.at(1), { room: 'kitchen' });
        await a.expect('peer-joined');
        assert.deepEqual(await denied(redis), []);
        for (const { use } of cluster.at(0).logs.filter(({ event }) => event === 'redis-down')) assert.fail(use);
    } finally {
        await cluster.kill();
        await sentinels.end();
        await redis.end();
    }
});
