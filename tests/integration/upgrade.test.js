// The WebSocket upgrade: path and room names, Origin, subprotocol, and the handshake of RFC 6455
// section 4.2.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame } from '../support/frame.js';
import { HttpConnection, requestText } from '../support/http.js';
import { freshRoom, Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, suite } from '../support/suite.js';
import { upgradeRequest } from '../support/upgrade.js';
import { connectWebSocket, HandshakeError } from '../support/websocket.js';

/** The status with which an upgrade is refused; fails where it is not. */
async function refused(server, options) {
    try {
        const ws = await connectWebSocket(server, options);
        await ws.destroy();
    } catch (error) {
        if (error instanceof HandshakeError) return error;
        throw error;
    }
    return assert.fail(`upgraded: ${JSON.stringify(options)}`);
}

const GOOD_ROOMS = [
    ['plain', 'abc', 'abc'],
    ['128 bytes', 'x'.repeat(128), 'x'.repeat(128)],
    ['128 bytes, all percent-encoded', '%78'.repeat(128), 'x'.repeat(128)],
    ['percent-encoded UTF-8', '%EA%B0%80%f0%9f%98%80', '가\u{1F600}'],
    ['a space', 'a%20b', 'a b'],
    ['a plus is a plus', 'a+b', 'a+b'],
    ['a percent sign', '100%25', '100%'],
    ['decoded once only', '%2541', '%41'],
    ['dots', '...', '...'],
    ['one dot, encoded', '%2e', '.'],
    ['two dots, encoded', '%2E%2e', '..'],
    ['a quote and a backslash', '%22%5C', '"\\'],
    ['a question mark and a hash', '%3F%23', '?#'],
    ['sub-delimiters', "!$&'()*+,;=:@~_-.", "!$&'()*+,;=:@~_-."],
];

const BAD_ROOMS = [
    ['empty', ''],
    ['129 bytes', 'x'.repeat(129)],
    ['129 bytes of UTF-8', '%C3%A9'.repeat(64) + 'x'],
    ['a slash, encoded', 'a%2Fb'],
    ['NUL', 'a%00b'],
    ['a newline', 'a%0Ab'],
    ['DEL', 'a%7F'],
    ['a C1 control', '%C2%85'],
    ['a bare percent sign', '100%'],
    ['half an escape', 'a%4'],
    ['no hexadecimal', 'a%zz'],
    ['not UTF-8', '%ff'],
    ['overlong UTF-8', '%C0%AF'],
    ['a surrogate', '%ED%A0%80'],
    ['beyond Unicode', '%F4%90%80%80'],
    ['cut UTF-8', '%E2%82'],
];

suite('room names', [PLAIN], {}, (on) => {
    for (const [what, encoded, room] of GOOD_ROOMS) {
        test(`taken: ${what}`, async () => {
            const ws = await Peer.connect(on.server, { path: `/v1/rooms/${encoded}/ws` });
            ws.send({ type: 'join' });
            const joined = await ws.expectJoined();
            assert.equal(joined.room, room);
        });
    }

    for (const [what, encoded] of BAD_ROOMS) {
        test(`refused with 400 or 404: ${what}`, async () => {
            const { status } = await refused(on.server, { path: `/v1/rooms/${encoded}/ws` });
            assert.ok([400, 404].includes(status), `${status}`);
        });
    }

    test('two spellings of one name are one room', async () => {
        const a = await Peer.connect(on.server, { path: '/v1/rooms/spell%C3%A9/ws' });
        a.send({ type: 'join', peer: 'a' });
        await a.expectJoined();
        const b = await Peer.connect(on.server, { path: '/v1/rooms/%73pell%c3%a9/ws?x=1' });
        b.send({ type: 'join', peer: 'b' });
        await b.expectJoined();
        assert.deepEqual([...b.roster.keys()], ['a']);
    });

    test('other paths do not upgrade', async () => {
        for (const path of [
            '/',
            '/ws',
            '/v1/rooms/x',
            '/v1/rooms/x/ws/',
            '/v2/rooms/x/ws',
            '/v1/rooms/a/b/ws',
        ]) {
            const { status } = await refused(on.server, { path });
            assert.equal(status, 404, path);
        }
    });
});

