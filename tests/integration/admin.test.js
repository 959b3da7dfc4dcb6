// The admin listener: who may ask, and what the answers have in common.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { TOKEN, WITH_ADMIN, ask } from '../support/admin.js';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { HttpConnection, requestText } from '../support/http.js';
import { binary, configFile } from '../support/server.js';
import { PLAIN, PLAIN2, ownServer, suite } from '../support/suite.js';

let files = 0;

function tokenFile(...lines) {
    const path = join(temporaryFolder(), `tokens-${++files}`);
    writeFileSync(path, lines.join('\n'));
    return path;
}

function assertProblem(answer, status, code) {
    assert.equal(answer.status, status, String(answer.body));
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.deepEqual(Object.keys(answer.json).slice(0, 5), ['type', 'title', 'status', 'code', 'detail']);
    assert.equal(answer.json.type, 'about:blank');
    assert.equal(answer.json.title, answer.reason);
    assert.equal(answer.json.status, status);
    assert.equal(answer.json.code, code);
}

suite('admin', [PLAIN, PLAIN2], WITH_ADMIN, (on) => {
    test('health needs no token', async () => {
        for (const [path, text] of [['/livez', 'ok\n'], ['/readyz', 'ready\n']]) {
            const answer = await ask(on.server, 'GET', path, { token: null });
            assert.equal(answer.status, 200);
            assert.equal(String(answer.body), text);
            assert.equal(answer.headers['cache-control'], 'no-store');
            const head = await ask(on.server, 'HEAD', path, { token: null });
            assert.equal(head.status, 200);
            assert.equal(head.headers['content-length'], String(text.length));
        }
    });

    test('what is not there is a 404 problem', async () => {
        for (const path of ['/', '/v1', '/livez/', '/v1/rooms/', '/v1//rooms'])
            assertProblem(await ask(on.server, 'GET', path), 404, 'not-found');
    });

    test('a method that is not there is a 405 problem with Allow', async () => {
        const answer = await ask(on.server, 'DELETE', '/livez');
        assertProblem(answer, 405, 'method-not-allowed');
        assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
    });

    test('OPTIONS says what there is', async () => {
        const answer = await ask(on.server, 'OPTIONS', '/readyz', { token: null });
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
    });

    test('there is no WebSocket', async () => {
        const answer = await ask(on.server, 'GET', '/livez', {
            headers: {
                Connection: 'Upgrade',
                Upgrade: 'websocket',
                'Sec-WebSocket-Version': '13',
                'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            },
        });
        assertProblem(answer, 404, 'not-found');
    });

    test('a connection may be used again', async () => {
        const http = await HttpConnection.open(on.server, { url: on.server.adminUrl });
        for (let i = 0; i < 3; i++)
            assert.equal((await http.request(requestText('/livez'))).status, 200);
        await http.destroy();
    });
});

test('workers are not told the admin token', async (t) => {
    const server = await ownServer(t, { ...WITH_ADMIN, workers: 2 });
    for (const pid of server.workers.values()) {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        assert.deepEqual(
            environment.filter((line) => /^ROOMLINE/.test(line)).map((line) => line.split('=')[0]),
            ['ROOMLINE_WORKER'],
        );
        assert.ok(!environment.join().includes(TOKEN));
    }
});

test('the public listener has none of it', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    const answer = await ask(server, 'GET', '/v1/rooms', { url: server.url });
    assert.equal(answer.status, 404);
});

test('no address, no admin listener', async (t) => {
    const server = await ownServer(t, { config: { 'admin.listen': '[]' } });
    assert.equal(server.adminUrl, undefined);
});

test('it has so many connections and no more', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    const open = () => HttpConnection.open(server, { url: server.adminUrl });
    const status = async (http) => (await http.request(requestText('/livez'))).status;
    const all = await Promise.all(Array.from({ length: 256 }, open));
    assert.deepEqual(new Set(await Promise.all(all.map(status))), new Set([200]));
    const beyond = () => open().then(status).catch(() => 503); // it may be closed while we write
    assert.equal(await beyond(), 503);
    await all.pop().destroy();
    while ((await beyond()) !== 200); // the server hears of it a moment later
});

