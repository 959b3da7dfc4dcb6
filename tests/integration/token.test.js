// Who may enter: access tokens against the real server.

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { expectRefused, freshRoom, Peer } from '../support/peer.js';
import { PLAIN, PLAIN2, ownServer, suite } from '../support/suite.js';
import { claimsOf, enter, GUARDED, makeKey, SECRET, secretJwk, sign, soon } from '../support/token.js';

suite('tokens', [PLAIN, PLAIN2], { ...GUARDED, concurrency: true }, (on) => {
    const last = () => ({ worker: on.mode.workers - 1 });

    test('unauthorized, 4001: without a token, or with a bad one, nobody enters', async () => {
        const room = freshRoom();
        const good = { room, exp: soon() };
        const [head, body, signature] = sign(good).split('.');
        const bad = [
            undefined,
            '',
            'nonsense',
            `${head}.${body}.`,
            `${head}.${body}.${signature.slice(0, -1)}`,
            `${head}.${body}.${signature}A`,
            `${head}.${Buffer.from(JSON.stringify({ ...good, sub: 'x' })).toString('base64url')}.${signature}`,
            sign(good, 'another-secret-0123456789abcdefghijklmnop'),
            sign(good, SECRET, { alg: 'none' }),
            sign(good, SECRET, { alg: 'none' }, 'HS256'),
            sign(good, SECRET, { kid: 'k1' }),
            sign(good, SECRET, { crit: ['exp'] }),
            sign(good, SECRET, { typ: 'JOSE' }),
            sign({ room }),
            sign({ room, exp: soon(-1) }),
            sign({ room, exp: String(soon()) }),
            sign({ ...good, nbf: soon(60) }),
            sign({ ...good, iat: soon(60) }),
            sign({ ...good, aud: 'somebody' }),
            sign({ ...good, sub: '' }),
            sign({ ...good, sub: 7 }),
            sign({ ...good, info: [] }),
            sign({ ...good, grants: 'admin' }),
            sign({ ...good, once: true }),
            sign({ room: [room], exp: soon(), once: true, jti: 'x' }),
            sign([good]),
            sign(`{"room":"${room}","exp":${soon()},"exp":${soon()}}`),
        ];
        for (const token of bad) await expectRefused(on.server, { room, token }, 'unauthorized', 4001);
    });

    test('a token that is too long is no token', async () => {
        const room = freshRoom();
        const fits = (n) => sign({ room, exp: soon(), info: { a: 'x'.repeat(n) } });
        let n = 2900;
        while (fits(n).length <= 4096) n++;
        assert.ok(fits(n - 1).length > 4090);
        const peer = await Peer.ask(on.server, { room, token: fits(n - 1) });
        await peer.expectJoined();
        await expectRefused(on.server, { room, token: fits(n) }, 'too-large', 4000);
    });

    test('forbidden, 4003: a token is for its rooms', async () => {
        const room = freshRoom();
        const rooms = [room, [freshRoom(), room], `${room.slice(0, -1)}*`, '*', ['none', `${room}*`]];
        for (const claim of rooms) {
            const peer = await Peer.ask(on.server, { room, token: sign({ room: claim, exp: soon() }) });
            await peer.expectJoined();
        }
        const others = [undefined, null, 7, '', `${room}x`, room.slice(1), `x${room}*`, [], [7], [[room]], {}];
        for (const claim of others) {
            const token = sign({ room: claim, exp: soon() });
            await expectRefused(on.server, { room, token }, 'forbidden', 4003);
        }
    });

    test('sub is the peer ID', async () => {
        const room = freshRoom();
        const a = await enter(on.server, { room, sub: 'ann' });
        assert.equal(a.id, 'ann');
        assert.ok(a.joined.tokenExpiresIn > 50 && a.joined.tokenExpiresIn <= 60);
        const token = sign({ room, sub: 'ben', exp: soon() });
        assert.equal((await Peer.join(on.server, { room, token, peer: 'ben' })).id, 'ben');
        await expectRefused(on.server, { room, token, peer: 'ann' }, 'forbidden', 4003);
        const free = await enter(on.server, { room }, { peer: 'anybody' });
        assert.equal(free.id, 'anybody');
    });

    test('the header Authorization will do', async () => {
        const room = freshRoom();
        const headers = (token, scheme = 'Bearer') => ({ headers: { authorization: `${scheme} ${token}` } });
        const token = sign({ room, sub: 'ann', exp: soon() });
        for (const scheme of ['Bearer', 'bearer']) {
            const peer = await Peer.ask(on.server, { room }, headers(token, scheme));
            assert.equal((await peer.expectJoined()).peer, 'ann');
            await peer.leave();
        }
        await expectRefused(on.server, { room }, 'unauthorized', 4001, headers(token, 'Basic'));
        await expectRefused(on.server, { room }, 'unauthorized', 4001, headers(`${token}${'x'.repeat(9000)}`));
        const both = { room, token: 'nonsense' };
        await expectRefused(on.server, both, 'unauthorized', 4001, headers(token));
    });

    test('a token in the query is none', async () => {
        const room = freshRoom();
        const path = `/v1/rooms/${room}/ws?token=${sign({ room, exp: soon() })}`;
        await expectRefused(on.server, { room }, 'unauthorized', 4001, { path });
    });

    test('what the token says of a peer stands', async () => {
        const room = freshRoom();
        const b = await enter(on.server, { room, sub: 'ben' }, last());
        const info = { name: 'Ann', role: 'host' };
        const a = await enter(on.server, { room, sub: 'ann', info }, { info: { name: 'Mallory', muted: true } });
        await b.expect('peer-joined', { peer: 'ann', info: { ...info, muted: true } });
        a.send({ type: 'info', info: { role: 'guest', muted: false } });
        await b.expect('peer-info', { peer: 'ann', info: { ...info, muted: false } });
    });

    test('forbidden: a message takes its right', async () => {
        const room = freshRoom();
        const b = await enter(on.server, { room, sub: 'ben' }, last());
        const a = await enter(on.server, { room, sub: 'ann', grants: [] }, { info: { a: 1 } });
        await b.expect('peer-joined', { peer: 'ann', info: {} });
        a.send({ type: 'signal', to: 'ben', data: 1, id: 7 });
        await a.expectError('forbidden', { to: 'ben', id: 7 });
        a.send({ type: 'info', info: {} });
        await a.expectError('forbidden');
        for (const message of [{ type: 'lock', locked: true }, { type: 'kick', peer: 'ben' }, { type: 'close' }]) {
            a.send({ ...message, id: 'x' });
            await a.expectError('forbidden', { id: 'x' });
        }
        await b.quiet();
        await a.leave();
    });

    test('4001: expiry closes, and a fresh token resumes', async () => {
        const room = freshRoom();
        const b = await enter(on.server, { room, sub: 'ben' }, last());
        const a = await enter(on.server, { room, sub: 'ann', exp: soon(2) });
        await b.until('peer-joined');
        await a.expectError('unauthorized');
        await a.expectClose(4001);
        await b.expect('peer-away', { peer: 'ann' });
        b.signal('ann', 'while away');
        await assert.rejects(a.resume(on.server, { token: sign({ room, sub: 'ann', exp: soon(-1) }) }), /unauthorized/);
        await assert.rejects(a.resume(on.server, { token: sign({ room, sub: 'ben', exp: soon() }) }), /forbidden/);
        await assert.rejects(a.resume(on.server), /unauthorized/);
        const again = await a.resume(on.server, { token: sign({ room, sub: 'ann', exp: soon() }), ...last() });
        assert.equal(again.joined.resumed, true);
        await again.expect('signal', { from: 'ben', data: 'while away' });
        await b.until('peer-back', { peer: 'ann' });
    });

    test('token: a fresh one in time keeps the connection', async () => {
        const room = freshRoom();
        const b = await enter(on.server, { room, sub: 'ben' }, last());
        const a = await enter(on.server, { room, sub: 'ann', exp: soon(3) });
        const bad = [
            ['unauthorized', 'nonsense'],
            ['unauthorized', sign({ room, sub: 'ann', exp: soon(-1) })],
            ['unauthorized', sign({ room, sub: 'ann', exp: soon(), jti: 'x', once: true })],
            ['forbidden', sign({ room: 'elsewhere', sub: 'ann', exp: soon() })],
            ['forbidden', sign({ room, sub: 'ben', exp: soon() })],
            ['forbidden', sign({ room, exp: soon() })],
        ];
        for (const [code, token] of bad) {
            a.send({ type: 'token', token, id: 1 });
            await a.until('error', { code, id: 1 });
        }
        a.send({ type: 'token', token: sign({ room, sub: 'ann', exp: soon(60), grants: ['signal', 'admin'] }) });
        const { tokenExpiresIn } = await a.until('token');
        assert.ok(tokenExpiresIn > 50 && tokenExpiresIn <= 60);
        await new Promise((resolve) => setTimeout(resolve, 3500)); // the first token's end, and nothing happens
        a.signal('ben', 'still here');
        await b.until('signal', { data: 'still here' });
        a.send({ type: 'info', info: {} });
        await a.until('error', { code: 'forbidden' });
    });
});

