// A WebSocket client that can misbehave in every way: the bytes are the test's own.
//
//   const ws = await connectWebSocket(server, { room: 'r' });
//   ws.sendText('{"type":"ping"}');
//   const { text } = await ws.receive();
//   await ws.expectClose(1000);

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { frame, FrameReader, closePayload, OPCODE } from './frame.js';
import { DEFAULT_TIMEOUT, Inbox } from './inbox.js';
import { connectSocket, HandshakeError, readBody, readHead, upgradeRequest } from './upgrade.js';

export { HandshakeError } from './upgrade.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 section 1.3

/**
 * Connects and upgrades. Options: those of connectSocket and upgradeRequest, and
 *   worker     index of the worker to land on: connects again until it does
 *   early      bytes to send in the same write as the upgrade request
 *   autoPong   true: answer pings       autoClose  true: answer a close frame, then end the socket
 */
export async function connectWebSocket(server, options = {}) {
    if (options.worker === undefined) return open(server, options);
    for (let i = 0; i < 200; i++) {
        const ws = await open(server, options);
        if (server.workerOf(ws.tcp) === options.worker) return ws;
        ws.destroy();
    }
    throw new Error(`no connection landed on worker ${options.worker}`);
}

async function open(server, options) {
    const { socket, tcp } = await connectSocket(server, options);
    const key = options.key ?? randomBytes(16).toString('base64');
    const request = Buffer.from(
        upgradeRequest(options.url ?? server.url, { ...options, key }),
        'latin1',
    );
    socket.write(Buffer.concat([request, options.early ?? Buffer.alloc(0)]));
    const { status, headers, rest } = await readHead(socket);
    if (status !== 101) {
        const body = await readBody(socket, rest, Number(headers['content-length'] ?? 0));
        tcp.destroy();
        throw new HandshakeError({ status, headers, body });
    }
    assert.equal(headers.upgrade?.toLowerCase(), 'websocket');
    assert.equal(headers.connection?.toLowerCase(), 'upgrade');
    const accept = createHash('sha1')
        .update(key + GUID)
        .digest('base64');
    assert.equal(headers['sec-websocket-accept'], accept);
    return new WebSocketClient(socket, tcp, headers, rest, options);
}

export class WebSocketClient {
    messages = new Inbox('messages', (m) => m.text ?? m.bytes.toString('hex'));
    controls = new Inbox('control frames', (c) => `${c.opcode} ${c.payload.toString('hex')}`);
    closeFrame = null; // {code, reason} once the server sent one
    closed = false; // the socket is gone
    bytesReceived = 0;
    #reader = new FrameReader();
    #message = null; // {opcode, parts} of an unfinished message
    #fault = null; // what the server did wrong
    #deliver = (message) => this.messages.push(message);

