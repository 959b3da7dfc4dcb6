// RFC 6455 by section. `ping` and signals to oneself are the echo; each runs plain and over TLS.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closePayload, fragments, frame } from '../support/frame.js';
import { freshRoom, Peer } from '../support/peer.js';
import { PLAIN, suite, TLS } from '../support/suite.js';

const config = {
    'limits.fragments': 0,
    'limits.control_frames_per_second': 0,
    'limits.messages_per_second': 0,
    'limits.bytes_per_second': 0,
    'timeouts.close': '500ms',
};
const MODES = [PLAIN, TLS];
const PING = '{"type":"ping"}';

const signal = (data) => `{"type":"signal","to":"a","data":${JSON.stringify(data)}}`;
const joinPeer = (on, options) =>
    Peer.join(on.server, { room: freshRoom(), peer: 'a', ...options });

// What is sent after a join, and the code it is closed with.
const BREACHES = [
    ['5.1', 'a frame that is not masked', 1002, () => frame({ payload: PING, masked: false })],
    ['5.1', 'a ping that is not masked', 1002, () => frame({ opcode: 'ping', masked: false })],
    ...[1, 2, 4, 7].map((rsv) => [
        '5.2',
        `reserved bits ${rsv} on text`,
        1002,
        () => frame({ rsv, payload: PING }),
    ]),
    ...[1, 2, 4].map((rsv) => [
        '5.2',
        `reserved bits ${rsv} on ping`,
        1002,
        () => frame({ rsv, opcode: 'ping' }),
    ]),
    ...[1, 4].map((rsv) => [
        '5.2',
        `reserved bits ${rsv} on a continuation`,
        1002,
        () =>
            Buffer.concat([
                frame({ payload: '{', fin: false }),
                frame({ opcode: 0, rsv, payload: '}' }),
            ]),
    ]),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [
        '5.2',
        `opcode ${opcode}`,
        1002,
        () => frame({ opcode }),
    ]),
    ['5.2', '16-bit length for 0 bytes', 1002, () => frame({ payload: '', form: 16 })],
    [
        '5.2',
        '16-bit length for 125 bytes',
        1002,
        () => frame({ payload: 'x'.repeat(125), form: 16 }),
    ],
    ['5.2', '64-bit length for 15 bytes', 1002, () => frame({ payload: PING, form: 64 })],
    [
        '5.2',
        '64-bit length for 65535 bytes',
        1002,
        () => frame({ payload: 'x'.repeat(65535), form: 64 }),
    ],
    [
        '5.2',
        '64-bit length with its top bit set',
        1002,
        () => frame({ length: 2n ** 63n + 5n, form: 64 }),
    ],
    [
        '5.4',
        'a continuation of nothing',
        1002,
        () => frame({ opcode: 'continuation', payload: PING }),
    ],
    [
        '5.4',
        'a continuation of nothing, not the last',
        1002,
        () => frame({ opcode: 0, fin: false }),
    ],
    [
        '5.4',
        'a continuation after a whole message',
        1002,
        () => Buffer.concat([frame({ payload: PING }), frame({ opcode: 0, payload: 'x' })]),
    ],
    [
        '5.4',
        'a new message within another',
        1002,
        () => Buffer.concat([frame({ payload: '{', fin: false }), frame({ payload: PING })]),
    ],
    [
        '5.4',
        'a binary message within a text message',
        1003,
        () => Buffer.concat([frame({ payload: '{', fin: false }), frame({ opcode: 'binary' })]),
    ],
    ['5.5', 'a ping of 126 bytes', 1002, () => frame({ opcode: 'ping', payload: 'x'.repeat(126) })],
    ['5.5', 'a pong of 126 bytes', 1002, () => frame({ opcode: 'pong', payload: 'x'.repeat(126) })],
    [
        '5.5',
        'a close of 126 bytes',
        1002,
        () => frame({ opcode: 'close', payload: closePayload(1000, 'x'.repeat(124)) }),
    ],
    ['5.5', 'a ping in fragments', 1002, () => frame({ opcode: 'ping', fin: false })],
    ['5.5', 'a pong in fragments', 1002, () => frame({ opcode: 'pong', fin: false })],
    ['5.5', 'a close in fragments', 1002, () => frame({ opcode: 'close', fin: false })],
    ['5.5.1', 'a close of one byte', 1002, () => frame({ opcode: 'close', payload: Buffer.of(3) })],
    [
        '5.5.1',
        'a close whose reason is not UTF-8',
        1007,
        () =>
            frame({
                opcode: 'close',
                payload: Buffer.concat([closePayload(1000), Buffer.of(0xc3, 0x28)]),
            }),
    ],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) => [
        '7.4',
        `close code ${code}`,
        1002,
        () => frame({ opcode: 'close', payload: closePayload(code) }),
    ]),
];

