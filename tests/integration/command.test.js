// The command line and the configuration, as a person meets them.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { configFile } from '../support/server.js';
import { ownServer } from '../support/suite.js';

/** A port that somebody else listens on until the test ends. */
async function takenPort(t) {
    const taken = net.createServer().listen(0, '127.0.0.1');
    t.after(() => taken.close());
    await once(taken, 'listening');
    return taken.address().port;
}

test('--version', async () => {
    const { code, stdout, stderr } = await runServer(['--version']);
    assert.equal(code, 0);
    assert.match(stdout, /^roomline \d+\.\d+\.\d+\S*\n/);
    assert.equal(stderr, '');
});

test('--help names every option and every key', async () => {
    const { code, stdout } = await runServer(['--help']);
    assert.equal(code, 0);
    for (const option of [
        'config',
        'set',
        'listen',
        'tls-cert',
        'tls-key',
        'workers',
        'client',
        'check',
        'print-config',
        'version',
        'help',
    ]) {
        assert.ok(stdout.includes(`--${option}`), option);
    }
    for (const key of [
        'server.listen',
        'limits.hold_bytes',
        'session.resume_window',
        'log.format',
    ]) {
        assert.ok(stdout.includes(key), key);
    }
});

test('--help and --version win, whatever else is wrong', async () => {
    assert.equal((await runServer(['--set', 'no.such=1', '--help'])).code, 0);
    assert.equal((await runServer(['--config', '/nothing/here', '--version'])).code, 0);
});

test('--check: 0 for a good configuration, and nothing is bound', async (t) => {
    const port = await takenPort(t);
    const { code } = await runServer(['--listen', `http://127.0.0.1:${port}`, '--check']);
    assert.equal(code, 0);
});

const { cert, key } = certificate('ecdsa');
const otherKey = certificate('rsa').key;
const garbage = join(temporaryFolder(), 'garbage.pem');
writeFileSync(garbage, '-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n');

// Lines of a file, then what the message must name: its line, the key, what was given, what is
// allowed.
const BAD_FILES = [
    ['an unknown section', 'nothing:\n  here: 1\n', [':1:', 'nothing']],
    ['an unknown key', 'limits:\n  rooms: 5\n  roms: 5\n', [':3:', 'limits.roms', 'rooms']],
    ['a wrong type', 'limits:\n\n  rooms: many\n', [':3:', 'limits.rooms', 'many', '10000000']],
    ['a number out of range', 'server:\n  workers: 257\n', [':2:', 'server.workers', '257', '256']],
    ['a negative number', 'limits: {rooms: -1}\n', [':1:', 'limits.rooms', '-1']],
    ['a fraction', 'limits:\n  rooms: 1.5\n', [':2:', 'limits.rooms', '1.5']],
    ['a duration without a unit', 'timeouts:\n  join: 10\n', [':2:', 'timeouts.join', '10', 'ms']],
    [
        'a duration with an unknown unit',
        'timeouts:\n  join: 10y\n',
        [':2:', 'timeouts.join', '10y', '10m'],
    ],
    [
        'a size with an unknown unit',
        'limits:\n  message_size: 64KB\n',
        [':2:', 'limits.message_size', '64KB', 'KiB'],
    ],
    ['a word that is none', 'log:\n  level: loud\n', [':2:', 'log.level', 'loud', 'debug']],
    ['a list in place of a number', 'limits:\n  rooms: [1]\n', [':2:', 'limits.rooms']],
    ['a number in place of a section', 'limits: 5\n', [':1:', 'limits']],
    [
        'an address that is none',
        'server:\n  listen:\n    - http://127.0.0.1:0\n    - ftp://x\n',
        [':4:', 'server.listen', 'ftp://x', 'http'],
    ],
    [
        'an origin with a path',
        'server:\n  origins: ["https://x/"]\n',
        [':2:', 'server.origins', 'https://x/'],
    ],
    [
        'an ICE server without urls',
        'session:\n  ice_servers:\n    - username: x\n',
        ['session.ice_servers', 'urls'],
    ],
    ['a key twice', 'limits:\n  rooms: 1\n  rooms: 2\n', [':3:', 'limits.rooms']],
    ['no YAML', 'limits: [\n', [':']],
    ['a tab for indentation', 'limits:\n\trooms: 1\n', [':2:', 'a tab', 'spaces']],
    [
        'a certificate that is none',
        `tls:\n  cert: ${garbage}\n  key: ${key}\n`,
        [':2:', 'tls.cert', garbage, 'base64'],
    ],
    [
        'a key of another certificate',
        `tls:\n  cert: ${cert}\n  key: ${otherKey}\n`,
        [':3:', 'tls.key', otherKey, 'is not the key of the certificate'],
    ],
    ['an admin token that is too short', 'admin:\n  token: short\n', [':2:', 'admin.token']],
];

