// A real haproxy in front of several instances, in TCP mode and as health checks say unless told otherwise.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './certificate.js';
import { LOOPBACK } from './network.js';
import { freePort } from './ports.js';
import { Program } from './program.js';

const BINARY = process.env.HAPROXY ?? 'haproxy';
const PATH = `${process.env.PATH}:/usr/sbin`; // where Debian has it

const CHECK = 'check inter 200ms fall 1 rise 1';

const place = (url) => new URL(url).host;

/**
 * servers   instances; one that goes and comes back must have the same port
 * mode      'http': it reads requests
 * server    what is said of each server, in place of the health check
 * bind      what is said of its own address, e.g. 'ssl crt FILE'
 * frontend  more lines
 * balance   which of the servers that are up is taken
 * on        a host of network.js, in place of this machine's loopback
 * Returns {url, end()}: `url` is what clients connect to.
 */
export async function startHaproxy(
    servers,
    { mode = 'tcp', server = CHECK, bind = '', frontend = [], balance = 'leastconn', on = LOOPBACK } = {},
) {
    const port = await freePort();
    const folder = mkdtempSync(join(temporaryFolder(), 'haproxy-'));
    const path = join(folder, 'haproxy.cfg');
    const backends = servers.map(
        ({ url }, n) => `    server s${n} ${place(url)} ${server}`,
    );
    writeFileSync(
        path,
        `global
    maxconn 4000
defaults
    mode ${mode}
    timeout connect 1s
    timeout client 1m
    timeout server 1m
    timeout check 1s
    retries 3
    option redispatch
frontend public
    bind ${on.address}:${port} ${bind}
${frontend.map((line) => `    ${line}\n`).join('')}    default_backend instances
backend instances
    balance ${balance}
${server === CHECK ? '    option httpchk GET /readyz\n    http-check expect status 200\n' : ''}${backends.join('\n')}
`,
    );
    const env = { ...process.env, PATH };
    const [command, ...args] = [...on.under, BINARY, '-W', '-f', path];
    const program = new Program(command, args, { env });
    await program.waitLine(/Loading success|New worker .* forked/);
    return { url: `http://${on.address}:${port}`, port, program, end: () => program.end() };
}
