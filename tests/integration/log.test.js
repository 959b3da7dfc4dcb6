// The log's reader may be slow, or stop, and nobody else must notice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchOnce } from '../support/http.js';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { connectSocket } from '../support/upgrade.js';

const REFUSED = 4000; // upgrades, each with a line of over 500 bytes: no buffer on the way holds them
const STATUS_LINE = 'HTTP/1.1 403 ';
const ASK =
    'GET /v1/rooms/r/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

/** Has so many upgrades refused, each with a line in the log, on one connection. */
async function fillLog(server) {
    const { socket, tcp } = await connectSocket(server);
    let answered = 0;
    let tail = ''; // the beginning of a status line that came in two pieces
    socket.setTimeout(10_000, () => socket.destroy());
    const done = new Promise((resolve, reject) => {
        socket.on('data', (bytes) => {
            const text = tail + bytes.toString('latin1');
            answered += text.split(STATUS_LINE).length - 1;
            tail = text.slice(1 - STATUS_LINE.length);
            if (answered === REFUSED) resolve();
        });
        socket.on('close', () => reject(new Error(`closed after ${answered} answers`)));
    });
    for (let n = 0; n < REFUSED; n++) {
        socket.write(`${ASK}Origin: https://${String(n).padStart(500, 'x')}\r\n\r\n`);
    }
    await done;
    tcp.destroy();
}

/** Refusals that the log tells of, be it by what is missing. */
function accountedFor({ logs }) {
    const dropped = logs.filter((line) => line.event === 'log-dropped');
    const refused = logs.filter((line) => line.event === 'upgrade-refused');
    return dropped.reduce((sum, { lines }) => sum + lines, refused.length);
}

for (const workers of [1, 2]) {
    test(`a reader of the log that stops stops nobody, and is told what it missed (${workers} workers)`, async (t) => {
        const server = await ownServer(t, { workers });
        const a = await Peer.join(server, { worker: 0 });
        server.reader.pause();
        await fillLog(server);
        a.signal(a.id, 'still here');
        await a.expect('signal', { data: 'still here' });
        assert.equal((await fetchOnce(server, '/livez')).status, 200);

        const told = server.nextLog((line) => line.event === 'log-dropped');
        const whole = server.nextLog(() => accountedFor(server) >= REFUSED);
        server.reader.resume();
        assert.equal((await told).level, 'warn');
        await whole;
        assert.deepEqual(server.noise, []); // no line was torn
    });
}
