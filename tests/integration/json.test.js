// The server refuses a text with 1007 exactly when a browser's TextDecoder and JSON.parse would.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText, mutate, parse } from '../support/json_text.js';
import { freshRoom, Peer } from '../support/peer.js';
import { Random, seed } from '../support/random.js';
import { PLAIN, suite } from '../support/suite.js';
import { connectWebSocket } from '../support/websocket.js';

const config = {
    'limits.messages_per_second': 0,
    'limits.bytes_per_second': 0,
    'limits.connections_per_address': 0,
};

const show = (bytes) => `seed ${seed}: ${JSON.stringify(bytes.toString('latin1'))}`;

/** A generated text, mutated three times out of four. */
function sample(random) {
    const bytes = Buffer.from(jsonText(random));
    return random.chance(0.25) ? bytes : mutate(random, bytes);
}

suite('JSON', [PLAIN], { config }, (on) => {
    test(`texts before join: 1007 or 4000 as JSON.parse says (seed ${seed})`, async () => {
        const random = new Random();
        let refused = 0;
        for (let n = 0; n < 1500; n++) {
            const bytes = sample(random);
            const ws = await connectWebSocket(on.server);
            ws.sendFrame({ payload: bytes });
            await ws.ended;
            const valid = parse(bytes) !== undefined;
            refused += valid ? 0 : 1;
            assert.equal(ws.closeFrame?.code, valid ? 4000 : 1007, show(bytes));
        }
        assert.ok(refused > 300 && refused < 1400, `${refused} of 1500 were no JSON`);
    });

    test(`texts as data: relayed as JSON.parse reads them, or 1007 (seed ${seed})`, async () => {
        const random = new Random(seed + 1);
        const counts = { relayed: 0, refused: 0, other: 0 };
        let peer = null;
        for (let n = 0; n < 4000; n++) {
            peer ??= await Peer.join(on.server, { room: freshRoom(), peer: 'a' });
            const head = Buffer.from('{"type":"signal","to":"a","data":');
            const bytes = Buffer.concat([head, sample(random), Buffer.from('}')]);
            const kind = await sendAndCheck(peer, bytes);
            counts[kind]++;
            if (kind !== 'relayed') {
                await peer.lose();
                peer = null;
            }
        }
        assert.ok(counts.relayed > 1000 && counts.refused > 1000, JSON.stringify(counts));
    });

    test(`whole envelopes, mutated anywhere (seed ${seed})`, async () => {
        const random = new Random(seed + 2);
        for (let n = 0; n < 1500; n++) {
            const peer = await Peer.join(on.server, { room: freshRoom(), peer: 'a' });
            const text = `{"type" : "signal", "to":"a","id":"i1","data":${jsonText(random, 2)}}`;
            await sendAndCheck(peer, mutate(random, Buffer.from(text)));
            await peer.lose();
        }
    });
});

/** Sends the text from peer `a`, and holds what comes back against what JSON.parse makes of it. */
async function sendAndCheck(peer, bytes) {
    const value = parse(bytes);
    peer.ws.sendFrame({ payload: bytes });
    if (value === undefined) {
        await peer.ws.ended;
        assert.equal(peer.ws.closeFrame?.code, 1007, show(bytes));
        return 'refused';
    }
    const isSignal = value?.type === 'signal' && value.to === 'a' && 'data' in value;
    if (!isSignal || badId(value)) {
        peer.send({ type: 'ping', received: peer.received });
        await peer.next().catch(() => {}); // nothing comes before the close of a `leave`
        const code = peer.ws.closeFrame?.code ?? 4000;
        assert.ok([4000, 1000].includes(code), `${code} for ${show(bytes)}`);
        return 'other';
    }
    const echo = await peer.next();
    assert.equal(echo.type, 'signal', `${echo.text} for ${show(bytes)}`);
    assert.deepEqual(echo.data, value.data, show(bytes));
    peer.send({ type: 'ping', received: peer.received });
    await peer.expect('pong');
    return 'relayed';
}

function badId({ id }) {
    if (id === undefined || typeof id === 'number') return false;
    return typeof id !== 'string' || Buffer.byteLength(id) > 128;
}