suite('RFC 6455 breaches', MODES, { config }, (on) => {
    for (const [section, what, code, bytes] of BREACHES) {
        test(`section ${section}: ${what}: ${code}`, async () => {
            const a = await joinPeer(on);
            a.ws.sendRaw(bytes());
            await a.expectClose(code);
        });
    }

    test('nothing after a breach is looked at', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        b.ws.sendRaw(Buffer.concat([frame({ opcode: 3 }), frame({ payload: signal('late') })]));
        await b.expectClose(1002);
        await a.expect('peer-away', { peer: 'b' });
        await a.quiet();
    });
});

suite('RFC 6455 closing', MODES, { config }, (on) => {
    for (const code of [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
        4999,
    ]) {
        test(`section 7.4: close code ${code} is answered with itself`, async () => {
            const a = await joinPeer(on);
            a.ws.close(code, 'good bye é');
            await a.expectClose(code);
        });
    }

    test('section 5.5.1: a close without a code is answered by one without, or with 1000', async () => {
        const a = await joinPeer(on);
        a.ws.sendFrame({ opcode: 'close' });
        await a.ws.ended;
        assert.ok([null, 1000, 1005].includes(a.ws.closeFrame.code));
    });

    test('section 5.5.1: a reason of 123 bytes', async () => {
        const a = await joinPeer(on);
        a.ws.close(1000, 'x'.repeat(123));
        await a.expectClose(1000);
    });

    test('section 5.5.1: what comes after a close frame is not looked at', async () => {
        const room = freshRoom();
        const a = await Peer.join(on.server, { room, peer: 'a' });
        const b = await Peer.join(on.server, { room, peer: 'b' });
        await a.expect('peer-joined');
        b.ws.sendRaw(
            Buffer.concat([
                frame({ opcode: 'close', payload: closePayload(4999) }),
                frame({ payload: signal('late') }),
                frame({ opcode: 3 }),
            ]),
        );
        await b.expectClose(4999);
        await a.expect('peer-away', { peer: 'b' });
        await a.quiet();
    });

    test('section 7.1.1: the server ends the TCP connection first', async () => {
        const a = await joinPeer(on);
        a.ws.autoClose = false;
        a.ws.close(1000);
        await a.ws.ended;
        assert.equal(a.ws.closeFrame.code, 1000);
    });

    test('section 7.1.4: a close of the server that is never answered ends all the same', async () => {
        const a = await joinPeer(on);
        a.ws.autoClose = false;
        a.send({ type: 'leave' });
        await a.ws.ended; // by timeouts.close
        assert.equal(a.ws.closeFrame.code, 1000);
    });

    test('section 5.5.1: messages that came before the close frame are answered before it', async () => {
        const a = await joinPeer(on);
        const pings = Array.from({ length: 20 }, () => frame({ payload: PING }));
        a.ws.sendRaw(
            Buffer.concat([...pings, frame({ opcode: 'close', payload: closePayload(4321) })]),
        );
        for (let n = 0; n < 20; n++) await a.expect('pong');
        await a.expectClose(4321);
    });
});

