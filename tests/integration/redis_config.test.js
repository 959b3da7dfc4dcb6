// The bus section, as a person meets it: nothing here connects to anything.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificate, temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { configFile } from '../support/server.js';

const secret = 'hunter2';

/** A file of one test, with this text. */
function fileOf(name, text) {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, text);
    return path;
}

async function check(args, env) {
    const result = await runServer(['--check', ...args], { env });
    assert.ok(!(result.stdout + result.stderr).includes(secret), 'a secret was shown');
    return result;
}

async function printed(args, env) {
    const { code, stdout, stderr } = await runServer(['--print-config', ...args], { env });
    assert.equal(code, 0, stderr);
    assert.ok(!stdout.includes(secret), 'a secret was shown');
    return stdout;
}

test('--redis is repeatable, and shown without its password', async () => {
    const stdout = await printed([
        '--redis',
        `redis://app:${secret}@10.0.0.7/3`,
        '--redis',
        `rediss+sentinel://:${secret}@s1,s2:5/main`,
    ]);
    assert.ok(stdout.includes('  redis:  # --redis\n'), stdout);
    assert.ok(stdout.includes('    - "redis://app:********@10.0.0.7:6379/3"\n'), stdout);
    assert.ok(stdout.includes('    - "rediss+sentinel://:********@s1:26379,s2:5/main"\n'), stdout);
});

test('passwords come from the environment', async () => {
    const stdout = await printed([], {
        ROOMLINE_BUS_REDIS: 'redis+sentinel://app@s1,s2,s3/main,redis://x',
        ROOMLINE_BUS_PASSWORD: secret,
        ROOMLINE_BUS_SENTINEL_PASSWORD: secret,
    });
    assert.match(stdout, /^ {2}password: "\*{8}" {2}# environment ROOMLINE_BUS_PASSWORD$/m);
    assert.match(stdout, /^ {4}- "redis\+sentinel:\/\/app@s1:26379,s2:26379,s3:26379\/main"$/m);
});

test('a password file is read, and refused where it is empty, missing or a folder', async () => {
    const args = (path) => ['--redis', 'redis://app@h', '--set', `bus.password_file=${path}`];
    assert.equal((await check(args(fileOf('password', `${secret}\n`)))).code, 0);

    const empty = await check(args(fileOf('empty-password', '\n')));
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /bus\.password_file: .*empty-password: its first line is empty/);

    const missing = await check(args('/nowhere/password'));
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /bus\.password_file: "\/nowhere\/password" cannot be read/);

    const folder = await check(args(temporaryFolder()));
    assert.equal(folder.code, 2);
    assert.match(folder.stderr, /is not a file/);
});

test('a URL that is refused is not repeated', async () => {
    for (const url of [
        `http://app:${secret}@h`,
        `redis://app:${secret}@h:port`,
        `redis://app:${secret}@h/x`,
        `redis://app:${secret}`,
        `redis+sentinel://app:${secret}@h`,
        secret,
    ]) {
        const { code, stderr } = await check(['--redis', url]);
        assert.equal(code, 2, url);
        assert.match(stderr, /--redis: bus\.redis: entry 1 is no URL of a Redis: /);
        assert.match(stderr, /; allowed: redis:\/\/USER:PASSWORD@HOST/);
    }
});

test('the file names the line', async () => {
    const file = configFile('bus:\n  redis:\n    - redis://a\n    - redis://b:0\n');
    const { code, stderr } = await check(['--config', file]);
    assert.equal(code, 2);
    assert.match(stderr, /:4: bus\.redis: entry 2 is no URL of a Redis: the host is not/);
});

test('certificates for Redis must be good and go together', async () => {
    const own = certificate();
    const redis = ['--redis', 'rediss://h'];
    const good = await check([
        ...redis,
        ...['--set', `bus.ca=${own.cert}`],
        ...['--set', `bus.cert=${own.cert}`, '--set', `bus.key=${own.key}`],
    ]);
    assert.equal(good.code, 0, good.stderr);

    const alone = await check([...redis, '--set', `bus.cert=${own.cert}`]);
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /bus\.cert: needs bus\.key, too/);

    const bad = await check([...redis, '--set', `bus.ca=${own.key}`]);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /bus\.ca, bus\.cert, bus\.key: CA file .*\.key: /);

    const other = certificate('rsa');
    const mixed = await check([
        ...redis,
        ...['--set', `bus.cert=${own.cert}`, '--set', `bus.key=${other.key}`],
    ]);
    assert.equal(mixed.code, 2);
    assert.match(mixed.stderr, /is not the key of the certificate/);
});

test('what goes together is said', async () => {
    const user = await check(['--redis', 'redis://app@h']);
    assert.equal(user.code, 2);
    assert.match(user.stderr, /bus\.redis: a user without a password/);

    const both = await check(
        ['--set', `bus.password_file=${fileOf('both', 'x')}`, '--redis', 'redis://h'],
        { ROOMLINE_BUS_PASSWORD: secret },
    );
    assert.equal(both.code, 2);
    assert.match(both.stderr, /bus\.password_file: bus\.password is set as well/);
});
