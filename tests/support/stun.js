// STUN messages (RFC 8489) and as much of TURN (RFC 8656) as asking for a relay takes.
//
//   const socket = await StunSocket.open('127.0.0.1', port);
//   const { attributes } = await socket.ask(bindingRequest());

import { createHash, createHmac, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { Inbox } from './inbox.js';

const COOKIE = 0x2112a442;
const [MESSAGE_INTEGRITY, FINGERPRINT] = [0x0008, 0x8028];
const [USERNAME, REALM, NONCE, REQUESTED_TRANSPORT] = [0x0006, 0x0014, 0x0015, 0x0019];
export const [XOR_MAPPED_ADDRESS, ERROR_CODE, UNKNOWN_ATTRIBUTES] = [0x0020, 0x0009, 0x000a];
export const [BINDING, BINDING_SUCCESS, BINDING_ERROR] = [0x0001, 0x0101, 0x0111];
const [ALLOCATE, ALLOCATE_SUCCESS] = [0x0003, 0x0103];

// ISO 3309's, as zlib's.
function crc(bytes) {
    let value = ~0;
    for (const byte of bytes) {
        value ^= byte;
        for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
    }
    return ~value >>> 0;
}

/** [type, value] as bytes, padded to four. */
export function attribute(type, value) {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(bytes.length, 2);
    return Buffer.concat([head, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** Bytes of a message; key: signed with it; fingerprint: with one at the end. */
export function stunMessage(type, attributes = [], { id = randomBytes(12), key, fingerprint } = {}) {
    const compose = (length, parts) => {
        const head = Buffer.alloc(20);
        head.writeUInt16BE(type, 0);
        head.writeUInt16BE(length, 2);
        head.writeUInt32BE(COOKIE, 4);
        id.copy(head, 8);
        return Buffer.concat([head, ...parts]);
    };
    const parts = attributes.map(([type, value]) => attribute(type, value));
    const length = () => parts.reduce((sum, part) => sum + part.length, 0);
    if (key) {
        const signed = compose(length() + 24, parts);
        parts.push(attribute(MESSAGE_INTEGRITY, createHmac('sha1', key).update(signed).digest()));
    }
    if (fingerprint) {
        const value = Buffer.alloc(4);
        value.writeUInt32BE((crc(compose(length() + 8, parts)) ^ 0x5354554e) >>> 0);
        parts.push(attribute(FINGERPRINT, value));
    }
    return compose(length(), parts);
}

export const bindingRequest = (attributes, options) => stunMessage(BINDING, attributes, options);

/** {type, id, attributes: Map, fingerprint: null or whether it is right}. */
export function readStun(bytes) {
    const attributes = new Map();
    let fingerprint = null;
    for (let at = 20; at < bytes.length; ) {
        const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
        const value = bytes.subarray(at + 4, at + 4 + length);
        attributes.set(type, value);
        if (type === FINGERPRINT)
            fingerprint = value.readUInt32BE(0) === (crc(bytes.subarray(0, at)) ^ 0x5354554e) >>> 0;
        at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return { type: bytes.readUInt16BE(0), id: bytes.subarray(8, 20), attributes, fingerprint, bytes };
}

/** {address, port} of an XOR-MAPPED-ADDRESS. */
export function mappedAddress({ attributes, bytes }) {
    const value = attributes.get(XOR_MAPPED_ADDRESS);
    const mask = bytes.subarray(4, 20);
    const port = value.readUInt16BE(2) ^ mask.readUInt16BE(0);
    const ip = value.subarray(4).map((byte, n) => byte ^ mask[n]);
    if (value[1] === 1) return { address: [...ip].join('.'), port };
    const groups = Array.from({ length: 8 }, (_, n) => ip.readUInt16BE(2 * n).toString(16));
    return { address: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1), port };
}

export const errorCode = ({ attributes }) => {
    const value = attributes.get(ERROR_CODE);
    return value ? value[2] * 100 + value[3] : null;
};

export class StunSocket {
    inbox = new Inbox('STUN messages', (m) => m.bytes.toString('hex'));

    static async open(host, port, { bind } = {}) {
        const v6 = host.includes(':');
        const socket = dgram.createSocket(v6 ? 'udp6' : 'udp4');
        socket.bind(0, bind ?? (v6 ? '::1' : '127.0.0.1'));
        await once(socket, 'listening');
        return new StunSocket(socket, host, port);
    }

    constructor(socket, host, port) {
        Object.assign(this, { socket, host, port });
        socket.unref();
        socket.on('message', (bytes) => this.inbox.push(readStun(bytes)));
    }

    get local() {
        return this.socket.address();
    }

    send(bytes) {
        this.socket.send(bytes, this.port, this.host);
    }

    /** Sends until it is answered: datagrams get lost. */
    async ask(bytes) {
        const again = setInterval(() => this.send(bytes), 500);
        this.send(bytes);
        try {
            return await this.inbox.take((m) => m.id.equals(bytes.subarray(8, 20)), undefined, 'answer');
        } finally {
            clearInterval(again);
        }
    }

    close() {
        this.socket.close();
    }
}

/** Asks a TURN server for a relay as a browser would. Null where it was given, or the error's code. */
export async function askForRelay(host, port, { username, credential }) {
    const socket = await StunSocket.open(host, port);
    const transport = [REQUESTED_TRANSPORT, [17, 0, 0, 0]];
    try {
        const { attributes } = await socket.ask(stunMessage(ALLOCATE, [transport]));
        const [realm, nonce] = [attributes.get(REALM), attributes.get(NONCE)];
        const key = createHash('md5').update(`${username}:${realm}:${credential}`).digest();
        const named = [transport, [USERNAME, username], [REALM, realm], [NONCE, nonce]];
        const answer = await socket.ask(stunMessage(ALLOCATE, named, { key }));
        return answer.type === ALLOCATE_SUCCESS ? null : errorCode(answer);
    } finally {
        socket.close();
    }
}