// ---- keys

/** Writes a JWK Set, all at once as an operator should. */
function writeKeys(path, keys) {
    writeFileSync(`${path}.new`, typeof keys === 'string' ? keys : JSON.stringify({ keys }));
    renameSync(`${path}.new`, path);
}

const keysPath = (name) => join(temporaryFolder(), name);

test('keys of three kinds, each for its alg', async (t) => {
    const path = keysPath('three.json');
    const e = makeKey('ES256', 'e');
    const o = makeKey('EdDSA', 'o');
    writeKeys(path, [e.jwk, o.jwk, secretJwk(SECRET, 'h'), { kty: 'RSA', n: 'AQAB', e: 'AQAB' }]);
    const server = await ownServer(t, { workers: 2, config: { ...GUARDED.config, 'auth.keys_file': path } });
    const room = freshRoom();
    const claims = { room, exp: soon() };
    for (const { alg, kid, key } of [
        { alg: 'ES256', kid: 'e', key: e.private },
        { alg: 'EdDSA', kid: 'o', key: o.private },
        { alg: 'HS256', kid: 'h', key: SECRET },
    ]) {
        for (const header of [{ alg, kid }, { alg }]) {
            await (await Peer.ask(server, { room, token: sign(claims, key, header) })).expectJoined();
        }
    }
    const pem = e.public.export({ type: 'spki', format: 'pem' });
    for (const token of [
        sign(claims, e.private, { alg: 'ES256', kid: 'o' }),
        sign(claims, pem, { alg: 'HS256', kid: 'e' }),
        sign(claims, pem, { alg: 'HS256', kid: 'h' }),
        sign(claims, pem, { alg: 'ES256', kid: 'e' }, 'HS256'),
        sign(claims, o.private, { alg: 'ES256', kid: 'e' }, 'EdDSA'),
    ])
        await expectRefused(server, { room, token }, 'unauthorized', 4001);
});