for (const [what, text, named] of BAD_FILES) {
    test(`refused with exit 2, file and line: ${what}`, async () => {
        const file = configFile(text);
        const { code, stderr } = await runServer(['--config', file]);
        assert.equal(code, 2, stderr);
        for (const name of [file, ...named])
            assert.ok(stderr.includes(name), `${name} in\n${stderr}`);
        const check = await runServer(['--config', file, '--check']);
        assert.equal(check.code, 2);
    });
}

const BAD_FLAGS = [
    ['an unknown option', ['--wrokers', '2'], ['--wrokers', '--workers']],
    ['an argument that is no option', ['start'], ['start']],
    ['a missing value', ['--workers'], ['--workers']],
    ['an unknown key', ['--set', 'limits.roms=5'], ['limits.roms', 'rooms']],
    ['a setting without a value', ['--set', 'limits.rooms'], ['limits.rooms', 'section.key=value']],
    ['a setting without a key', ['--set', '=1'], ['"=1"', 'section.key=value']],
    ['a file without a name', ['--config', ''], ['--config: needs a value: FILE']],
    ['a wrong number', ['--workers', 'two'], ['--workers', 'two', '256']],
    ['a wrong address', ['--listen', '127.0.0.1:80'], ['--listen', '127.0.0.1:80', 'http']],
    ['a port over 65535', ['--listen', 'http://127.0.0.1:65536'], ['--listen', '65536']],
    ['a file that is not there', ['--config', '/nothing/here.yaml'], ['/nothing/here.yaml']],
    ['a client folder that is not there', ['--client', '/nothing/here'], ['/nothing/here']],
    ['TLS without a certificate', ['--listen', 'https://127.0.0.1:0'], ['tls.cert']],
    [
        'a certificate without a key',
        ['--listen', 'https://127.0.0.1:0', '--tls-cert', cert],
        ['tls.key'],
    ],
    [
        'a certificate that is not there',
        ['--listen', 'https://127.0.0.1:0', '--tls-cert', '/nothing/c', '--tls-key', key],
        ['/nothing/c'],
    ],
    [
        'a certificate that is none',
        ['--listen', 'https://127.0.0.1:0', '--tls-cert', garbage, '--tls-key', key],
        ['--tls-cert: tls.cert:', garbage],
    ],
    [
        'a key of another certificate',
        ['--listen', 'https://127.0.0.1:0', '--tls-cert', cert, '--tls-key', otherKey],
        ['--tls-key: tls.key:', otherKey],
    ],
];

for (const [what, args, named] of BAD_FLAGS) {
    test(`refused with exit 2: ${what}`, async () => {
        const { code, stderr } = await runServer(args);
        assert.equal(code, 2, stderr);
        for (const name of named) assert.ok(stderr.includes(name), `${name} in\n${stderr}`);
    });
}

test('a wrong environment variable is refused by its name', async () => {
    const { code, stderr } = await runServer([], { env: { ROOMLINE_LIMITS_ROOMS: 'x' } });
    assert.equal(code, 2, stderr);
    assert.ok(stderr.includes('ROOMLINE_LIMITS_ROOMS'), stderr);
});

test('several mistakes are named at once', async () => {
    const file = configFile('limits:\n  rooms: x\n  roms: 1\nlog: {level: loud}\n');
    const { code, stderr } = await runServer(['--config', file]);
    assert.equal(code, 2);
    for (const line of [':2:', ':3:', ':4:']) assert.ok(stderr.includes(line), stderr);
});

test('a bad configuration is refused before anything is bound', async (t) => {
    const port = await takenPort(t);
    const args = [
        '--listen',
        `http://127.0.0.1:${port}`,
        '--listen',
        'https://127.0.0.1:0',
        '--tls-cert',
        garbage,
        '--tls-key',
        key,
    ];
    const { code, stderr } = await runServer(args);
    assert.equal(code, 2);
    assert.ok(!stderr.includes(String(port)), stderr);
});