    constructor(socket, tcp, headers, rest, { autoPong = true, autoClose = true } = {}) {
        Object.assign(this, { socket, tcp, headers, autoPong, autoClose });
        this.protocol = headers['sec-websocket-protocol'] ?? null;
        this.ended = new Promise((resolve) => socket.once('close', resolve)).then(() =>
            this.#onEnd(),
        );
        socket.on('data', (bytes) => this.#onData(bytes));
        if (rest.length) this.#onData(rest);
        socket.resume();
    }

    sendRaw(bytes) {
        if (this.socket.writable) this.socket.write(bytes);
    }

    sendFrame(options) {
        this.sendRaw(frame(options));
    }

    sendText(text) {
        this.sendFrame({ opcode: 'text', payload: text });
    }

    sendJson(value) {
        this.sendText(JSON.stringify(value));
    }

    ping(payload = '') {
        this.sendFrame({ opcode: 'ping', payload });
    }

    close(code = 1000, reason = '') {
        this.sendFrame({ opcode: 'close', payload: closePayload(code, reason) });
    }

    /** Each piece in a write of its own, one turn of the loop apart. */
    async sendPieces(pieces) {
        for (const piece of pieces) {
            if (!this.socket.writable) return;
            await new Promise((resolve) => this.socket.write(piece, resolve));
            await new Promise(setImmediate);
        }
    }

    sendByteByByte(bytes) {
        return this.sendPieces(Array.from(bytes, (byte) => Buffer.of(byte)));
    }

    /** The next whole message: {opcode, text, bytes}. */
    receive(timeout) {
        return this.messages.take(undefined, timeout, 'message');
    }

    async receiveJson(timeout) {
        return JSON.parse((await this.receive(timeout)).text);
    }

    /** From now on messages go to `onMessage` in place of the inbox, and the end to `onEnd`. */
    follow(onMessage, onEnd) {
        for (const message of this.messages.items) onMessage(message);
        this.#deliver = onMessage;
        this.ended.then(() => onEnd(this.#endError()));
    }

    /** The payload of the next pong. */
    async receivePong(timeout) {
        const pong = await this.controls.take((c) => c.opcode === OPCODE.pong, timeout, 'pong');
        return pong.payload;
    }

    /** The payload of the next ping that the server sends. */
    async receivePing(timeout) {
        const ping = await this.controls.take((c) => c.opcode === OPCODE.ping, timeout, 'ping');
        return ping.payload;
    }

    /** The server sends a close frame with this code (null: an empty one) and then ends the connection. */
    async expectClose(code, timeout = DEFAULT_TIMEOUT) {
        await this.#untilEnd(timeout);
        const said = this.closeFrame ? this.closeFrame.code : 'no close frame';
        const left = this.messages.items
            .map((m) => m.text)
            .slice(-4)
            .join(' ');
        assert.equal(
            said,
            code,
            `close reason "${this.closeFrame?.reason}"; messages not taken: ${left}`,
        );
        return this.closeFrame;
    }

    /** The connection ends without a close frame. */
    async expectDrop(timeout = DEFAULT_TIMEOUT) {
        await this.#untilEnd(timeout);
        assert.equal(this.closeFrame, null);
    }

    /** Stop reading and answering, as a client whose network went away: to the server it still looks alive. */
    freeze() {
        this.autoPong = false;
        this.autoClose = false;
        this.pause();
    }

    thaw() {
        this.autoPong = true;
        this.autoClose = true;
        this.resume();
    }

    pause() {
        this.socket.pause();
        this.tcp.pause();
    }

    resume() {
        this.tcp.resume();
        this.socket.resume();
    }

    /** Ends the TCP connection without a close frame; resolves when it is gone here. */
    destroy() {
        this.socket.destroy();
        this.tcp.destroy();
        return this.ended;
    }

    /** The same by RST. */
    reset() {
        this.tcp.resetAndDestroy();
        this.socket.destroy();
        return this.ended;
    }

    async #untilEnd(timeout) {
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, true)));
        const tooLate = await Promise.race([this.ended.then(() => false), late]);
        clearTimeout(timer);
        if (this.#fault) throw this.#fault;
        const left = this.messages.items
            .map((m) => m.text)
            .slice(-4)
            .join(' ');
        assert.ok(!tooLate, `still open after ${timeout} ms; messages not taken: ${left}`);
    }

    #onData(bytes) {
        if (this.#fault) return;
        this.bytesReceived += bytes.length;
        this.#reader.push(bytes);
        try {
            for (let f = this.#reader.next(); f; f = this.#reader.next()) this.#onFrame(f);
        } catch (error) {
            this.#fault = error;
            this.messages.end(error);
            this.controls.end(error);
            this.destroy();
        }
    }

    #onFrame({ opcode, fin, payload, size }) {
        assert.equal(this.closeFrame, null, 'the server sent a frame after its close frame');
        if (opcode >= 8) return this.#onControl(opcode, payload);
        assert.equal(
            opcode === OPCODE.continuation,
            this.#message !== null,
            'the server mixed up its fragments',
        );
        this.#message ??= { opcode, parts: [], size: 0 };
        this.#message.parts.push(payload);
        this.#message.size += size;
        if (!fin) return;
        const { parts, size: whole } = this.#message;
        const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts);
        const text =
            this.#message.opcode === OPCODE.text
                ? new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
                : null;
        this.#message = null;
        this.#deliver({ opcode, text, bytes, size: whole });
    }

    #onControl(opcode, payload) {
        if (opcode === OPCODE.ping && this.autoPong) this.sendFrame({ opcode: 'pong', payload });
        if (opcode !== OPCODE.close) return this.controls.push({ opcode, payload });
        const code = payload.length >= 2 ? payload.readUInt16BE(0) : null;
        this.closeFrame = { code, reason: payload.toString('utf8', 2) };
        if (!this.autoClose) return;
        this.sendFrame({ opcode: 'close', payload: payload.subarray(0, 2) });
        this.socket.end();
    }

    #onEnd() {
        this.closed = true;
        this.messages.end(this.#endError());
        this.controls.end(this.#endError());
    }

    #endError() {
        if (this.#fault) return this.#fault;
        const how = this.closeFrame
            ? `closed with ${this.closeFrame.code} ${this.closeFrame.reason}`
            : 'dropped';
        return new Error(`the connection was ${how}`);
    }
}
