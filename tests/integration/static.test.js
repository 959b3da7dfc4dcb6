// The static client: caching, negotiation, types, security headers, and that no path leaves its
// folder.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, before, after } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { temporaryFolder } from '../support/certificate.js';
import { fetchOnce, HttpConnection, requestText } from '../support/http.js';
import { startServer } from '../support/server.js';
import { dropConnections } from '../support/upgrade.js';
import { ownServer } from '../support/suite.js';

const PAGE = `<!doctype html><title>t</title>${'<p>hello</p>'.repeat(300)}`;
const FILES = {
    'index.html': PAGE,
    'caller.html': '<!doctype html><title>caller</title>',
    'app.js': `export const x = 1;\n${'// comment\n'.repeat(300)}`,
    'module.mjs': 'export {};',
    'style.css': 'body { margin: 0 }\n'.repeat(100),
    'data.json': '{"a":1}',
    'picture.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    'picture.png': Buffer.from('89504e470d0a1a0a', 'hex'),
    'icon.ico': Buffer.alloc(10),
    'app.webmanifest': '{"name":"x"}',
    'read me.txt': 'a space',
    '안녕.html': '<!doctype html>안녕',
    'empty.txt': '',
    'sub/index.html': '<!doctype html>sub',
    'sub/deep/x.js': 'export {};',
};

const TYPES = [
    ['/index.html', /^text\/html; ?charset=utf-8$/i],
    ['/app.js', /^text\/javascript(; ?charset=utf-8)?$/i],
    ['/module.mjs', /^text\/javascript(; ?charset=utf-8)?$/i],
    ['/style.css', /^text\/css(; ?charset=utf-8)?$/i],
    ['/data.json', /^application\/json/],
    ['/picture.svg', /^image\/svg\+xml/],
    ['/picture.png', /^image\/png$/],
    ['/icon.ico', /^image\/(x-icon|vnd\.microsoft\.icon)$/],
    ['/app.webmanifest', /^application\/manifest\+json/],
    ['/empty.txt', /^text\/plain/],
];

function makeFolder(files = FILES) {
    const folder = mkdtempSync(join(temporaryFolder(), 'client-'));
    const root = join(folder, 'client');
    for (const [name, content] of Object.entries(files)) {
        mkdirSync(join(root, name, '..'), { recursive: true });
        writeFileSync(join(root, name), content);
    }
    writeFileSync(join(folder, 'secret.txt'), 'SECRET');
    return root;
}