suite('RFC 6455 framing', MODES, { config }, (on) => {
    const LENGTHS = [
        0, 1, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 125, 126, 127, 128, 4095, 4096, 16384,
        65400,
    ];

    test('section 5.2: payloads around each form of length', async () => {
        const a = await joinPeer(on);
        for (const length of LENGTHS) {
            const data = 'x'.repeat(length);
            a.signal('a', data);
            await a.expect('signal', { data });
        }
    });

    test('section 5.2: 64-bit length, the shortest form for it', async () => {
        const a = await joinPeer(on);
        const text = signal('x'.repeat(65536 - signal('').length));
        a.ws.sendFrame({ payload: text });
        assert.equal((await a.expect('signal')).data.length, 65536 - signal('').length);
    });

    test('section 5.3: any masking key', async () => {
        const a = await joinPeer(on);
        for (const key of [
            [0, 0, 0, 0],
            [255, 255, 255, 255],
            [1, 2, 3, 4],
            [0x7b, 0x22, 0, 1],
        ]) {
            a.ws.sendFrame({ payload: signal('masked'), key });
            await a.expect('signal', { data: 'masked' });
        }
    });

    test('section 5.3: every alignment of the payload in the stream', async () => {
        const a = await joinPeer(on);
        for (let n = 0; n < 9; n++) {
            const pad = frame({ opcode: 'pong', payload: 'x'.repeat(n) });
            a.ws.sendRaw(Buffer.concat([pad, frame({ payload: signal('x'.repeat(n * 7)) })]));
            await a.expect('signal', { data: 'x'.repeat(n * 7) });
        }
    });

    test('section 5.4: a message in fragments of every size', async () => {
        const a = await joinPeer(on);
        const text = signal('fragmented é \u{1F600}');
        const length = Buffer.byteLength(text);
        for (let size = 1; size <= length; size++) {
            const sizes = Array(Math.ceil(length / size) - 1).fill(size);
            a.ws.sendRaw(Buffer.concat(fragments(text, sizes)));
            await a.expect('signal', { data: 'fragmented é \u{1F600}' });
        }
    });

    test('section 5.4: empty fragments', async () => {
        const a = await joinPeer(on);
        const text = signal('empty');
        for (const sizes of [[0], [0, 0, 0], [5, 0, 5, 0], [text.length, 0], [text.length]]) {
            a.ws.sendRaw(Buffer.concat(fragments(text, sizes)));
            await a.expect('signal', { data: 'empty' });
        }
    });

    test('section 5.4: control frames between the fragments are answered at once', async () => {
        const a = await joinPeer(on);
        const parts = fragments(signal('between'), [3, 10, 1]);
        for (const [n, part] of parts.entries()) {
            a.ws.sendRaw(part);
            if (n === parts.length - 1) break;
            a.ws.ping(`${n}`);
            assert.equal(String(await a.ws.receivePong()), `${n}`);
            a.ws.sendFrame({ opcode: 'pong', payload: 'unasked' });
        }
        await a.expect('signal', { data: 'between' });
    });

    test('section 5.4: a close between the fragments drops the message', async () => {
        const a = await joinPeer(on);
        const [first] = fragments(signal('never'), [10]);
        a.ws.sendRaw(
            Buffer.concat([first, frame({ opcode: 'close', payload: closePayload(4999) })]),
        );
        await a.expectClose(4999);
    });

    test('section 5.5.2: a ping of every size up to 125 is answered with its payload', async () => {
        const a = await joinPeer(on);
        for (const size of [0, 1, 2, 64, 124, 125]) {
            const payload = Buffer.alloc(size, 0xfe);
            a.ws.ping(payload);
            assert.deepEqual(await a.ws.receivePong(), payload);
        }
    });

    test('section 5.5.2: pings before the join are answered', async () => {
        const a = await Peer.connect(on.server);
        a.ws.ping('early');
        assert.equal(String(await a.ws.receivePong()), 'early');
    });

    test('section 5.5.3: a pong that nobody asked for is ignored', async () => {
        const a = await joinPeer(on);
        for (const payload of ['', 'x', Buffer.alloc(8), Buffer.alloc(125, 255)])
            a.ws.sendFrame({ opcode: 'pong', payload });
        await a.quiet();
    });

    test('frames split at every byte', async () => {
        const a = await joinPeer(on);
        const bytes = Buffer.concat([
            frame({ payload: signal('one') }),
            frame({ opcode: 'ping', payload: 'two' }),
            ...fragments(signal('three'.repeat(40)), [20, 130]),
        ]);
        for (let at = 1; at < bytes.length; at += 1) {
            await a.ws.sendPieces([bytes.subarray(0, at), bytes.subarray(at)]);
            await a.expect('signal', { data: 'one' });
            assert.equal(String(await a.ws.receivePong()), 'two');
            await a.expect('signal', { data: 'three'.repeat(40) });
        }
        await a.ws.sendByteByByte(bytes);
        await a.expect('signal', { data: 'one' });
        await a.expect('signal', { data: 'three'.repeat(40) });
    });

    test('coalesced frames: a thousand messages in one write', async () => {
        const a = await joinPeer(on);
        a.ws.sendRaw(Buffer.concat(Array.from({ length: 1000 }, () => frame({ payload: PING }))));
        for (let n = 0; n < 1000; n++) await a.expect('pong');
        await a.quiet();
    });

    test('messages cut at TLS record and buffer boundaries', async () => {
        const a = await joinPeer(on);
        for (const size of [16_330, 16_384, 16_390, 32_768, 60_000]) {
            const texts = [signal('x'.repeat(size)), PING];
            a.ws.sendRaw(Buffer.concat(texts.map((payload) => frame({ payload }))));
            assert.equal((await a.expect('signal')).data.length, size);
            await a.expect('pong');
        }
    });
});

