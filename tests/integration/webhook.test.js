// A webhook that decides who may enter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificate } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { expectRefused, freshRoom, Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { isSigned, Webhook, WEBHOOK_SECRET } from '../support/webhook.js';

const yes = (more) => ({ body: { allow: true, ...more } });

/** A server that asks this webhook. */
function guarded(t, hook, config = {}, options = {}) {
    const asked = { 'auth.mode': 'webhook', 'webhooks.auth': hook.url, ...config };
    return ownServer(t, { config: asked, ...options });
}

for (const workers of [1, 2]) {
    test(`it is asked with all that is known, and may say more (${workers} workers)`, async (t) => {
        const iceServers = [{ urls: ['stun:stun.example.org'] }];
        const hook = await Webhook.start(t, () =>
            yes({ peer: 'ann', info: { name: 'Ann' }, maxPeers: 1, iceServers, grants: ['info'] }),
        );
        const env = { ROOMLINE_WEBHOOKS_SECRET: WEBHOOK_SECRET };
        const server = await guarded(t, hook, {}, { workers, env });
        const room = freshRoom('한 방');
        const ann = await Peer.join(server, {
            room,
            token: 'my "ticket"',
            headers: { Origin: server.url },
            info: { name: 'Eve', age: 7 },
        });
        const request = await hook.requests.take();
        assert.equal(request.method, 'POST');
        assert.equal(request.url, '/hook');
        assert.equal(request.headers['content-type'], 'application/json');
        assert.ok(isSigned(request), 'the signature');
        assert.deepEqual(request.body, {
            room,
            token: 'my "ticket"',
            address: '127.0.0.1',
            origin: server.url,
            renewal: false,
        });
        assert.equal(ann.id, 'ann');
        assert.deepEqual(ann.joined.iceServers, iceServers);
        ann.signal('ann', 1);
        await ann.expectError('forbidden');
        hook.answer = () => yes({ maxPeers: 1 });
        await expectRefused(server, { room, peer: 'bob' }, 'room-full', 4006);
        assert.equal((await hook.requests.take()).body.peer, 'bob');
    });
}

test('no means no', async (t) => {
    const hook = await Webhook.start(t, () => ({ body: { allow: false, reason: 'has not paid' } }));
    const server = await guarded(t, hook);
    await expectRefused(server, {}, 'forbidden', 4003);
    await server.waitLog((line) => line.event === 'auth-webhook-denied' && line.reason === 'has not paid');
});

test('who was let in for a time shows a token before it ends, or is closed', async (t) => {
    const hook = await Webhook.start(t, ({ body }) => yes({ ttl: body.token === 'long' ? 3600 : 2 }));
    const server = await guarded(t, hook);
    const room = freshRoom();
    const stays = await Peer.join(server, { room, peer: 'stays', token: 'short' });
    stays.send({ type: 'token', token: 'long' });
    const goes = await Peer.join(server, { room, peer: 'goes', token: 'short' });
    await goes.expectError('unauthorized');
    await goes.expectClose(4001);
    await stays.settle();
    const renewal = await hook.requests.take(({ body }) => body.renewal);
    assert.equal(renewal.body.token, 'long');
    assert.equal(renewal.body.peer, 'stays');
});

test('without an answer nobody enters; then it is left alone, and tried again', async (t) => {
    const hook = await Webhook.start(t, () => ({ status: 500 }));
    const server = await guarded(t, hook, { 'webhooks.auth_failures': 3, 'webhooks.auth_pause': '400ms' });
    for (let i = 0; i < 3; i++) await expectRefused(server, {}, 'unavailable', 1013);
    await server.waitLog((line) => line.event === 'auth-webhook-down');
    assert.equal(hook.requests.items.length, 3);
    hook.answer = () => yes();
    const started = Date.now();
    for (;;) {
        const peer = await Peer.join(server, { room: freshRoom() }).catch(() => null);
        if (peer) break;
        assert.ok(Date.now() - started < 15_000, 'it is tried again');
    }
    await server.waitLog((line) => line.event === 'auth-webhook-up');
    assert.equal(hook.requests.items.length, 4, 'while it was left alone it was not asked');
    await Peer.join(server, { room: freshRoom() });
});