test('what is no request is a problem, too', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    const large = { method: 'POST', body: 'x'.repeat(70_000), headers: { 'Content-Length': '70000' } };
    for (const [text, status, code] of [
        ['GET * HTTP/1.1\r\nHost: h\r\n\r\n', 400, 'bad-request'],
        ['nonsense\r\n\r\n', 400, 'bad-request'],
        [requestText('/livez', large), 413, 'too-large'],
    ]) {
        const http = await HttpConnection.open(server, { url: server.adminUrl });
        const answer = await http.request(text);
        answer.json = JSON.parse(answer.body);
        assertProblem(answer, status, code);
        await http.expectEnd();
    }
});

test('an address that is taken is refused', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    const { code, stderr } = await runServer([
        ...['--listen', 'http://127.0.0.1:0', '--admin', server.adminUrl],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /cannot listen on .*: the port is in use/);
});

test('the default address is passed over where it is taken', async (t) => {
    const other = net.createServer().listen(9090, '127.0.0.1');
    t.after(() => other.close());
    await new Promise((resolve) => other.once('listening', resolve).once('error', resolve)); // taken, by whomever
    const server = await ownServer(t, { config: { 'admin.listen': undefined } });
    const line = await server.waitLog(({ event }) => event === 'admin-not-listening');
    assert.equal(line.level, 'warn');
    assert.match(line.cause, /9090: the port is in use/);
});

test('the drain shows', async (t) => {
    const server = await ownServer(t, {
        ...WITH_ADMIN,
        config: { 'drain.linger': '20s', 'drain.deadline': '20s' },
    });
    assert.equal((await ask(server, 'GET', '/livez', { url: server.url })).status, 200); // so that it lingers
    server.signal('SIGTERM');
    await server.waitLog(({ event }) => event === 'draining');
    const answer = await ask(server, 'GET', '/readyz', { token: null });
    assert.equal(answer.status, 503);
    assert.equal(String(answer.body), 'draining\n');
    assert.equal((await ask(server, 'GET', '/livez', { token: null })).status, 200);
    server.signal('SIGTERM');
    await server.expectExit();
});

test('over TLS', async (t) => {
    const identity = certificate('ecdsa', 'admin');
    const server = await ownServer(t, {
        ...WITH_ADMIN,
        config: {
            'admin.listen': 'https://127.0.0.1:0',
            'admin.cert': identity.cert,
            'admin.key': identity.key,
        },
    });
    const answer = await ask(server, 'GET', '/readyz', { tls: { ca: identity.ca } });
    assert.equal(answer.status, 200);
});

test('a client certificate is demanded where authorities are named', async (t) => {
    const identity = certificate('ecdsa', 'admin');
    const client = certificate('ecdsa', 'operator');
    const stranger = certificate('ecdsa', 'stranger');
    const server = await ownServer(t, {
        ...WITH_ADMIN,
        config: {
            'admin.listen': 'https://127.0.0.1:0',
            'admin.cert': identity.cert,
            'admin.key': identity.key,
            'admin.client_ca': client.cert,
        },
    });
    const as = ({ cert, key }) => ({
        tls: { ca: identity.ca, cert: readFileSync(cert), key: readFileSync(key) },
    });
    assert.equal((await ask(server, 'GET', '/readyz', as(client))).status, 200);
    for (const options of [{ tls: { ca: identity.ca } }, as(stranger)])
        await assert.rejects(ask(server, 'GET', '/readyz', options));
});