test('a port that is taken: one clear line, not exit 0', async (t) => {
    const port = await takenPort(t);
    const { code, stderr } = await runServer([
        '--listen',
        `http://127.0.0.1:${port}`,
        '--workers',
        '2',
    ]);
    assert.ok(code > 0, stderr);
    assert.notEqual(code, 2);
    const lines = stderr
        .trim()
        .split('\n')
        .filter((line) => line.includes(String(port)));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0], /taken|in use/i);
});

test(
    'a file that may not be read is named',
    { skip: process.getuid() === 0 && 'root reads all' },
    async () => {
        const file = configFile('limits: {rooms: 5}\n');
        chmodSync(file, 0);
        const { code, stderr } = await runServer(['--config', file, '--check']);
        assert.equal(code, 2);
        assert.ok(stderr.includes(file));
    },
);

/** The line of --print-config for a key within its section. */
function printed(stdout, section, key) {
    const lines = stdout.split('\n');
    const start = lines.findIndex((line) => line.startsWith(`${section}:`));
    return lines.slice(start + 1).find((line) => line.trim().startsWith(`${key}:`));
}

test('--print-config: effective values, and where each came from', async () => {
    const file = configFile('limits:\n  rooms: 11\n  fragments: 12\n  peers_per_room: 13\n');
    const args = ['--config', file, '--print-config', '--workers', '3', '--set', 'limits.rooms=31'];
    const env = { ROOMLINE_LIMITS_ROOMS: '21', ROOMLINE_LIMITS_FRAGMENTS: '22' };
    const { code, stdout } = await runServer(args, { env });
    assert.equal(code, 0);
    const cases = [
        ['limits', 'rooms', '31', '--set'],
        ['limits', 'fragments', '22', 'ROOMLINE_LIMITS_FRAGMENTS'],
        ['limits', 'peers_per_room', '13', file],
        ['server', 'workers', '3', '--workers'],
        ['timeouts', 'join', '10s', 'default'],
    ];
    for (const [section, name, value, from] of cases) {
        const line = printed(stdout, section, name);
        assert.ok(line?.includes(`: ${value}`) && line.includes(from), `${name}: ${line}`);
    }
});

test('what --print-config prints is a configuration that means the same', async () => {
    const first = await runServer([
        '--print-config',
        '--set',
        'limits.rooms=77',
        '--set',
        'log.level=debug',
    ]);
    const again = await runServer(['--print-config', '--config', configFile(first.stdout)]);
    assert.equal(again.code, 0, again.stderr);
    const values = (text) => text.replace(/\s*#.*$/gm, '').trim();
    assert.equal(values(again.stdout), values(first.stdout));
});

test('secrets are not printed', async () => {
    const file = configFile(
        'session: {ice_servers: [{urls: "turn:x", username: u, credential: hunter2}]}\n',
    );
    const { code, stdout } = await runServer(['--print-config', '--config', file]);
    assert.equal(code, 0);
    assert.ok(!stdout.includes('hunter2'));
});

test('a log line is one line of JSON, with time, level and event', async (t) => {
    const server = await ownServer(t, { workers: 2 });
    for (const line of server.logs) {
        assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.ok(['debug', 'info', 'warn', 'error'].includes(line.level));
        assert.equal(typeof line.event, 'string');
    }
    const listening = server.logs.find((line) => line.event === 'listening');
    assert.equal(listening.worker ?? null, null);
    assert.equal(server.logs.find((line) => line.event === 'ready').workers, 2);
    await server.stop();
    assert.deepEqual(server.noise, []);
});

test('log.level=error keeps a clean run silent', async () => {
    const { stderr } = await runServer(
        ['--listen', 'http://127.0.0.1:0', '--set', 'log.level=error'],
        { timeout: 500 },
    );
    assert.equal(stderr, '');
});

test('a worker by hand: there is no supervisor, and it says so', async () => {
    const { code, stderr } = await runServer([], { env: { ROOMLINE_WORKER: '0' } });
    assert.equal(code, 1);
    assert.equal(stderr, 'roomline: ROOMLINE_WORKER is set, but there is no supervisor\n');
});
