// script/bootstrap: says nothing where nothing is missing, and one clear line where it can't go on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../lint/files.js';
import { fakeScript } from './fake.js';

const ROOT_ID = { id: 'echo 0' };
const USER_ID = { id: 'echo 1000' };
const NOTHING_INSTALLED = { 'dpkg-query': ':' };
const RECORD = { 'apt-get': 'echo "$@" >> "$TMPDIR/calls"' };

test('is silent and quick where nothing is missing', () => {
    const began = Date.now();
    const output = execFileSync(join(ROOT, 'script/bootstrap'), ['run'], { encoding: 'utf8' });
    assert.equal(output, '');
    assert.ok(Date.now() - began < 3000);
});

test('asks no network where nothing is missing', (t) => {
    const packages = readFileSync(join(ROOT, 'script/bootstrap'), 'utf8').match(/[a-z][a-z0-9.+:-]+/g);
    const all = [...new Set(packages.map((entry) => entry.split(':').at(-1)))];
    const listed = all.map((name) => `installed ${name}`).join('\n');
    const script = fakeScript(t, 'script/bootstrap', {
        ...ROOT_ID,
        ...RECORD,
        'dpkg-query': `cat <<'END'\n${listed}\nEND`,
    });
    const { code, lines, stdout } = script.run('test');
    assert.deepEqual([code, lines, stdout], [0, [''], '']);
    assert.ok(!existsSync(join(script.folder, 'calls')));
});

test('updates once and installs what is missing', (t) => {
    const script = fakeScript(t, 'script/bootstrap', { ...ROOT_ID, ...NOTHING_INSTALLED, ...RECORD });
    const { code, stdout } = script.run('run');
    assert.equal(code, 0);
    assert.match(stdout, /^script\/bootstrap: installing gcc .*libuv1-dev.*\n$/);
    const calls = readFileSync(join(script.folder, 'calls'), 'utf8').trim().split('\n');
    assert.equal(calls.length, 2);
    assert.match(calls[0], / update$/);
    assert.match(calls[1], / install --no-install-recommends .*libssl-dev/);
});

const CANNOT = [
    {
        what: 'no network',
        commands: {
            ...ROOT_ID,
            'apt-get': 'echo "E: Temporary failure resolving deb.example" >&2; exit 100',
        },
        says: /No network/,
    },
    {
        what: 'a release that has no such package',
        commands: { ...ROOT_ID, 'apt-get': 'echo "E: Unable to locate package libuv1-dev" >&2; exit 100' },
        says: /Unable to locate package libuv1-dev.*Debian 12 or 13/,
    },
    {
        what: 'another failure of apt-get',
        commands: { ...ROOT_ID, 'apt-get': 'echo "E: You have held broken packages" >&2; exit 100' },
        says: /You have held broken packages/,
    },
    { what: 'neither root nor sudo', commands: { ...USER_ID, ...RECORD }, says: /as root once, or install sudo/ },
    {
        what: 'a sudo that wants a password, and no terminal',
        commands: { ...USER_ID, ...RECORD, sudo: 'exit 1' },
        says: /sudo wants a password/,
    },
];

for (const { what, commands, says } of CANNOT) {
    test(`one line for ${what}`, (t) => {
        const { code, lines } = fakeScript(t, 'script/bootstrap', { ...NOTHING_INSTALLED, ...commands }).run();
        assert.equal(code, 1);
        assert.equal(lines.length, 1, lines.join('\n'));
        assert.match(lines[0], /^script\/bootstrap: /);
        assert.match(lines[0], says);
    });
}

test('one line where this is no Debian', (t) => {
    const { code, lines } = fakeScript(t, 'script/bootstrap', { ...ROOT_ID }).run();
    assert.deepEqual([code, lines], [1, ['script/bootstrap: this needs Debian 12 or 13 (no apt-get here)']]);
});

test('goes through sudo where not root', (t) => {
    const script = fakeScript(t, 'script/bootstrap', {
        ...USER_ID,
        ...NOTHING_INSTALLED,
        ...RECORD,
        sudo: 'case $1 in -*) exit 0 ;; esac; echo sudo >> "$TMPDIR/calls"; exec "$@"',
    });
    assert.equal(script.run('run').code, 0);
    const calls = readFileSync(join(script.folder, 'calls'), 'utf8').trim().split('\n');
    assert.deepEqual(calls.map((call) => call.split(' ')[0]), ['sudo', '-q', 'sudo', '-q']);
});
