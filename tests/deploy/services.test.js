// The configuration of the services around roomline, checked by their own programs and by linters.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { filesOf, ROOT, textOf } from '../lint/files.js';
import { kustomize, noKubectl } from './manifests.js';
import { freePort } from '../support/ports.js';
import { Program } from '../support/program.js';

const PATH = `${process.env.PATH}:/usr/sbin`; // where Debian has servers

function folderOf(t) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-services-'));
    t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }));
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
        // Before version 4.7 it says, too, that it has no console for want of a password.
        const wrong = /Unknown argument|Bad configuration|CONFIG ERROR: (?!Empty cli-password)/i;
        await coturn.end('SIGKILL');
        assert.doesNotMatch(coturn.lines.join('\n'), wrong);
    });
}

// In a network of its own, whose one address is that of a node behind a public one.
const RELAY = `
    ip link set lo up && ip addr add 10.77.0.1/32 dev lo
    : >"$1.log" # that of the call before says that it is ready
    turnserver -c "$1" "\${@:3}" >"$1.log" 2>&1 &
    until grep -q 'Total General servers' "$1.log"; do kill -0 $! || exit; sleep 0.1; done
    timeout 30 turnutils_uclient -y -c -n 5 -u somebody -W "$2" -L 10.77.0.1 10.77.0.1`;

/** What turnutils_uclient says of a call over such a relay with a secret and more options. */
function relayed(folder, text, secret, ...options) {
    const file = join(folder, 'run.conf');
    const own = text.replace(/^(userdb|pidfile)=.*\n/gm, '');
    writeFileSync(file, `${own}userdb=${folder}/turndb\npidfile=${folder}/pid\n`);
    const inside = ['--net', '--pid', '--fork', '--kill-child', 'bash', '-c', RELAY, 'bash', file, secret, ...options];
    return spawnSync('unshare', inside, { env: { ...process.env, PATH }, encoding: 'utf8' }).stdout;
}
const noNamespaces = spawnSync('unshare', ['--net', 'true']).status !== 0 && 'no namespace can be made here';

test('coturn on a node relays between two that it relays for, and to nobody else inside', { skip: noKubectl || noNamespaces }, (t) => {
    const folder = folderOf(t);
    const { objects } = kustomize('coturn');
    const { data } = objects.find(({ kind }) => kind === 'ConfigMap');
    const { initContainers, containers } = objects.find(({ kind }) => kind === 'Deployment').spec.template.spec;
    assert.deepEqual(containers[0].command, ['turnserver', '-c', '/run/coturn/turnserver.conf']);

    // What the init container does, with folders of this test.
    writeFileSync(join(folder, 'turnserver.conf'), data['turnserver.conf']);
    writeFileSync(join(folder, 'turn-secret'), 'of-a-test\nanother-one');
    writeFileSync(join(folder, 'detect-external-ip'), '#!/bin/sh\necho "$PUBLIC"\n', { mode: 0o755 });
    const [, , script] = initContainers[0].command;
    const here = script
        .replace('/etc/coturn/turnserver.conf', `${folder}/turnserver.conf`)
        .replace('/run/secrets/coturn/turn-secret', `${folder}/turn-secret`)
        .replace('/run/coturn/turnserver.conf', `${folder}/made.conf`);
    const configure = (PUBLIC) => {
        const env = { PATH: `${folder}:${PATH}`, PUBLIC, HOST_ADDRESS: '10.77.0.1' };
        return spawnSync('sh', ['-euc', here], { env, encoding: 'utf8' });
    };
    assert.notEqual(configure('').status, 0, 'it does not start without its public address');
    assert.equal(configure('203.0.113.7').status, 0);

    const made = readFileSync(join(folder, 'made.conf'), 'utf8');
    assert.deepEqual(made.match(/^listening-ip=.*$/gm), ['listening-ip=10.77.0.1'], 'no other address of the node');
    assert.match(relayed(folder, made, 'of-a-test'), /Total lost packets 0 /);
    assert.match(relayed(folder, made, 'another-one'), /Total lost packets 0 /);
    assert.match(relayed(folder, made.replace('203.0.113.7/10.77.0.1', '203.0.113.7'), 'of-a-test'), /error 403/);
});

