// Clients that say nothing: no join in time, no sign of life (protocol sections 2 and 6).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSteadyClock } from '../support/clock.js';
import { frame } from '../support/frame.js';
import { freshRoom, Peer } from '../support/peer.js';
import { PLAIN, PLAIN2, suite, TLS } from '../support/suite.js';
import { connectWebSocket } from '../support/websocket.js';

suite(
    'silence',
    [PLAIN, PLAIN2, TLS],
    {
        config: { 'timeouts.join': '2s', 'session.ping_interval': '2s' },
        concurrency: true, // they wait most of the time
    },
    (on) => {
        test('no join in time: 4008', async () => {
            const ws = await connectWebSocket(on.server);
            await ws.expectClose(4008);
        });

        test('pings and pongs are no join', async () => {
            const ws = await connectWebSocket(on.server);
            const beat = setInterval(() => ws.ping('x'), 50);
            await ws.expectClose(4008).finally(() => clearInterval(beat));
        });

        test('silent for two and a half ping intervals: 4008, and away', () =>
            withSteadyClock(async () => {
                const room = freshRoom();
                const a = await Peer.join(on.server, { room, peer: 'a' });
                const since = Date.now(); // before its last sign of life
                const b = await Peer.join(on.server, { room, peer: 'b' });
                await a.expect('peer-joined');
                b.ws.autoPong = false;
                await b.ws.receivePing();
                assert.ok(Date.now() - since >= 1990);
                await b.expectClose(4008);
                assert.ok(Date.now() - since >= 4990, `${Date.now() - since} ms`);
                await a.expect('peer-away', { peer: 'b' });
            }));

        test('a connection that went dead without a FIN is given up', () =>
            withSteadyClock(async () => {
                const room = freshRoom();
                const a = await Peer.join(on.server, { room, peer: 'a' });
                const b = await Peer.join(on.server, { room, peer: 'b' });
                await a.expect('peer-joined');
                b.freeze();
                await a.expect('peer-away', { peer: 'b' });
            }));

        test('who answers pings stays', () =>
            withSteadyClock(async () => {
                const a = await Peer.join(on.server);
                for (let n = 0; n < 3; n++) await a.ws.receivePing(); // past two and a half intervals
                await a.quiet();
            }));

        test('any bytes count as life, half a frame too', () =>
            withSteadyClock(async () => {
                const a = await Peer.join(on.server);
                a.ws.autoPong = false;
                const bytes = frame({ payload: `{"type":"ping","pad":"${'x'.repeat(40)}"}` });
                for (const byte of bytes) {
                    a.ws.sendRaw(Buffer.of(byte));
                    await new Promise((resolve) => setTimeout(resolve, 90)); // six seconds in all
                }
                await a.expect('pong');
            }));
    },
);