suite('upgrade', ALL_MODES, {}, (on) => {
    const headers = (given) => ({ headers: given });

    test('Upgrade and Connection in any case and among others', async () => {
        for (const given of [
            { upgrade: 'WebSocket' },
            { connection: 'keep-alive, Upgrade' },
            { connection: 'upgrade' },
            { connection: ['keep-alive', 'Upgrade'] },
        ]) {
            const ws = await connectWebSocket(on.server, headers(given));
            await ws.destroy();
        }
    });

    test('426 with the version that is spoken', async () => {
        for (const version of ['8', '12', '14', '0', 'x', null]) {
            const { status, headers: said } = await refused(
                on.server,
                headers({ 'sec-websocket-version': version }),
            );
            if (version === null) assert.ok([400, 426].includes(status));
            else {
                assert.equal(status, 426, version);
                assert.equal(said['sec-websocket-version'], '13');
            }
        }
    });

    test('400 for a key that is none', async () => {
        for (const key of [
            null,
            '',
            'x',
            'AAAAAAAAAAAAAAAAAAAAAA',
            'A'.repeat(44),
            '!!!!!!!!!!!!!!!!!!!!!!==',
            'AAAAAAAAAAAAAAAAAAAAA===',
        ]) {
            const { status } = await refused(on.server, headers({ 'sec-websocket-key': key }));
            assert.equal(status, 400, String(key));
        }
    });

    test('no upgrade without Connection: Upgrade, without Upgrade: websocket, or by POST', async () => {
        const shapes = [
            headers({ connection: null }),
            headers({ connection: 'keep-alive' }),
            headers({ upgrade: null }),
            headers({ upgrade: 'h2c' }),
        ];
        for (const options of shapes) {
            const { status } = await refused(on.server, options);
            assert.ok([400, 426].includes(status), `${status} for ${JSON.stringify(options)}`);
        }
        const http = await HttpConnection.open(on.server);
        const post = upgradeRequest(on.server.url).replace(/^GET/, 'POST');
        assert.ok([400, 405].includes((await http.request(post)).status));
        await http.destroy();
    });

    test('no upgrade in HTTP/1.0', async () => {
        const http = await HttpConnection.open(on.server);
        const old = upgradeRequest(on.server.url).replace('HTTP/1.1', 'HTTP/1.0');
        const { status } = await http.request(old);
        assert.ok([400, 426, 505].includes(status), `${status}`);
        await http.destroy();
    });

    test('extensions are declined', async () => {
        for (const offer of [
            'permessage-deflate',
            'permessage-deflate; client_max_window_bits',
            'x-webkit-deflate-frame',
        ]) {
            const ws = await connectWebSocket(
                on.server,
                headers({ 'sec-websocket-extensions': offer }),
            );
            assert.equal(ws.headers['sec-websocket-extensions'], undefined);
            ws.sendFrame({ rsv: 4, payload: '{}' });
            await ws.expectClose(1002);
        }
    });

    test('subprotocol: roomline.v1 is echoed when offered and never demanded', async () => {
        for (const [offer, chosen] of [
            [undefined, null],
            ['roomline.v1', 'roomline.v1'],
            ['chat, roomline.v1', 'roomline.v1'],
            ['roomline.v1,chat', 'roomline.v1'],
            [['chat', 'roomline.v1'], 'roomline.v1'],
        ]) {
            const ws = await connectWebSocket(on.server, { protocols: offer });
            assert.equal(ws.protocol, chosen);
            await ws.destroy();
        }
    });

    test('subprotocol: an offer of other names only is 400', async () => {
        for (const protocols of ['chat', 'roomline.v2', 'roomline', 'roomline.v1x, xroomline.v1']) {
            assert.equal((await refused(on.server, { protocols })).status, 400, protocols);
        }
    });

    test('the upgrade and the first messages in one write', async () => {
        const messages = ['{"type":"join","peer":"a"}', '{"type":"ping"}'];
        const early = Buffer.concat(messages.map((payload) => frame({ payload })));
        const ws = await connectWebSocket(on.server, { room: freshRoom(), early });
        assert.equal((await ws.receiveJson()).type, 'joined');
        assert.equal((await ws.receiveJson()).type, 'pong');
    });

    test('the upgrade request byte by byte', async () => {
        const http = await HttpConnection.open(on.server);
        for (const byte of upgradeRequest(on.server.url)) {
            http.send(byte);
            await new Promise(setImmediate);
        }
        assert.equal((await http.answer()).status, 101);
        await http.destroy();
    });

    test('an upgrade after other requests on the same connection', async () => {
        const http = await HttpConnection.open(on.server);
        http.send(requestText('/livez') + requestText('/nothing') + upgradeRequest(on.server.url));
        assert.equal((await http.answer()).status, 200);
        assert.equal((await http.answer()).status, 404);
        assert.equal((await http.answer()).status, 101);
        await http.destroy();
    });
});