test('bad tokens and certificates keep it from starting', async () => {
    const identity = certificate('ecdsa', 'admin');
    const none = ['--listen', 'http://127.0.0.1:0', '--admin', 'http://127.0.0.1:0'];
    const cases = [
        [{ ROOMLINE_ADMIN_TOKEN: 'short' }, [], /admin\.token: a token needs at least 16 characters/],
        [{ ROOMLINE_ADMIN_TOKEN: 'sixteen and more with blanks' }, [], /admin\.token: .*letters/],
        [{}, [`admin.token_file=${tokenFile('# none', '')}`], /admin\.token_file: .*holds no token/],
        [{}, [`admin.token_file=${tokenFile(TOKEN, 'short')}`], /admin\.token_file: .*:2: /],
        [{}, [`admin.token_file=${tokenFile(...Array(17).fill(TOKEN))}`], /:17: more than 16/],
        [{}, ['admin.token_file=/nonexistent'], /admin\.token_file: .*cannot be read/],
        [{}, [`admin.cert=${identity.cert}`], /needs admin\.key/],
        [{}, [`admin.key=${identity.key}`], /needs admin\.cert/],
        [{}, ['admin.listen=https://127.0.0.1:0'], /needs admin\.cert and admin\.key/],
        [{}, [`admin.client_ca=${identity.cert}`], /needs admin\.cert and admin\.key/],
        [{}, [`admin.cert=${identity.cert}`, `admin.key=${identity.key}`, `admin.client_ca=${identity.cert}`], /over http/],
        [{}, [`admin.cert=${identity.cert}`, `admin.key=${binary}`], /admin\.cert, admin\.key/],
    ];
    for (const [env, keys, message] of cases) {
        const args = [...none, ...keys.flatMap((key) => ['--set', key])];
        const { code, stderr } = await runServer(args, { env });
        assert.equal(code, 2, stderr);
        assert.match(stderr, message);
        assert.doesNotMatch(stderr, new RegExp(`${TOKEN}|short|blanks`));
    }
});

test('tokens are changed without a moment in which none is good', async (t) => {
    const file = tokenFile('# the first', 'first-token-0123456789');
    const server = await ownServer(t, { admin: true, config: { 'admin.token_file': file } });
    const status = async (token) => (await ask(server, 'GET', '/v1/instances', { token })).status;
    const reload = async () => {
        const done = server.nextLog(({ event }) => /^reload/.test(event));
        server.signal('SIGHUP');
        return (await done).event;
    };
    assert.deepEqual([await status('first-token-0123456789'), await status('second-token-012345678')], [200, 401]);
    writeFileSync(file, 'first-token-0123456789\r\n\nsecond-token-012345678');
    assert.equal(await reload(), 'reloaded');
    assert.deepEqual([await status('first-token-0123456789'), await status('second-token-012345678')], [200, 200]);
    writeFileSync(file, 'second-token-012345678\n');
    assert.equal(await reload(), 'reloaded');
    assert.deepEqual([await status('first-token-0123456789'), await status('second-token-012345678')], [401, 200]);
    writeFileSync(file, '\n');
    assert.equal(await reload(), 'reload-failed');
    assert.equal(await status('second-token-012345678'), 200);
    assert.doesNotMatch(JSON.stringify(server.logs), /token-01234/);
});

test('what a worker was asked that dies is asked of another, where that does no harm', async (t) => {
    const server = await ownServer(t, { ...WITH_ADMIN, workers: 2 });
    const pid = server.workers.get(0);
    process.kill(pid, 'SIGSTOP');
    // Workers are asked by turns: of each pair one waits for the one that stands still.
    const gets = [1, 2].map(() => ask(server, 'GET', '/v1/rooms'));
    await Promise.race(gets);
    const deletes = [1, 2].map(() => ask(server, 'DELETE', '/v1/rooms/none'));
    await Promise.race(deletes);
    process.kill(pid, 'SIGKILL');
    for (const { status, body } of await Promise.all(gets)) assert.equal(status, 200, String(body));
    const answers = await Promise.all(deletes);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [404, 503]);
    const refused = answers.find(({ status }) => status === 503);
    assert.equal(refused.headers['retry-after'], '1');
    assert.match(refused.json.detail, /has ended/);
});

test('where the only worker dies that is said at once', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    const [pid] = server.workers.values();
    process.kill(pid, 'SIGSTOP');
    const http = await HttpConnection.open(server, { url: server.adminUrl });
    http.send(`GET /v1/rooms HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
    await ask(server, 'GET', '/livez'); // came later: by now the other is with the worker
    process.kill(pid, 'SIGKILL');
    const { status, body } = await http.answer();
    assert.equal(status, 503);
    assert.match(String(body), /has ended/); // and not: no answer in time
});

test('no secret is shown', async () => {
    const file = configFile(`admin:\n  token: ${TOKEN}\n`);
    const { code, stdout } = await runServer(['--config', file, '--print-config']);
    assert.equal(code, 0);
    assert.match(stdout, /token: "?\*{8}/);
    assert.doesNotMatch(stdout, new RegExp(TOKEN));
});
