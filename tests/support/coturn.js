// A real coturn on loopback, that takes credentials of its TURN REST API.

import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './certificate.js';
import { freePort } from './ports.js';
import { Program } from './program.js';

const BINARY = process.env.TURNSERVER ?? 'turnserver';

/** secrets: those it accepts; tls: { cert, key }, paths. Returns {port, url, tlsUrl, end()}. */
export async function startCoturn(secrets, { tls } = {}) {
    const [port, tlsPort] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(temporaryFolder(), 'coturn-'));
    const program = new Program(BINARY, [
        '-n', // no configuration file
        '--no-cli',
        ...(tls
            ? [`--tls-listening-port=${tlsPort}`, `--cert=${tls.cert}`, `--pkey=${tls.key}`]
            : ['--no-tls']),
        '--no-dtls',
        '--no-rfc5780',
        '--listening-ip=127.0.0.1',
        '--relay-ip=127.0.0.1',
        '--allow-loopback-peers',
        `--listening-port=${port}`,
        '--use-auth-secret',
        ...secrets.map((secret) => `--static-auth-secret=${secret}`),
        '--realm=roomline.test',
        '--log-file=stdout',
        '--simple-log',
        '--relay-threads=1',
        `--pidfile=${join(folder, 'pid')}`,
        `--userdb=${join(folder, 'db')}`,
    ]);
    await program.waitLine(/Total General servers|DB connection success/); // its sockets are there
    return {
        port,
        url: `turn:127.0.0.1:${port}?transport=udp`,
        tlsUrl: `turns:localhost:${tlsPort}?transport=tcp`,
        program,
        end: () => program.end(),
    };
}
