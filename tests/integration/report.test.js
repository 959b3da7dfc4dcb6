// How a call went, as clients tell it: taken without a word, never in the way of signals.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peer } from '../support/peer.js';
import { PLAIN, suite, TLS2 } from '../support/suite.js';

const BURST = 16;
const report = (call) => ({ type: 'report', call });
const GOOD = { outcome: 'connected', local: 'host', remote: 'relay', connectTime: 120 };

suite('report', [PLAIN, TLS2], {}, (on) => {
    test('is taken without an answer, with words of a newer client too', async () => {
        const a = await Peer.join(on.server);
        a.send(report(GOOD));
        a.send(report({ outcome: 'failed', reason: 'a reason of the future', more: [1] }));
        await a.quiet();
    });

    test('of the wrong form is a bad message', async () => {
        for (const call of [{}, { outcome: 1 }, { ...GOOD, duration: -1 }, [], 'connected']) {
            const a = await Peer.join(on.server);
            a.send(report(call));
            await a.expectError('bad-message');
            await a.expectClose(4000);
        }
    });

    test('is for members', async () => {
        const a = await Peer.connect(on.server);
        a.send(report(GOOD));
        await a.expectError('not-joined');
        await a.expectClose(4000);
    });

    test('is rate-limited by a limit of its own, and that is no strike', async () => {
        const a = await Peer.join(on.server, { peer: 'a' });
        for (let n = 0; n < 3 * BURST; n++) a.send(report(GOOD));
        a.signal('a', 'signals go on');
        await a.until('signal');
        const refused = a.inbox.items;
        assert.ok(refused.length >= 2 * BURST - 2 && refused.length <= 2 * BURST, `${refused.length}`);
        assert.ok(refused.every(({ code }) => code === 'rate-limited'));
    });
});
