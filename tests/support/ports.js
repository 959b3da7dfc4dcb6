// Ports for programs that must be told one, below those that the kernel gives to outgoing
// connections: nobody takes one while its program is down for a while.

import net from 'node:net';

const [LOWEST, COUNT] = [20_000, 10_000];

let next = (process.pid * 37) % COUNT;

function isFree(port) {
    return new Promise((resolve) => {
        const probe = net.createServer();
        probe.once('error', () => resolve(false));
        probe.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
            probe.close(() => resolve(true)),
        );
    });
}

/** A port of 127.0.0.1 that nobody listens on, another one each time. */
export async function freePort() {
    for (let tries = 0; tries < COUNT; tries++) {
        const port = LOWEST + next;
        next = (next + 1) % COUNT;
        if (await isFree(port)) return port;
    }
    throw new Error('no port is free');
}
