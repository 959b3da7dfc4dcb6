// HTTP/1.1 of the public listener (RFC 9110, RFC 9112): connections, methods, limits, deadlines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchOnce, HttpConnection, requestText } from '../support/http.js';
import { Peer } from '../support/peer.js';
import { ALL_MODES, ownServer, PLAIN, suite, TLS2 } from '../support/suite.js';

const GET = requestText('/livez');

suite('HTTP', ALL_MODES, {}, (on) => {
    const open = () => HttpConnection.open(on.server);

    test('/livez and /readyz answer 200', async () => {
        const live = await fetchOnce(on.server, '/livez');
        assert.equal(live.status, 200);
        assert.equal(live.body.toString().trim(), 'ok');
        const ready = await fetchOnce(on.server, '/readyz');
        assert.equal(ready.status, 200);
        assert.equal(ready.body.toString().trim(), 'ready');
    });

    test('keep-alive: many requests, one connection', async () => {
        const http = await open();
        for (let n = 0; n < 20; n++) {
            const { status, headers } = await http.request(GET);
            assert.equal(status, 200);
            assert.notEqual(headers.connection, 'close');
            assert.match(headers.date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
        }
        await http.destroy();
    });

    test('Connection: close ends it after the answer', async () => {
        const http = await open();
        const { headers } = await http.request(
            requestText('/livez', { headers: { Connection: 'close' } }),
        );
        assert.equal(headers.connection, 'close');
        await http.expectEnd();
    });

    test('HTTP/1.0 ends after the answer', async () => {
        const http = await open();
        const { status } = await http.request('GET /livez HTTP/1.0\r\n\r\n');
        assert.equal(status, 200);
        await http.expectEnd();
    });

    test('pipelined requests are answered in order, in one write or byte by byte', async () => {
        const http = await open();
        const paths = ['/livez', '/nothing', '/readyz', '/livez', '/nothing'];
        const text = paths.map((path) => requestText(path)).join('');
        http.send(text);
        for (const path of paths) {
            assert.equal((await http.answer()).status, path === '/nothing' ? 404 : 200);
        }
        for (const byte of text) http.send(byte);
        for (const path of paths) {
            assert.equal((await http.answer()).status, path === '/nothing' ? 404 : 200);
        }
        await http.destroy();
    });

    test('a hundred pipelined requests', async () => {
        const http = await open();
        http.send(GET.repeat(100));
        for (let n = 0; n < 100; n++) assert.equal((await http.answer()).status, 200);
        await http.destroy();
    });

    test('HEAD: the headers of GET, no body, and the connection goes on', async () => {
        const http = await open();
        const get = await http.request(GET);
        const head = await http.request(requestText('/livez', { method: 'HEAD' }));
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], get.headers['content-length']);
        assert.equal(head.body.length, 0);
        assert.equal((await http.request(GET)).status, 200);
        const missing = await http.request(requestText('/nothing', { method: 'HEAD' }));
        assert.equal(missing.status, 404);
        assert.equal((await http.request(GET)).status, 200);
        await http.destroy();
    });

    test('404 for what is not there', async () => {
        for (const path of [
            '/nothing',
            '/livez/',
            '/livezz',
            '/v1',
            '/v1/rooms',
            '/v1/rooms/x',
            '/v1/rooms/x/ws/',
        ]) {
            assert.equal((await fetchOnce(on.server, path)).status, 404, path);
        }
    });

    test('405 names what is allowed', async () => {
        for (const path of ['/livez', '/readyz', '/v1/rooms/x/ws']) {
            for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
                const { status, headers } = await fetchOnce(on.server, path, { method });
                assert.equal(status, 405, `${method} ${path}`);
                const allowed = headers.allow.split(/, */);
                assert.ok(allowed.includes('GET'), `${method} ${path}: ${headers.allow}`);
                assert.ok(!allowed.includes(method));
            }
        }
    });

    test('426 for the WebSocket path without an upgrade', async () => {
        const { status, headers } = await fetchOnce(on.server, '/v1/rooms/x/ws');
        assert.equal(status, 426);
        assert.equal(headers.upgrade.toLowerCase(), 'websocket');
        assert.match(headers.connection, /upgrade/i);
    });

    test('a body within the limit is read over, and the connection goes on', async () => {
        const http = await open();
        const body = 'x'.repeat(65536);
        const headers = { 'Content-Length': body.length };
        assert.equal((await http.request(requestText('/livez', { headers, body }))).status, 200);
        const chunked = requestText('/livez', {
            headers: { 'Transfer-Encoding': 'chunked' },
            body: '5\r\nhello\r\n1;ext=1\r\nx\r\n0\r\nTrailer: 1\r\n\r\n',
        });
        assert.equal((await http.request(chunked)).status, 200);
        assert.equal((await http.request(GET)).status, 200);
        await http.destroy();
    });

    test('413: Content-Length over the limit, before the body', async () => {
        for (const length of ['65537', '99999999999']) {
            const http = await open();
            const { status } = await http.request(
                requestText('/livez', { headers: { 'Content-Length': length } }),
            );
            assert.equal(status, 413);
            await http.expectEnd();
        }
    });

    test('413: chunks over the limit', async () => {
        const http = await open();
        const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
        const { status } = await http.request(
            requestText('/livez', {
                headers: { 'Transfer-Encoding': 'chunked' },
                body: chunk.repeat(3),
            }),
        );
        assert.equal(status, 413);
        await http.ended;
    });

    test('431: headers over the limit, as one line, as many, and as the request line', async () => {
        const shapes = [
            requestText('/livez', { headers: { 'X-Long': 'x'.repeat(17_000) } }),
            requestText('/livez', { headers: { X: Array(2000).fill('12345678') } }),
            requestText(`/${'x'.repeat(17_000)}`),
            `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}`,
        ];
        for (const text of shapes) {
            const http = await open();
            const { status } = await http.request(text);
            assert.ok([431, 414].includes(status), `${status}`);
            await http.ended;
        }
    });

    test('headers just under the limit pass', async () => {
        const answer = await fetchOnce(on.server, '/livez', {
            headers: { 'X-Long': 'x'.repeat(15_000) },
        });
        assert.equal(answer.status, 200);
    });

    test('the query is no part of the path', async () => {
        assert.equal((await fetchOnce(on.server, '/livez?a=b&/../c')).status, 200);
    });

    test('an absolute target is served as its path', async () => {
        assert.equal((await fetchOnce(on.server, 'http://localhost/livez')).status, 200);
    });

    test('Expect: 100-continue does not stall', async () => {
        const http = await open();
        http.send(
            requestText('/livez', { headers: { 'Content-Length': 5, Expect: '100-continue' } }),
        );
        let answer = await Promise.race([http.answer(), http.ended]);
        if (answer?.status === 100) {
            http.send('hello');
            answer = await http.answer();
        }
        assert.ok([200, 417].includes(answer.status), `${answer.status}`);
        await http.destroy();
    });
});

