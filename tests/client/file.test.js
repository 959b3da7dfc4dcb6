// Files on their way through a call, over made-up connections.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { FakeServer, idle, record } from './fake_room.js';
import { Clock } from './fakes.js';
import '../../client/file.js'; // which calls load when they need it: no file system under a clock that stands still

const MIB = 1024 * 1024;

let clock, server, ann, ben, mine, theirs;

beforeEach(async () => {
    clock = new Clock();
    clock.now = 1_000;
    server = new FakeServer();
    [ann, ben] = [await server.join('ann'), await server.join('ben')];
    ben.on('call', ({ call }) => call.accept());
    mine = ann.call('ben', { receive: false });
    await mine.until('connected');
    await idle();
    theirs = ben.calls.get('ann');
});

afterEach(() => clock.restore());

function someBytes(size) {
    return Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

const fileOf = (bytes, name = 'a.bin', type = 'text/plain') =>
    Object.assign(new Blob([bytes], { type }), { name });

// Offers a file and returns both ends of its transfer.
async function offered(file, options) {
    const files = record(theirs, 'file');
    const out = await mine.sendFile(file, options);
    await idle();
    return [out, files[0].file];
}

test('a file arrives as it was, with its name, its size and its progress', async () => {
    for (const size of [0, 1, 65_536, 3 * MIB + 17]) {
        const bytes = someBytes(size);
        const [out, into] = await offered(fileOf(bytes));
        assert.deepEqual(
            [into.name, into.size, into.type, into.incoming, into.state],
            ['a.bin', size, 'text/plain', true, 'offered'],
        );
        const [there, here] = [record(into, 'progress'), record(out, 'progress')];
        const blob = await into.accept();
        assert.equal(await out.done, null);
        assert.equal(blob.type, 'text/plain');
        assert.equal(Buffer.compare(Buffer.from(await blob.arrayBuffer()), bytes), 0);
        assert.deepEqual([out.state, into.state, out.bytes, into.bytes], ['done', 'done', size, size]);
        for (const events of [there, here]) {
            const counts = events.map(({ bytes }) => bytes);
            assert.deepEqual(counts, [...counts].sort((a, b) => a - b));
            assert.equal(counts.at(-1), size);
        }
        assert.ok(size < MIB || here.length > 8);
    }
});

test('a slow stream slows the sender: no more than a window is ever under way', async () => {
    const size = 5 * MIB;
    const [out, into] = await offered(fileOf(someBytes(size)));
    const written = [];
    const slow = [];
    const to = new WritableStream({
        write(chunk) {
            written.push(...chunk.subarray(0, 1));
            return new Promise((resolve) => slow.push(resolve));
        },
    });
    const done = into.accept({ to });
    let sent = 0;
    const { send } = Object.getPrototypeOf(mine.pc.createDataChannel('probe'));
    const proto = Object.getPrototypeOf(mine.pc.createDataChannel('probe'));
    proto.send = function (data) {
        sent += data.byteLength ?? 0;
        return send.call(this, data);
    };
    try {
        for (let taken = 0; taken < size / 65_536; ) {
            await idle();
            assert.ok(sent - taken * 65_536 <= MIB + 65_536, `${sent} sent, ${taken} taken`);
            const resolve = slow.shift();
            if (!resolve) continue;
            resolve();
            taken++;
        }
        assert.equal(await done, null);
        await out.done;
        assert.equal(written.length, size / 65_536);
    } finally {
        proto.send = send;
    }
});

test('a file can be declined, and cancelled from either end', async () => {
    let [out, into] = await offered(fileOf(someBytes(10)));
    into.decline();
    await assert.rejects(out.done, { code: 'declined' });
    assert.equal(into.state, 'declined');

    for (const who of ['sender', 'receiver']) {
        [out, into] = await offered(fileOf(someBytes(8 * MIB)));
        const accepted = into.accept();
        accepted.catch(() => {});
        const first = new Promise((resolve) => into.on('progress', resolve, { once: true }));
        await first;
        (who === 'sender' ? out : into).cancel();
        await Promise.all([
            assert.rejects(out.done, { code: 'cancelled' }),
            assert.rejects(accepted, { code: 'cancelled' }),
        ]);
        assert.ok(into.bytes < into.size);
    }
    [out, into] = await offered(fileOf(someBytes(10)));
    out.cancel();
    await idle();
    assert.equal(into.state, 'cancelled');
    await assert.rejects(into.accept(), { code: 'cancelled' });
});

test('a call that ends, and a stream that breaks, fail it', async () => {
    let [out, into] = await offered(fileOf(someBytes(10)));
    const to = new WritableStream({
        write() {
            throw new Error('disk full');
        },
    });
    await assert.rejects(into.accept({ to }), { code: 'failed' });
    await assert.rejects(out.done, { code: 'cancelled' });
    [out, into] = await offered(fileOf(someBytes(10)));
    mine.hangUp();
    await assert.rejects(out.done, { code: 'failed' });
    await assert.rejects(into.done, { code: 'failed' });
    await assert.rejects((await mine.sendFile(fileOf(someBytes(1)))).done, { code: 'failed' });
});

test('offers that make no sense, and too many of them, are declined', async () => {
    const files = record(theirs, 'file');
    // As if the other side had said it.
    const raw = (message) => theirs.pc.channel(0).onmessage({ data: JSON.stringify(message) });
    for (const bad of [
        { file: 'a1', name: 'x', size: -1 },
        { file: 'a1', name: 'x', size: 1.5 },
        { file: 'a1', name: 'x' },
        { file: 'b1', name: 'not its own number', size: 1 },
    ])
        raw(bad);
    for (const odd of [null, 7, 'text', [], { text: 5 }, { media: 7 }, { file: {} }, { file: 'zz', action: 'accept' }])
        raw(odd);
    await idle();
    assert.equal(files.length, 0);
    const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) => mine.sendFile(fileOf(someBytes(1), `${i}`))),
    );
    await idle();
    assert.equal(files.length, 16);
    assert.deepEqual(all.map(({ state }) => state).slice(15), ['offered', ...Array(4).fill('declined')]);
    files[0].file.decline();
    await idle();
    raw({ file: 'a99', name: 'x'.repeat(9999), size: 1, type: 'y'.repeat(9999) });
    await idle();
    const { name, type } = files[16].file;
    assert.deepEqual([name.length, type.length], [255, 127]);
});

test('an offer that comes just before the end of a call is no news', async () => {
    const files = record(theirs, 'file');
    theirs.pc.channel(0).onmessage({ data: JSON.stringify({ file: 'a1', name: 'x', size: 1 }) });
    theirs.hangUp();
    await idle();
    assert.equal(files.length, 0);
});

test('what was cancelled before there was a connection is not offered', async () => {
    mine.hangUp();
    server.waiting = [];
    mine = ann.call('ben', { receive: false });
    const out = await mine.sendFile(fileOf(someBytes(1)));
    out.cancel();
    server.flush();
    const files = record(ben.calls.get('ann'), 'file');
    await mine.until('connected');
    await idle();
    assert.deepEqual([files.length, out.state], [0, 'cancelled']);
});

test('who hangs up as a file fails with the call ends it once', async () => {
    const ends = record(mine, 'ended');
    const [out] = await offered(fileOf(someBytes(1)));
    out.on('state', () => mine.hangUp());
    theirs.hangUp();
    await assert.rejects(out.done, { code: 'failed' });
    assert.equal(ends.length, 1);
});