test('an answer that is none lets nobody in', async (t) => {
    const bodies = ['', 'true', '{"allow":"true"}', '{"allow":true', '{"allow":true,"info":[]}', `"${'x'.repeat(70_000)}"`];
    const hook = await Webhook.start(t, () => ({ body: bodies.shift() }));
    const server = await guarded(t, hook, { 'webhooks.auth_failures': 0 });
    while (bodies.length > 0) await expectRefused(server, {}, 'unavailable', 1013);
});

test('silence is an answer, too', async (t) => {
    const hook = await Webhook.start(t, () => null);
    const server = await guarded(t, hook, { 'webhooks.timeout': '200ms' });
    await expectRefused(server, {}, 'unavailable', 1013);
});

test('nobody listens there', async (t) => {
    const hook = await Webhook.start(t, () => yes());
    hook.stop();
    const server = await guarded(t, hook);
    await expectRefused(server, {}, 'unavailable', 1013);
});

test('who hangs up meanwhile is forgotten, who talks on is heard afterwards', async (t) => {
    let decide;
    const decided = new Promise((resolve) => (decide = resolve));
    const hook = await Webhook.start(t, () => decided);
    const server = await guarded(t, hook);
    const room = freshRoom();
    const gone = await Peer.connect(server, { room });
    gone.send({ type: 'join', peer: 'gone' });
    const early = await Peer.connect(server, { room });
    early.send({ type: 'join', peer: 'early' });
    early.signal('early', 'before the answer');
    for (let i = 0; i < 2; i++) await hook.requests.take();
    gone.ws.destroy();
    decide(yes());
    await early.expectJoined();
    await early.until('signal', { data: 'before the answer' });
    await early.settle();
    assert.ok(!early.roster.has('gone'));
});

test('many join at a time over a few connections, which are kept', async (t) => {
    const hook = await Webhook.start(t, () => yes());
    const server = await guarded(t, hook);
    const room = freshRoom();
    await Promise.all(Array.from({ length: 40 }, () => Peer.join(server, { room })));
    assert.ok(hook.connections <= 8, `${hook.connections} connections`);
});

test('over TLS it has to prove who it is', async (t) => {
    const tls = certificate();
    const hook = await Webhook.start(t, () => yes(), { tls });
    const server = await guarded(t, hook, { 'webhooks.ca': tls.cert });
    await Peer.join(server, { room: freshRoom() });
    const other = await guarded(t, hook);
    await expectRefused(other, {}, 'unavailable', 1013);
    const { cause } = await other.waitLog((line) => line.event === 'auth-webhook-failed');
    assert.match(cause, /certificate/);
});

test('neither token nor secret is logged', async (t) => {
    const hook = await Webhook.start(t, () => ({ status: 403, body: 'canary-answer' }));
    const env = { ROOMLINE_WEBHOOKS_SECRET: WEBHOOK_SECRET, ROOMLINE_LOG_LEVEL: 'debug' };
    const server = await guarded(t, hook, {}, { env });
    await expectRefused(server, { token: 'canary-token' }, 'unavailable', 1013);
    const log = server.output();
    for (const canary of ['canary-token', 'canary-answer', WEBHOOK_SECRET]) assert.ok(!log.includes(canary), canary);
});

test('a configuration that cannot work is refused', async () => {
    const wrong = [
        ['auth.mode=webhook', /auth\.mode: webhook needs webhooks\.auth/],
        ['webhooks.auth=ftp://a/', /webhooks\.auth: .*http/],
        ['webhooks.secret=short', /webhooks\.secret: must have 32 bytes/],
        ['webhooks.ca=/nowhere.pem', /webhooks\.ca/],
    ];
    for (const [setting, expected] of wrong) {
        const { code, stderr } = await runServer(['--check', '--set', setting]);
        assert.equal(code, 2, setting);
        assert.match(stderr, expected);
    }
});