suite(
    'HTTP deadlines',
    [PLAIN, TLS2],
    {
        config: { 'timeouts.headers': '300ms', 'timeouts.http_idle': '400ms' },
    },
    (on) => {
        test('408: headers that do not come to an end', async () => {
            for (const text of [
                'G',
                'GET /livez HTTP/1.1\r\nHost: x\r\n',
                'GET /livez HTTP/1.1\r\nHost: x\r\nX: 1\r\n\r',
            ]) {
                const http = await HttpConnection.open(on.server);
                const { status, headers } = await http.request(text);
                assert.equal(status, 408);
                assert.equal(headers.connection, 'close');
                await http.expectEnd();
            }
        });

        test('408: headers that come drop by drop', async () => {
            const http = await HttpConnection.open(on.server);
            http.send('GET /livez HTTP/1.1\r\nHost: x\r\n');
            const drops = setInterval(() => http.send('X: 1\r\n'), 50);
            const { status } = await http.answer();
            clearInterval(drops);
            assert.equal(status, 408);
            await http.ended;
        });

        test('a body that never comes ends with 408', async () => {
            const http = await HttpConnection.open(on.server);
            const { status } = await http.request(
                requestText('/livez', { headers: { 'Content-Length': 10 }, body: 'x' }),
            );
            assert.equal(status, 408);
            await http.ended;
        });

        test('an idle connection ends, before a request and between two', async () => {
            const silent = await HttpConnection.open(on.server);
            const http = await HttpConnection.open(on.server);
            assert.equal((await http.request(GET)).status, 200);
            await http.expectEnd();
            await silent.ended;
        });

        test('a WebSocket is not bound by them', async () => {
            const a = await Peer.join(on.server);
            const http = await HttpConnection.open(on.server);
            assert.equal((await http.request('G')).status, 408);
            await http.ended;
            await a.quiet();
        });
    },
);

test("headers over a limit of one's own: 431", async (t) => {
    const server = await ownServer(t, {
        config: { 'limits.header_size': '1KiB', 'limits.body_size': 10 },
    });
    const long = { 'X-Long': 'x'.repeat(1100) };
    assert.equal((await fetchOnce(server, '/livez', { headers: long })).status, 431);
    const body = { headers: { 'Content-Length': 11 }, body: 'x'.repeat(11) };
    assert.equal((await fetchOnce(server, '/livez', body)).status, 413);
    assert.equal((await fetchOnce(server, '/livez')).status, 200);
});

test('/readyz turns 503 with SIGTERM, while /livez stays 200', async (t) => {
    for (const workers of [1, 2]) {
        const config = { 'drain.linger': '5s', 'drain.deadline': '6s' };
        const server = await ownServer(t, { workers, config });
        await Peer.join(server); // the drain lasts while somebody is here
        const http = await HttpConnection.open(server);
        assert.equal((await http.request(requestText('/readyz'))).status, 200);
        const draining = server.nextLog((line) => line.event === 'draining');
        server.signal('SIGTERM');
        await draining;
        let answer;
        do
            answer = await http.request(requestText('/readyz')); // its worker hears of it a moment later
        while (answer.status === 200);
        assert.equal(answer.status, 503);
        assert.equal(answer.body.toString().trim(), 'draining');
        assert.equal((await fetchOnce(server, '/livez')).status, 200);
        server.signal('SIGTERM');
        await server.exited;
    }
});
