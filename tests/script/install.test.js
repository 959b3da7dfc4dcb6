// cmake --install puts everything in place, and systemd likes the unit.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT } from '../lint/files.js';
import { binary, cleanEnvironment } from '../support/server.js';

const PREFIX = '/usr/local';
let root;

before(() => {
    root = mkdtempSync(join(tmpdir(), 'roomline-install-'));
    execFileSync('cmake', ['--install', dirname(binary)], {
        env: { ...cleanEnvironment(), DESTDIR: root },
        stdio: 'ignore',
    });
});
after(() => rmSync(root, { recursive: true }));

const installed = (path) => join(root, PREFIX, path);
const unit = () => readFileSync(installed('lib/systemd/system/roomline.service'), 'utf8');

test('the binary, the configuration and all of the client are installed', () => {
    const version = execFileSync(installed('bin/roomline'), ['--version'], { encoding: 'utf8' });
    assert.match(version, /^roomline \d/);
    const files = (folder) => readdirSync(folder, { recursive: true }).sort();
    assert.deepEqual(files(installed('share/roomline/client')), files(join(ROOT, 'client')));
    assert.deepEqual(files(installed('etc/roomline')), files(join(ROOT, 'config')));
});

test('the installed binary takes the installed configuration and client', () => {
    const { status, stderr } = spawnSync(
        installed('bin/roomline'),
        ['--config', installed('etc/roomline/roomline.yaml'), '--check'],
        {
            env: { ...cleanEnvironment(), ROOMLINE_SERVER_CLIENT: installed('share/roomline/client') },
            encoding: 'utf8',
        },
    );
    assert.equal(status, 0, stderr);
});

test('the unit runs what was installed', () => {
    for (const [, path] of unit().matchAll(/^Exec\w+=(\/\S+)/gm)) {
        assert.ok(existsSync(join(root, path)), path);
    }
    const [, client] = /ROOMLINE_SERVER_CLIENT=(\S+)/.exec(unit());
    assert.ok(existsSync(join(root, client, 'index.html')));
    const [, dashboard] = /ROOMLINE_ADMIN_DASHBOARD=(\S+)/.exec(unit());
    assert.ok(existsSync(join(root, dashboard, 'index.html')));
});

test('the README names what is there', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const paths = readme.match(/\/usr\/local\/[\w/]+|(?<= )\/etc\/[\w/]+/g);
    assert.ok(paths.length >= 2);
    for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});

const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;

function analyze(verb, text) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-unit-'));
    const path = join(folder, 'roomline.service');
    writeFileSync(path, text);
    try {
        return spawnSync('systemd-analyze', [...verb, path], { encoding: 'utf8' });
    } finally {
        rmSync(folder, { recursive: true });
    }
}

// The unit with the paths of the installation that the test made.
const rooted = () => unit().replaceAll(`${PREFIX}/bin`, installed('bin'));

test('systemd-analyze verify accepts the unit', { skip: !systemd && 'no systemd here' }, () => {
    const { status, stderr } = analyze(['verify'], rooted());
    const about = stderr.split('\n').filter((line) => line.includes('roomline'));
    assert.deepEqual(about, []);
    assert.equal(status, 0, stderr);
});

test('systemd-analyze verify notices a mistake', { skip: !systemd && 'no systemd here' }, () => {
    const { stderr } = analyze(['verify'], rooted().replace('DynamicUser=', 'DynamikUser='));
    assert.match(stderr, /DynamikUser/);
});

test('the service is well confined', { skip: !systemd && 'no systemd here' }, () => {
    const { stdout } = analyze(['security', '--offline=true'], rooted());
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(stdout);
    assert.ok(Number(exposure) < 2.5, `exposure ${exposure}`);
});
