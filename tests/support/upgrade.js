// Getting as far as a WebSocket: TCP, TLS, the upgrade request and its answer.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { DEFAULT_TIMEOUT } from './inbox.js';

const open = new Map(); // connection -> where to

/** Drops every connection that a test left behind, or those to some addresses. */
export function dropConnections(urls) {
    for (const [tcp, url] of open) if (!urls || urls.includes(url)) tcp.destroy();
}

/** A TCP or TLS connection to a server: {socket: what carries bytes, tcp: the net.Socket below}. */
export async function connectSocket(
    server,
    { url = server.url, tls: tlsOptions = {}, tcp: tcpOptions = {} } = {},
) {
    const address = new URL(url);
    const host = address.hostname.replace(/^\[|\]$/g, '');
    const tcp = net.connect({ host, port: Number(address.port), noDelay: true, ...tcpOptions });
    open.set(tcp, url);
    tcp.once('close', () => open.delete(tcp));
    await once(tcp, 'connect');
    tcp.on('error', () => {}); // a reset is seen as the end
    if (address.protocol === 'http:') return { socket: tcp, tcp };
    const socket = tls.connect({
        socket: tcp,
        ca: server.ca,
        servername: 'localhost',
        ...tlsOptions,
    });
    await once(socket, 'secureConnect');
    socket.on('error', () => {});
    return { socket, tcp };
}

export class HandshakeError extends Error {
    constructor(response) {
        super(`the upgrade was answered with ${response.status}: ${response.body}`);
        Object.assign(this, response);
    }
}

/** The upgrade request as text. `headers` adds or replaces (by lower-case name); null leaves one out. */
export function upgradeRequest(url, { room = 'room', path, headers = {}, protocols, key } = {}) {
    const all = {
        host: new URL(url).host,
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': key ?? randomBytes(16).toString('base64'),
        'sec-websocket-version': '13',
        ...(protocols ? { 'sec-websocket-protocol': protocols } : {}),
        ...headers,
    };
    const lines = Object.entries(all)
        .filter(([, value]) => value !== null)
        .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
    return `GET ${path ?? `/v1/rooms/${encodeURIComponent(room)}/ws`} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Reads an answer's head and pauses the socket: {status, headers, rest}. */
export function readHead(socket) {
    return new Promise((resolve, reject) => {
        let bytes = Buffer.alloc(0);
        const done = (call, value) => {
            clearTimeout(timer);
            socket.off('data', onData).off('close', onClose);
            call(value);
        };
        const onClose = () =>
            done(
                reject,
                new Error(`closed in the handshake after ${JSON.stringify(String(bytes))}`),
            );
        const onData = (chunk) => {
            bytes = Buffer.concat([bytes, chunk]);
            const end = bytes.indexOf('\r\n\r\n');
            if (end < 0) return;
            socket.pause();
            const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
            const headers = Object.fromEntries(
                lines.map((line) => {
                    const colon = line.indexOf(':');
                    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
                }),
            );
            done(resolve, {
                status: Number(first.split(' ')[1]),
                headers,
                rest: bytes.subarray(end + 4),
            });
        };
        const timer = setTimeout(
            () => done(reject, new Error('no answer to the upgrade')),
            DEFAULT_TIMEOUT,
        );
        socket.on('data', onData).on('close', onClose);
    });
}

/** Reads a body of so many bytes, or what comes until the end. */
export function readBody(socket, rest, length) {
    return new Promise((resolve) => {
        let bytes = rest;
        const check = (last) => {
            if (last || bytes.length >= length) resolve(bytes.toString());
        };
        socket
            .on('data', (chunk) => {
                bytes = Buffer.concat([bytes, chunk]);
                check(false);
            })
            .on('close', () => check(true));
        socket.resume();
        check(false);
    });
}
