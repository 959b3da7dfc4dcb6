// Requests whose end two parties might see in different places: refused, and nothing behind them is
// served.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpConnection } from '../support/http.js';
import { suite, PLAIN, TLS2 } from '../support/suite.js';

// What is smuggled: were it served, there would be an answer of its own.
const HIDDEN = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';

const post = (headers, body = '') =>
    `POST /livez HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}${HIDDEN}`;
const get = (line, headers = 'Host: x\r\n') => `${line}\r\n${headers}\r\n${HIDDEN}`;

const SHAPES = [
    [
        'Content-Length and Transfer-Encoding',
        post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    ],
    [
        'Transfer-Encoding and Content-Length',
        post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    ],
    ['two Content-Lengths that differ', post('Content-Length: 0\r\nContent-Length: 30\r\n')],
    ['two Content-Lengths that agree', post('Content-Length: 0\r\nContent-Length: 0\r\n')],
    ['a list of Content-Lengths', post('Content-Length: 0, 30\r\n')],
    ['Content-Length with a sign', post('Content-Length: +0\r\n')],
    ['Content-Length, negative', post('Content-Length: -1\r\n')],
    ['Content-Length, hexadecimal', post('Content-Length: 0x0\r\n')],
    ['Content-Length, empty', post('Content-Length: \r\n')],
    ['Content-Length, in two words', post('Content-Length: 0 0\r\n')],
    ['Content-Length beyond 64 bits', post('Content-Length: 18446744073709551616\r\n')],
    ['Transfer-Encoding, unknown', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
    [
        'Transfer-Encoding, chunked not last',
        post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
    ],
    [
        'Transfer-Encoding twice',
        post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    ],
    ['Transfer-Encoding, vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n')],
    [
        'Transfer-Encoding in HTTP/1.0',
        `POST /livez HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
    ],
    ['a folded header (obs-fold)', post('X: 1\r\n Content-Length: 30\r\n')],
    ['a folded Transfer-Encoding', post('Transfer-Encoding:\r\n chunked\r\n', '0\r\n\r\n')],
    ['a space before the colon', post('Content-Length : 30\r\n')],
    ['a space before the first header', get('GET /livez HTTP/1.1', ' Host: x\r\n')],
    ['a space within a header name', post('Content Length: 30\r\n')],
    ['a NUL in a header', post('X: a\0b\r\n')],
    ['a bare CR in a header', post('X: a\rContent-Length: 30\r\n')],
    ['a header without a colon', post('Content-Length\r\n')],
    ['an empty header name', post(': 30\r\n')],
    ['bare LF for line ends', `GET /livez HTTP/1.1\nHost: x\n\n${HIDDEN}`],
    ['bare LF after the request line', `GET /livez HTTP/1.1\nHost: x\r\n\r\n${HIDDEN}`],
    ['bare LF after a header', `GET /livez HTTP/1.1\r\nHost: x\nX: 1\r\n\r\n${HIDDEN}`],
    ['bare LF for the empty line', `GET /livez HTTP/1.1\r\nHost: x\r\n\n${HIDDEN}`],
    [
        'a chunk size that is no number',
        post('Transfer-Encoding: chunked\r\n', 'x\r\n\r\n0\r\n\r\n'),
    ],
    ['a chunk size with 0x', post('Transfer-Encoding: chunked\r\n', '0x1\r\nx\r\n0\r\n\r\n')],
    ['a chunk size with a sign', post('Transfer-Encoding: chunked\r\n', '-1\r\nx\r\n0\r\n\r\n')],
    [
        'a chunk size beyond 64 bits',
        post('Transfer-Encoding: chunked\r\n', '10000000000000001\r\nx\r\n0\r\n\r\n'),
    ],
    [
        'a chunk longer than it says',
        post('Transfer-Encoding: chunked\r\n', '1\r\nxyz\r\n0\r\n\r\n'),
    ],
    [
        'a chunk size ended by a bare LF',
        post('Transfer-Encoding: chunked\r\n', '1\nx\r\n0\r\n\r\n'),
    ],
    ['a chunk ended by a bare LF', post('Transfer-Encoding: chunked\r\n', '1\r\nx\n0\r\n\r\n')],
    [
        'a bare LF in a chunk extension',
        post('Transfer-Encoding: chunked\r\n', '1;a\nb\r\nx\r\n0\r\n\r\n'),
    ],
    ['no Host', get('GET /livez HTTP/1.1', '')],
    ['two Hosts', get('GET /livez HTTP/1.1', 'Host: x\r\nHost: y\r\n')],
    ['a Host that is none', get('GET /livez HTTP/1.1', 'Host: a b\r\n')],
    ['two spaces in the request line', get('GET  /livez HTTP/1.1')],
    ['a tab in the request line', get('GET\t/livez HTTP/1.1')],
    ['a space in the target', get('GET /livez /x HTTP/1.1')],
    ['a control character in the target', get('GET /livez\x01 HTTP/1.1')],
    ['a raw byte over 127 in the target', get('GET /livez\xff HTTP/1.1')],
    ['no version', get('GET /livez')],
    ['HTTP/0.9 by name', get('GET /livez HTTP/0.9')],
    ['HTTP/1.2', get('GET /livez HTTP/1.2')],
    ['HTTP/2.0', get('GET /livez HTTP/2.0')],
    ['lower-case http', get('GET /livez http/1.1')],
    ['a method in lower case', get('get /livez HTTP/1.1')],
    ['no method at all', get('/livez HTTP/1.1')],
    ['CONNECT', get('CONNECT x:443 HTTP/1.1')],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS on the plain port or garbage within TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

suite('request smuggling', [PLAIN, TLS2], {}, (on) => {
    for (const [what, text] of SHAPES) {
        test(`refused, and the connection ended: ${what}`, async () => {
            const http = await HttpConnection.open(on.server);
            const { status, headers } = await http.request(text);
            assert.ok(status >= 400 && status !== 404, `${status}`);
            assert.ok(status < 500 || status === 501 || status === 505, `${status}`);
            assert.equal(headers.connection, 'close');
            await http.expectEnd();
        });
    }

    test('a refused request does not take the answers before it along', async () => {
        const http = await HttpConnection.open(on.server);
        http.send(HIDDEN + HIDDEN + SHAPES[0][1]);
        assert.equal((await http.answer()).status, 200);
        assert.equal((await http.answer()).status, 200);
        assert.equal((await http.answer()).status, 400);
        await http.expectEnd();
    });

    test('a good request with empty lines before it is served (RFC 9112 section 2.2)', async () => {
        const http = await HttpConnection.open(on.server);
        assert.equal((await http.request(`\r\n${HIDDEN}`)).status, 200);
        await http.destroy();
    });
});