test('SIGHUP brings new keys, and a bad file leaves the old ones', async (t) => {
    const path = keysPath('rotated.json');
    const [before, after] = [makeKey('EdDSA', 'before'), makeKey('ES256', 'after')];
    writeKeys(path, [before.jwk]);
    const server = await ownServer(t, { workers: 2, config: { ...GUARDED.config, 'auth.keys_file': path } });
    const room = freshRoom();
    const good = (key, more = {}) =>
        Peer.ask(server, { room, token: sign({ room, exp: soon() }, key.private, key) }, more).then((p) => p.expectJoined());
    const refused = (key, more) =>
        expectRefused(server, { room, token: sign({ room, exp: soon() }, key.private, key) }, 'unauthorized', 4001, more);
    const reload = async (event) => {
        const told = server.nextLog((line) => line.event === event && line.worker === undefined);
        server.signal('SIGHUP');
        return told;
    };
    const stays = await Peer.join(server, { room, token: sign({ room, exp: soon() }, before.private, before) });
    await refused(after);
    writeKeys(path, [before.jwk, after.jwk]);
    await reload('reloaded');
    for (const worker of [0, 1]) for (const key of [before, after]) await good(key, { worker });
    writeKeys(path, '{"keys":[{"kty":"oct","k":"canary-key-too-short"}]}');
    const { cause } = await reload('reload-failed');
    assert.match(cause, /^auth\.keys_file: .*rotated\.json: key 1: k is not base64url of 32 to 512 bytes$/);
    for (const worker of [0, 1]) await good(after, { worker });
    writeKeys(path, [after.jwk]);
    await reload('reloaded');
    for (const worker of [0, 1]) await refused(before, { worker });
    await stays.settle(); // who is in stays until the token ends
});