describe('static files', () => {
    let server;
    before(async () => {
        const root = makeFolder();
        symlinkSync('../secret.txt', join(root, 'link.txt'));
        symlinkSync('..', join(root, 'up'));
        server = await startServer({ args: ['--client', root], workers: 2 });
    });
    after(async () => {
        dropConnections();
        await server?.stop();
    });

    const get = (path, headers = {}, method = 'GET') =>
        fetchOnce(server, path, { headers, method });

    for (const [name, content] of Object.entries(FILES)) {
        test(`byte for byte: ${name}`, async () => {
            const path = `/${name.split('/').map(encodeURIComponent).join('/')}`;
            const { status, body, headers } = await get(path);
            assert.equal(status, 200);
            assert.equal(headers['content-encoding'], undefined);
            assert.deepEqual(body, Buffer.from(content));
        });
    }

    for (const [path, type] of TYPES) {
        test(`type of ${path}`, async () => {
            const { headers } = await get(path);
            assert.match(headers['content-type'], type);
            assert.equal(headers['x-content-type-options'], 'nosniff');
        });
    }

    test('/ is index.html, of a folder too', async () => {
        assert.equal((await get('/')).body.toString(), PAGE);
        assert.equal((await get('/?x=1')).body.toString(), PAGE);
        assert.equal((await get('/sub/')).body.toString(), FILES['sub/index.html']);
    });

    test('HEAD: the same headers, no body', async () => {
        const [one, other] = [await get('/app.js'), await get('/app.js', {}, 'HEAD')];
        for (const name of ['content-length', 'content-type', 'etag']) {
            assert.equal(other.headers[name], one.headers[name], name);
        }
        assert.equal(other.body.length, 0);
    });

    test('405 with Allow for other methods', async () => {
        for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
            const { status, headers } = await get('/index.html', {}, method);
            assert.equal(status, 405);
            assert.deepEqual(headers.allow.split(/, */).sort(), ['GET', 'HEAD']);
        }
    });

    test('compression is negotiated: br, gzip, identity', async () => {
        const cases = [
            [undefined, null],
            ['', null],
            ['gzip', 'gzip'],
            ['br', 'br'],
            ['gzip, deflate, br, zstd', 'br'],
            ['GZIP', 'gzip'],
            ['br;q=0, gzip', 'gzip'],
            ['br; q=0 , gzip; q=0', null],
            ['gzip;q=1.0, br;q=0.5', 'gzip'],
            ['identity', null],
            ['deflate', null],
            ['*', 'br'],
            ['xbr, gzipx', null],
        ];
        for (const [accept, encoding] of cases) {
            const { body, headers } = await get(
                '/index.html',
                accept === undefined ? {} : { 'Accept-Encoding': accept },
            );
            assert.equal(
                headers['content-encoding'] ?? null,
                encoding,
                `Accept-Encoding: ${accept}`,
            );
            assert.match(headers.vary, /accept-encoding/i);
            const plain = { br: brotliDecompressSync, gzip: gunzipSync }[encoding] ?? ((x) => x);
            assert.equal(plain(body).toString(), PAGE);
            if (encoding) assert.ok(body.length < PAGE.length / 2);
        }
    });

    test('what does not get smaller is not compressed', async () => {
        for (const path of ['/picture.png', '/data.json', '/empty.txt']) {
            const { headers } = await get(path, { 'Accept-Encoding': 'gzip, br' });
            assert.equal(headers['content-encoding'], undefined, path);
        }
    });

    test('ETag: strong, its own for each encoding, and 304 for each way to name it', async () => {
        const tags = new Set();
        for (const accept of ['identity', 'gzip', 'br']) {
            const { headers } = await get('/index.html', { 'Accept-Encoding': accept });
            assert.match(headers.etag, /^"[^"\s]+"$/);
            tags.add(headers.etag);
            for (const match of [
                headers.etag,
                `W/${headers.etag}`,
                '*',
                `"x", ${headers.etag}`,
                `"x",${headers.etag}`,
            ]) {
                const again = await get('/index.html', {
                    'Accept-Encoding': accept,
                    'If-None-Match': match,
                });
                assert.equal(again.status, 304, `If-None-Match: ${match}`);
                assert.equal(again.headers.etag, headers.etag);
                assert.match(again.headers.vary, /accept-encoding/i);
            }
            for (const match of ['"x"', headers.etag.slice(0, -2) + '"', 'x']) {
                const again = await get('/index.html', {
                    'Accept-Encoding': accept,
                    'If-None-Match': match,
                });
                assert.equal(again.status, 200, `If-None-Match: ${match}`);
            }
        }
        assert.equal(tags.size, 3);
    });

    test('ETag is the same on every worker', async () => {
        const tags = new Set();
        for (let n = 0; n < 16; n++) tags.add((await get('/app.js')).headers.etag);
        assert.equal(tags.size, 1);
    });

    test('304 leaves the connection usable', async () => {
        const http = await HttpConnection.open(server);
        const { headers } = await http.request(requestText('/app.js'));
        for (let n = 0; n < 3; n++) {
            const again = await http.request(
                requestText('/app.js', { headers: { 'If-None-Match': headers.etag } }),
            );
            assert.equal(again.status, 304);
        }
        assert.equal((await http.request(requestText('/app.js'))).status, 200);
        await http.destroy();
    });

    test('security headers, on pages and on errors', async () => {
        for (const path of ['/', '/caller.html', '/app.js', '/nothing']) {
            const { headers } = await get(path, { Host: 'calls.example:8443' });
            assert.equal(headers['x-content-type-options'], 'nosniff', path);
            const policy = headers['content-security-policy'];
            assert.ok(policy, path);
            const directives = new Map(
                policy.split(';').map((one) => {
                    const [name, ...values] = one.trim().split(/\s+/);
                    return [name, values];
                }),
            );
            assert.ok(directives.has('default-src'));
            assert.ok(!policy.includes('unsafe-inline') && !policy.includes('unsafe-eval'));
            const connect = directives.get('connect-src');
            assert.ok(connect.includes("'self'"));
            assert.ok(
                connect.includes('ws://calls.example:8443') ||
                    connect.includes('wss://calls.example:8443'),
                policy,
            );
            const permissions = headers['permissions-policy'];
            for (const feature of ['camera', 'microphone', 'display-capture']) {
                assert.ok(permissions.includes(`${feature}=(self)`), permissions);
            }
            assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
            assert.ok(headers['referrer-policy']);
            assert.equal(headers['strict-transport-security'], undefined);
        }
    });

    test('no answer at all is for sniffing: refused upgrades and requests', async () => {
        const upgrade = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' };
        upgrade['Sec-WebSocket-Key'] = 'dGhlIHNhbXBsZSBub25jZQ==';
        const refused = [
            [403, requestText('/v1/rooms/x/ws', { headers: { ...upgrade, Origin: 'http://evil.example' } })],
            [400, requestText('/v1/rooms//ws', { headers: upgrade })],
            [404, requestText('/nothing', { headers: upgrade })],
            [426, requestText('/v1/rooms/x/ws')],
            [400, 'nonsense\r\n\r\n'],
            [413, requestText('/', { headers: { 'Content-Length': 99999999 } })],
            [431, requestText('/', { headers: { 'X-Long': 'x'.repeat(20_000) } })],
        ];
        for (const [expected, text] of refused) {
            const http = await HttpConnection.open(server);
            const { status, headers } = await http.request(text);
            assert.equal(status, expected);
            assert.equal(headers['x-content-type-options'], 'nosniff', text.slice(0, 60));
            await http.destroy();
        }
    });

    test('a Host that is none never gets into a header', async () => {
        for (const host of ['x; script-src *', "x'unsafe-inline'", 'a,b', 'x/y', 'x*']) {
            const http = await HttpConnection.open(server);
            const { status, headers } = await http.request(
                requestText('/', { headers: { Host: host } }),
            );
            assert.ok(status === 400 || !headers['content-security-policy'].includes(host), host);
            await http.destroy();
        }
    });

    const OUTSIDE = [
        '/../secret.txt',
        '/sub/../../secret.txt',
        '/%2e%2e/secret.txt',
        '/%2E%2E%2Fsecret.txt',
        '/..%2fsecret.txt',
        '/..%5csecret.txt',
        '/..\\secret.txt',
        '/sub/..%2f..%2fsecret.txt',
        '/%252e%252e/secret.txt',
        '/....//secret.txt',
        '/.%00./secret.txt',
        '/index.html%00.txt',
        '//secret.txt',
        '/%c0%ae%c0%ae/secret.txt',
        '/%uff0e%uff0e/secret.txt',
        '/etc/passwd',
        '//etc/passwd',
        '/up/secret.txt',
        '/%',
        '/%2',
        '/%zz',
        '/sub',
        '/index.html/',
        '/INDEX.HTML',
    ];
    for (const path of OUTSIDE) {
        test(`not served: ${path}`, async () => {
            const { status, body } = await get(path);
            assert.ok(
                status === 404 || status === 400 || status === 301 || status === 308,
                `${status}`,
            );
            assert.ok(!body.includes('SECRET') && !body.includes('root:'));
        });
    }

    test('a path to a file outside by a link is not served', async () => {
        const { body } = await get('/link.txt');
        assert.ok(!body.includes('SECRET'));
    });

    test('a file that is added later is not there: nothing is read after the start', async () => {
        const root = makeFolder({ 'index.html': 'x' });
        const other = await startServer({ args: ['--client', root] });
        try {
            writeFileSync(join(root, 'late.txt'), 'late');
            writeFileSync(join(root, 'index.html'), 'changed');
            assert.equal((await fetchOnce(other, '/late.txt')).status, 404);
            assert.equal((await fetchOnce(other, '/')).body.toString(), 'x');
        } finally {
            await other.stop();
        }
    });
});

test('HSTS over TLS where it is configured, never over plain HTTP', async (t) => {
    const config = { 'http.hsts': '1h' };
    const args = ['--client', makeFolder()];
    const secure = await ownServer(t, { tls: true, config, args });
    const { headers } = await fetchOnce(secure, '/');
    assert.match(headers['strict-transport-security'], /^max-age=3600\b/);
    const plain = await ownServer(t, { config, args });
    assert.equal((await fetchOnce(plain, '/')).headers['strict-transport-security'], undefined);
});

test('without a client folder / is 404', async (t) => {
    const server = await ownServer(t, {});
    assert.equal((await fetchOnce(server, '/')).status, 404);
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

test('the folder may not hide the health checks or the WebSocket path', async (t) => {
    const root = makeFolder({ livez: 'no', readyz: 'no', 'v1/rooms/x/ws': 'no' });
    const server = await ownServer(t, { args: ['--client', root] });
    assert.equal((await fetchOnce(server, '/livez')).body.toString().trim(), 'ok');
    assert.equal((await fetchOnce(server, '/v1/rooms/x/ws')).status, 426);
});
