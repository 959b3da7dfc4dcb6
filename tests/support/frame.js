// WebSocket frames as bytes (RFC 6455 section 5.2): free to be wrong when written, strict when
// read.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

const LONGEST = { 7: 125, 16: 0xffff, 64: Number.MAX_SAFE_INTEGER };

function lengthForm(length) {
    return length <= LONGEST[7] ? 7 : length <= LONGEST[16] ? 16 : 64;
}

/**
 * The bytes of one frame.
 *   opcode   name or number      payload  string or Buffer       fin   true
 *   rsv      0..7                    masked   true
 *   key      four bytes, random if missing
 *   form     7, 16 or 64: bits of the length field; the shortest if missing
 *   length   what the length field says, where that is not the payload's length (number or BigInt)
 */
export function frame({
    opcode = 'text',
    payload = '',
    fin = true,
    rsv = 0,
    masked = true,
    key,
    form,
    length,
}) {
    const body = Buffer.from(payload);
    const said = length ?? body.length;
    const bits = form ?? lengthForm(Number(said));
    const number = typeof opcode === 'number' ? opcode : OPCODE[opcode];
    const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
    head[0] = (fin ? 0x80 : 0) | (rsv << 4) | number;
    head[1] = (masked ? 0x80 : 0) | (bits === 7 ? Number(said) : bits === 16 ? 126 : 127);
    if (bits === 16) head.writeUInt16BE(Number(said), 2);
    if (bits === 64) head.writeBigUInt64BE(BigInt(said), 2);
    if (!masked) return Buffer.concat([head, body]);
    const mask = key ? Buffer.from(key) : randomBytes(4);
    for (let i = 0; i < body.length; i++) body[i] ^= mask[i & 3];
    return Buffer.concat([head, mask, body]);
}

/** A message cut into frames, `sizes` bytes each; the rest goes into the last. */
export function fragments(payload, sizes, opcode = 'text') {
    const body = Buffer.from(payload);
    const parts = [];
    let at = 0;
    for (const size of sizes) parts.push(body.subarray(at, (at += size)));
    parts.push(body.subarray(at));
    return parts.map((part, i) =>
        frame({
            opcode: i === 0 ? opcode : 'continuation',
            payload: part,
            fin: i === parts.length - 1,
        }),
    );
}

/** The payload of a close frame. */
export function closePayload(code, reason = '') {
    const text = Buffer.from(reason);
    const payload = Buffer.alloc(2 + text.length);
    payload.writeUInt16BE(code);
    text.copy(payload, 2);
    return payload;
}

/** Reads a server's frames out of a stream of bytes; throws on what no server may send. */
export class FrameReader {
    #bytes = Buffer.alloc(0);

    push(bytes) {
        this.#bytes = this.#bytes.length ? Buffer.concat([this.#bytes, bytes]) : bytes;
    }

    /** The next whole frame {opcode, fin, payload, size}, or null. */
    next() {
        const bytes = this.#bytes;
        if (bytes.length < 2) return null;
        const short = bytes[1] & 0x7f;
        const bits = short < 126 ? 7 : short === 126 ? 16 : 64;
        const head = bits === 7 ? 2 : bits === 16 ? 4 : 10;
        if (bytes.length < head) return null;
        const length =
            bits === 7
                ? short
                : bits === 16
                  ? bytes.readUInt16BE(2)
                  : Number(bytes.readBigUInt64BE(2));
        const opcode = bytes[0] & 0x0f;
        const fin = (bytes[0] & 0x80) !== 0;
        assert.equal(bytes[0] & 0x70, 0, 'the server set a reserved bit');
        assert.equal(bytes[1] & 0x80, 0, 'the server masked a frame');
        assert.ok(Object.values(OPCODE).includes(opcode), `the server sent opcode ${opcode}`);
        assert.equal(bits, lengthForm(length), 'the server wrote a length longer than needed');
        if (opcode >= 8) assert.ok(fin && length <= 125, 'the server sent a bad control frame');
        if (bytes.length < head + length) return null;
        this.#bytes = bytes.subarray(head + length);
        return { opcode, fin, payload: bytes.subarray(head, head + length), size: head + length };
    }

    get rest() {
        return this.#bytes;
    }
}