test('iss and aud are those of the configuration; clocks may differ', async (t) => {
    const config = {
        'auth.mode': 'token',
        'auth.issuer': 'https://app.example',
        'auth.audience': 'roomline',
        'auth.clock_skew': '1m',
    };
    const server = await ownServer(t, { config, env: GUARDED.env });
    const room = freshRoom();
    const good = { room, exp: soon(), iss: 'https://app.example', aud: 'roomline' };
    for (const claims of [
        good,
        { ...good, aud: ['other', 'roomline'] },
        { ...good, exp: soon(-50), nbf: soon(50), iat: soon(50) },
        { ...good, exp: soon() + 0.5 },
    ])
        await (await Peer.ask(server, { room, token: sign(claims) })).expectJoined();
    for (const claims of [
        { ...good, iss: undefined },
        { ...good, iss: 'https://app.example/' },
        { ...good, aud: undefined },
        { ...good, aud: 'roomlin' },
        { ...good, aud: [] },
        { ...good, aud: { roomline: true } },
        { ...good, exp: soon(-61) },
        { ...good, nbf: soon(70) },
        { ...good, iat: soon(70) },
    ])
        await expectRefused(server, { room, token: sign(claims) }, 'unauthorized', 4001);
});

test('without tokens the server says so, and takes no account of them', async (t) => {
    const server = await ownServer(t, {});
    const warning = await server.waitLog((line) => line.event === 'no-auth');
    assert.equal(warning.level, 'warn');
    const peer = await Peer.join(server, { token: 'nonsense' });
    peer.send({ type: 'token', token: 'nonsense' });
    await peer.quiet();
    peer.send({ type: 'close' });
    await peer.expectError('forbidden');
    assert.equal(peer.joined.tokenExpiresIn, undefined);
});

test('with tokens it does not', async (t) => {
    const server = await ownServer(t, { ...GUARDED });
    assert.equal(server.logs.some((line) => line.event === 'no-auth'), false);
});

test('bad configurations are refused', async () => {
    const broken = keysPath('broken.json');
    writeKeys(broken, '{"keys":[{"kty":"EC","crv":"P-256","x":"canary-key","y":"AA"}]}');
    for (const [settings, env, message] of [
        [['auth.mode=token'], {}, /auth\.mode: token needs auth\.keys_file or auth\.secret/],
        [['auth.mode=maybe'], {}, /auth\.mode: .*allowed: none, token/],
        [[], { ROOMLINE_AUTH_SECRET: 'canary-short' }, /auth\.secret: must have 32 bytes or more/],
        [['auth.clock_skew=6m'], {}, /auth\.clock_skew/],
        [['auth.keys_file=/nowhere'], {}, /auth\.keys_file: .*cannot be read/],
        [[`auth.keys_file=${broken}`], {}, /auth\.keys_file: .*key 1: x, y and d are not a key of P-256/],
    ]) {
        const args = ['--check', ...settings.flatMap((one) => ['--set', one])];
        const { code, stderr } = await runServer(args, { env });
        assert.equal(code, 2, stderr);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, /canary/);
    }
});

// ---- roomline token

const mint = (args, env = GUARDED.env) => runServer(['token', ...args], { env });

test('roomline token makes tokens that the server takes', async (t) => {
    const path = keysPath('mint.json');
    const keys = [makeKey('ES256', 'e'), makeKey('EdDSA', 'o')];
    writeKeys(path, [...keys.map((key) => key.privateJwk), secretJwk(SECRET, 'h')]);
    const options = ['--set', `auth.keys_file=${path}`, '--set', 'auth.issuer=me', '--set', 'auth.audience=you'];
    const server = await ownServer(t, { args: options, config: GUARDED.config });
    for (const kid of ['e', 'o', 'h']) {
        const room = freshRoom();
        const info = '{"name":"Ann"}';
        const { code, stdout, stderr } = await mint(
            ['--room', room, '--sub', 'ann', '--ttl=90s', '--grant', 'signal', '--grant', 'admin', '--info', info,
                '--once', '--kid', kid, ...options],
            {},
        );
        assert.equal(code, 0, stderr);
        const { jti, iat, exp, ...claims } = claimsOf(stdout);
        assert.deepEqual(claims, {
            room, sub: 'ann', grants: ['signal', 'admin'], once: true, info: { name: 'Ann' }, iss: 'me', aud: 'you',
        });
        assert.equal(exp - iat, 90);
        assert.equal(jti.length, 22);
        const peer = await Peer.join(server, { room, token: stdout.trim() });
        assert.equal(peer.id, 'ann');
    }
});

