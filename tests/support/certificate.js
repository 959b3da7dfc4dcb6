// Certificates for one test process, made by the openssl command line at first use.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KINDS = {
    ecdsa: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    rsa: ['-newkey', 'rsa:2048'],
};

const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1';

const made = new Map();
let folder = null;

/** A folder of this process, removed when it exits. */
export function temporaryFolder() {
    if (!folder) {
        folder = mkdtempSync(join(tmpdir(), 'roomline-test-'));
        process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    }
    return folder;
}

function request(name, kind, { cert, key }, more) {
    execFileSync(
        'openssl',
        [
            ...['req', '-x509', ...kind, '-nodes', '-days', '2', '-sha256', '-subj', `/CN=${name}`],
            ...['-keyout', key, '-out', cert, ...more],
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
    );
}

/** Self-signed. {cert, key}: paths; ca: the PEM text a client is to trust. `name` tells several of a kind apart. */
export function certificate(kind = 'ecdsa', name = 'localhost') {
    const id = `${kind}-${name}`;
    if (made.has(id)) return made.get(id);
    if (!KINDS[kind]) throw new Error(`no such kind of certificate: ${kind}`);
    const cert = join(temporaryFolder(), `${id}.crt`);
    const key = join(temporaryFolder(), `${id}.key`);
    request(name, KINDS[kind], { cert, key }, ['-addext', NAMES]);
    const result = { cert, key, ca: readFileSync(cert, 'utf8') };
    made.set(id, result);
    return result;
}

/** An authority's, and one that it signed: {cert, key, authority}, all paths. */
export function signedCertificate() {
    const [cert, key, authority, itsKey] = ['signed.crt', 'signed.key', 'authority.crt', 'authority.key'].map((file) =>
        join(temporaryFolder(), file),
    );
    if (!made.has('signed')) {
        const signs = 'keyUsage=critical,keyCertSign';
        request('roomline test', KINDS.ecdsa, { cert: authority, key: itsKey }, ['-addext', signs]);
        const by = ['-CA', authority, '-CAkey', itsKey, '-addext', 'basicConstraints=critical,CA:FALSE'];
        request('localhost', KINDS.ecdsa, { cert, key }, [...by, '-addext', NAMES]);
        made.set('signed', { cert, key, authority });
    }
    return made.get('signed');
}