test('coturn of the composition does the same on the open Internet', { skip: noNamespaces }, (t) => {
    const folder = folderOf(t);
    for (const path of ['script', 'secrets/roomline', 'secrets/redis', 'secrets/coturn', 'secrets/prometheus', 'secrets/grafana'])
        mkdirSync(join(folder, path), { recursive: true });
    copyFileSync(join(ROOT, 'script/certificate'), join(folder, 'script/certificate'));
    copyFileSync(join(ROOT, 'docker/coturn/turnserver.conf'), join(folder, 'turnserver.conf'));
    copyFileSync(join(ROOT, 'docker/redis/rights'), join(folder, 'redis-rights'));
    const setup = textOf('docker/setup').replace('secrets=/secrets', `secrets=${folder}/secrets`);
    writeFileSync(join(folder, 'setup'), setup, { mode: 0o755 });
    const env = { ...process.env, ROOMLINE_PUBLIC_ADDRESS: '203.0.113.7' };
    const { status, stderr } = spawnSync(join(folder, 'setup'), { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);

    const secretOf = (path) => readFileSync(join(folder, 'secrets', path), 'utf8');
    // A container has one address; here it is one of the loopback device, which coturn takes only when told.
    const made = `${secretOf('coturn/turnserver.conf')}listening-ip=10.77.0.1\n`;
    const secret = secretOf('roomline/turn-secret');
    const { services } = parse(textOf('compose.yaml'));
    assert.match(services.coturn.command[0], /^exec turnserver -c \S+ --allowed-peer-ip="\$\$\(hostname -i\)"$/);
    assert.match(relayed(folder, made, secret, '--allowed-peer-ip=10.77.0.1'), /Total lost packets 0 /);
    assert.match(relayed(folder, made, secret), /error 403/);
});

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

test('coturn is denied the same networks wherever it is told of', () => {
    const denied = (path) => textOf(path).match(/^denied-peer-ip=.*$/gm);
    assert.deepEqual(denied('docs/turn.md'), denied('deploy/kubernetes/coturn/turnserver.conf'));
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
    const chart = parse(textOf('deploy/helm/roomline/Chart.yaml'));
    assert.deepEqual([chart.version, chart.appVersion], [version, version]);
});

test('Redis and coturn are of the same version wherever they are named', () => {
    const files = filesOf('compose.yaml', 'deploy/**').filter((path) => /\.yaml$/.test(path));
    const text = files.map(textOf).join('\n');
    const versions = (pattern) => new Set([...text.matchAll(pattern)].map(([, version]) => version));
    assert.equal(versions(/image: redis:(\S+)/g).size, 1);
    assert.equal(versions(/image: coturn\/coturn:(\d\S+)/g).size, 1);
    const [coturn] = versions(/image: coturn\/coturn:(\d\S+)/g);
    assert.equal(parse(textOf('deploy/helm/coturn/Chart.yaml')).appVersion, coturn);
});

test('every image of compose.yaml is pinned, and every service limited', () => {
    for (const [name, service] of Object.entries(parse(textOf('compose.yaml')).services)) {
        assert.match(service.image, /:(v?\d+\.\d+\.\d+|\$\{ROOMLINE_VERSION:-\d+\.\d+\.\d+\})$/, name);
        assert.equal(service.read_only, true, name);
        assert.deepEqual(service.cap_drop, ['ALL'], name);
        assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
        assert.ok(service.logging.options['max-size'], `${name}: its log grows without end`);
    }
});

test('yamllint finds nothing', () => {
    const files = filesOf(
        ...['compose.yaml', 'docker/*.yaml', 'docker/**/*.yaml', 'tests/docker/*.yaml', 'deploy/kubernetes/**/*.yaml'],
        ...['deploy/helm/**/*.yaml', 'deploy/prometheus/*.y*ml', 'deploy/grafana/*.yaml'],
    ).filter((path) => !path.includes('/templates/'));
    const rules = '{extends: default, rules: {document-start: disable, line-length: disable, comments-indentation: disable, braces: {max-spaces-inside: 1}}}';
    assert.ok(files.length > 10, `${files}`);
    const { status, stdout } = spawnSync('yamllint', ['--strict', '-d', rules, ...files], { cwd: ROOT, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
});

test('hadolint finds nothing in the Dockerfiles', (t) => {
    // Debian's packages have the versions of the release that is pinned.
    const line = ['--ignore', 'DL3008', ...filesOf('Dockerfile', 'tests/docker/*.Dockerfile')];
    const { status, stdout, stderr, error } = spawnSync('hadolint', line, { cwd: ROOT, encoding: 'utf8' });
    if (error) return t.skip('there is no hadolint');
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