test('roomline token says what is wrong', async () => {
    const good = ['--room', 'a'];
    for (const [args, env, code, message] of [
        [[], GUARDED.env, 2, /a token needs a room/],
        [['--room', ''], GUARDED.env, 2, /a room is a room name/],
        [['--room', 'a/b'], GUARDED.env, 2, /a room is a room name/],
        [['--room'], GUARDED.env, 2, /lacks its value/],
        [[...good, '--once=1'], GUARDED.env, 2, /one too many/],
        [[...good, '--sub', 'x'.repeat(65)], GUARDED.env, 2, /sub is a peer ID/],
        [[...good, '--ttl', 'soon'], GUARDED.env, 2, /--ttl is a time/],
        [[...good, '--ttl', '500ms'], GUARDED.env, 2, /ttl is 1 second to 365 days/],
        [[...good, '--ttl', '366d'], GUARDED.env, 2, /ttl is 1 second to 365 days/],
        [[...good, '--grant', 'root'], GUARDED.env, 2, /--grant is signal, info or admin/],
        [[...good, '--info', '[1]'], GUARDED.env, 2, /info is a JSON object/],
        [['--room', 'a*', '--once'], GUARDED.env, 2, /good once is for one room/],
        [[...good, '--nonsense'], GUARDED.env, 2, /unknown option/],
        [[...good, '--config', '/nowhere'], GUARDED.env, 2, /nowhere/],
        [good, {}, 1, /no key that signs/],
        [[...good, '--kid', 'x'], GUARDED.env, 1, /no key of this kid/],
        [good, { ROOMLINE_AUTH_SECRET: 'short' }, 2, /must have 32 bytes/],
        [[...good, '--info', `{"a":"${'x'.repeat(4000)}"}`], GUARDED.env, 1, /over 4096 bytes/],
    ]) {
        const { code: exit, stderr, stdout } = await mint(args, env);
        assert.deepEqual([exit, stdout], [code, ''], args.join(' '));
        assert.match(stderr, message);
        assert.equal(stderr.trim().split('\n').length, 1);
    }
    const { stdout } = await mint(['--help'], {});
    assert.match(stdout, /^usage: roomline token --room NAME/);
});

// ---- secrets

test('no log line holds a token, a secret or a key', async (t) => {
    const path = keysPath('logged.json');
    const key = makeKey('EdDSA', 'o');
    writeKeys(path, [key.privateJwk]);
    const config = { ...GUARDED.config, 'auth.keys_file': path, 'log.level': 'debug' };
    const server = await ownServer(t, { workers: 2, config, env: GUARDED.env });
    const room = freshRoom();
    const tokens = [
        sign({ room, sub: 'ann', exp: soon() }),
        sign({ room, sub: 'ben', exp: soon() }, key.private, key),
        sign({ room, exp: soon(-10) }),
        sign({ room: 'other', exp: soon() }),
        'canary-nonsense',
        sign({ room, sub: 'ann', exp: soon(), jti: 'canary-ticket', once: true }),
    ];
    for (const token of tokens) {
        const peer = await Peer.ask(server, { room, token });
        await peer.next();
        await peer.lose();
        const bearer = await Peer.ask(server, { room }, { headers: { authorization: `Bearer ${token}` } });
        await bearer.next();
        bearer.send({ type: 'token', token });
        await bearer.lose();
    }
    server.signal('SIGHUP');
    await server.waitLog((line) => line.event === 'reloaded' && line.worker === undefined);
    await server.stop();
    const log = server.logs.map((line) => JSON.stringify(line)).concat(server.noise).join('\n');
    assert.match(log, /token-refused/);
    assert.match(log, /the signature is wrong|not three parts/);
    const secrets = [SECRET, key.privateJwk.d, ...tokens.flatMap((token) => token.split('.'))];
    for (const secret of secrets.filter((one) => one.length > 12)) assert.ok(!log.includes(secret), secret);
});