// UTF-8 that is cut between fragments, or broken, in a text message (sections 5.6 and 8.1).
const BROKEN = [
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL of three bytes', [0xe0, 0x80, 0x80]],
    ['an overlong form of four bytes', [0xf0, 0x80, 0x80, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['the last surrogate', [0xed, 0xbf, 0xbf]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['0xFE', [0xfe]],
    ['cut before a quote', [0xe2, 0x82]],
];
const WHOLE = [
    'é',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10FFFF}',
    '\ufdd0',
];

suite('RFC 6455 UTF-8', MODES, { config }, (on) => {
    const wrap = (bytes) =>
        Buffer.concat([
            Buffer.from('{"type":"signal","to":"a","data":"'),
            bytes,
            Buffer.from('"}'),
        ]);

    for (const [what, bytes] of BROKEN) {
        test(`section 8.1: 1007 for ${what}, in one frame and over fragments`, async () => {
            const text = wrap(Buffer.from(bytes));
            const whole = await joinPeer(on);
            whole.ws.sendFrame({ payload: text });
            await whole.expectClose(1007);
            const cut = await joinPeer(on);
            cut.ws.sendRaw(Buffer.concat(fragments(text, [35])));
            await cut.expectClose(1007);
        });
    }

    test('section 5.6: characters cut at every byte between fragments', async () => {
        const a = await joinPeer(on);
        for (const character of WHOLE) {
            const text = wrap(Buffer.from(character));
            for (let at = 33; at < text.length; at++) {
                a.ws.sendRaw(Buffer.concat(fragments(text, [at])));
                await a.expect('signal', { data: character });
            }
        }
    });

    test('section 8.1: a message that ends within a character', async () => {
        const a = await joinPeer(on);
        a.ws.sendFrame({ payload: Buffer.from([0x22, 0xe2, 0x82]) });
        await a.expectClose(1007);
    });
});