const withOrigin = (origin, host) => ({ headers: { origin, ...(host ? { host } : {}) } });

test('Origin: by default only the origin that served the page, or none', async (t) => {
    for (const [scheme, tls] of [
        ['http', false],
        ['https', true],
    ]) {
        const server = await ownServer(t, { tls });
        const own = new URL(server.url).origin;
        for (const options of [
            {},
            withOrigin(own),
            withOrigin(`${scheme}://calls.example`, 'calls.example'),
        ]) {
            const ws = await connectWebSocket(server, options);
            await ws.destroy();
        }
        for (const origin of [
            'https://evil.example',
            'null',
            '',
            `${own}.evil.example`,
            `${own}x`,
            own.replace(/^https?/, 'ftp'),
            own.replace(/:\d+$/, ''),
            `${scheme}://x@${new URL(server.url).host}`,
            `${own}/`,
        ]) {
            assert.equal((await refused(server, withOrigin(origin))).status, 403, origin);
        }
    }
});

test('Origin: the other scheme only where a proxy may have ended TLS', async (t) => {
    const plain = await ownServer(t, { tls: false });
    const behind = withOrigin('https://calls.example', 'calls.example');
    await (await connectWebSocket(plain, behind)).destroy();
    const secure = await ownServer(t, { tls: true });
    const downgraded = withOrigin('http://calls.example', 'calls.example');
    assert.equal((await refused(secure, downgraded)).status, 403);
});

test('Origin: an exact list', async (t) => {
    const origins = 'server: { origins: ["https://calls.example", "http://localhost:3000"] }\n';
    const server = await ownServer(t, {
        config: origins,
        args: ['--set', 'drain.linger=0', '--set', 'drain.deadline=300ms'],
    });
    for (const origin of ['https://calls.example', 'http://localhost:3000']) {
        const ws = await connectWebSocket(server, withOrigin(origin));
        await ws.destroy();
    }
    for (const origin of [
        'http://calls.example',
        'https://calls.example:8443',
        'http://localhost',
        new URL(server.url).origin,
    ]) {
        assert.equal((await refused(server, withOrigin(origin))).status, 403, origin);
    }
});

test('Origin: any', async (t) => {
    const server = await ownServer(t, { config: { 'server.origins': '*' } });
    for (const origin of ['https://anywhere.example', 'null']) {
        const ws = await connectWebSocket(server, withOrigin(origin));
        await ws.destroy();
    }
});

test('connections spread over the workers', async (t) => {
    const server = await ownServer(t, { workers: 2 });
    const count = [0, 0];
    for (let n = 0; n < 60; n++) {
        const ws = await connectWebSocket(server);
        count[server.workerOf(ws.tcp)]++;
        await ws.destroy();
    }
    assert.equal(count[0] + count[1], 60);
    assert.ok(Math.min(...count) >= 5, `${count}`); // by chance once in many millions of runs
});
