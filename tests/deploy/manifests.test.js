// deploy/kubernetes: rendered by kubectl, held against the schemas of Kubernetes, and against the rules
// that people who run clusters go by.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT, textOf } from '../lint/files.js';

const FOLDERS = ['base', 'coturn', 'overlays/local', 'overlays/aws-nlb', 'overlays/aws-alb'];
const STRICT = '1.30'; // the last version that kubectl-validate brings along
const HOST_NETWORK = ['coturn']; // the only one that may

const kubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;
const noKubectl = !kubectl && 'there is no kubectl';

const rendered = new Map();
function render(folder) {
    if (!rendered.has(folder)) {
        const path = join(ROOT, 'deploy/kubernetes', folder);
        const text = execFileSync('kubectl', ['kustomize', path], { encoding: 'utf8' });
        rendered.set(folder, { text, objects: parseAllDocuments(text).map((one) => one.toJS()) });
    }
    return rendered.get(folder);
}

const ofKind = (folder, kind) => render(folder).objects.filter((object) => object.kind === kind);
const workloads = (folder) => ofKind(folder, 'Deployment');
const podOf = ({ spec }) => spec.template.spec;
const containersOf = (pod) => [...(pod.initContainers ?? []), ...pod.containers];

// Whose schemas are where: those of Kubernetes itself, as of its current version, and of operators.
const OPERATORS = {
    'cert-manager.io': '@kubernetes-models/cert-manager/',
    'external-secrets.io': '@kubernetes-models/external-secrets/',
    'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/',
};
const operatorOf = ({ apiVersion }) => OPERATORS[apiVersion.split('/')[0]];

async function validate(object) {
    const models = await import(`${operatorOf(object) ?? 'kubernetes-models/'}${object.apiVersion}`);
    new models[object.kind](object).validate();
}

/** kubectl-validate, which judges as the API server does, unknown fields included; null: not here. */
function findValidator() {
    const folder = join(ROOT, 'build/test/deploy/bin');
    const places = [process.env.PATH, folder, join(homedir(), 'go/bin')];
    const env = { ...process.env, PATH: places.join(':'), GOBIN: folder, GOFLAGS: '-mod=mod' };
    const find = () => (spawnSync('kubectl-validate', ['--help'], { env }).status === 0 ? env : null);
    if (find() || !process.env.ROOMLINE_LONG) return find();
    mkdirSync(folder, { recursive: true });
    spawnSync('go', ['install', 'sigs.k8s.io/kubectl-validate@v0.0.4'], { env, stdio: 'ignore' });
    return find();
}

describe('manifests', { skip: noKubectl }, () => {
    for (const folder of FOLDERS) {
        test(`${folder}: the schemas of Kubernetes and of operators`, async () => {
            for (const object of render(folder).objects) await validate(object);
        });
    }

    test('the schemas see what is wrong', async () => {
        const [service] = ofKind('base', 'Service');
        await assert.rejects(validate({ ...service, spec: { ...service.spec, ports: 'https' } }));
        const [monitor] = ofKind('overlays/aws-nlb', 'ServiceMonitor');
        await assert.rejects(validate({ ...monitor, spec: { ...monitor.spec, endpoints: {} } }));
    });

    test(`what the API server of Kubernetes ${STRICT} would say, fields it does not know included`, (t) => {
        const env = findValidator();
        if (!env) return t.skip('there is no kubectl-validate (ROOMLINE_LONG=1 installs it where Go is)');
        const folder = mkdtempSync(join(tmpdir(), 'roomline-manifests-'));
        t.after(() => rmSync(folder, { recursive: true }));
        const judge = () =>
            spawnSync('kubectl-validate', ['--version', STRICT, folder], { env, encoding: 'utf8' });
        for (const name of FOLDERS) {
            const own = render(name).objects.filter((object) => !operatorOf(object));
            const text = own.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
            writeFileSync(join(folder, `${name.replace('/', '-')}.yaml`), text);
        }
        const { status, stdout, stderr } = judge();
        assert.equal(status, 0, stdout + stderr);
        // And it sees what is wrong.
        const wrong = render('base').text.replace('readinessProbe:', 'redinessProbe:');
        writeFileSync(join(folder, 'wrong.yaml'), wrong);
        assert.notEqual(judge().status, 0);
    });

    for (const folder of FOLDERS) {
        test(`${folder}: the restricted profile`, () => {
            for (const workload of workloads(folder)) {
                const { name } = workload.metadata;
                const pod = podOf(workload);
                assert.equal(pod.securityContext.runAsNonRoot, true, name);
                assert.ok(pod.securityContext.runAsUser > 0, name);
                assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault', name);
                assert.equal(pod.automountServiceAccountToken, false, name);
                assert.equal(Boolean(pod.hostNetwork), HOST_NETWORK.includes(name), name);
                assert.ok(!pod.hostPID && !pod.hostIPC, name);
                for (const volume of pod.volumes) assert.ok(!volume.hostPath, name);
                for (const { securityContext: context } of containersOf(pod)) {
                    assert.equal(context.allowPrivilegeEscalation, false, name);
                    assert.equal(context.readOnlyRootFilesystem, true, name);
                    assert.deepEqual(context.capabilities, { drop: ['ALL'] }, name);
                    assert.ok(!context.privileged, name);
                }
            }
        });

        test(`${folder}: probes, resources and pinned images`, () => {
            for (const workload of workloads(folder)) {
                const pod = podOf(workload);
                for (const container of pod.containers)
                    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
                        assert.ok(container[probe], `${container.name}: ${probe}`);
                for (const { name, image, resources } of containersOf(pod)) {
                    assert.match(image, /:\d+\.\d+\.\d+$/, image);
                    for (const kind of ['cpu', 'memory']) assert.ok(resources.requests[kind], name);
                    assert.ok(resources.limits.memory, name);
                }
            }
        });

        test(`${folder}: no secret is written down`, () => {
            assert.deepEqual(ofKind(folder, 'Secret'), []);
            assert.doesNotMatch(render(folder).text, /password: \S|BEGIN [A-Z ]*PRIVATE KEY/);
        });

        test(`${folder}: what selects pods finds some`, () => {
            const pods = workloads(folder).map(({ spec }) => spec.template.metadata.labels);
            const selectors = [
                ...ofKind(folder, 'Service').map(({ spec }) => spec.selector),
                ...ofKind(folder, 'PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
                ...ofKind(folder, 'NetworkPolicy').map(({ spec }) => spec.podSelector.matchLabels),
                ...workloads(folder).map(({ spec }) => spec.selector.matchLabels),
            ];
            for (const selector of selectors) {
                const found = pods.filter((labels) =>
                    Object.entries(selector).every(([name, value]) => labels[name] === value),
                );
                assert.equal(found.length, 1, JSON.stringify(selector));
            }
        });
    }

    for (const folder of FOLDERS.filter((name) => name !== 'coturn')) {
        const server = () => workloads(folder).find(({ metadata }) => metadata.name === 'roomline');

        test(`${folder}: no instance ends before it has drained`, () => {
            const { data } = ofKind(folder, 'ConfigMap').find(({ metadata }) => metadata.name.startsWith('roomline'));
            const { drain } = parse(data['roomline.yaml']);
            const [linger, spread, deadline] = [drain.linger, drain.spread, drain.deadline].map((text) => parseInt(text));
            const pod = podOf(server());
            const before = pod.containers[0].lifecycle.preStop.sleep.seconds;
            const CLOSE = 5; // timeouts.close
            const LEAVE = 8; // docs/operations.md
            assert.ok(linger + spread < deadline);
            assert.ok(pod.terminationGracePeriodSeconds >= before + deadline + CLOSE + LEAVE);
            assert.equal(server().spec.strategy.rollingUpdate.maxUnavailable, 0);
            const delays = render(folder).text.matchAll(/deregistration_delay\.timeout_seconds=(\d+)/g);
            for (const [, seconds] of delays) assert.ok(Number(seconds) > before + deadline);
        });

        test(`${folder}: the configuration is one that the server takes`, () => {
            const { data } = ofKind(folder, 'ConfigMap').find(({ metadata }) => metadata.name.startsWith('roomline'));
            const folderOf = mkdtempSync(join(tmpdir(), 'roomline-config-'));
            const file = join(folderOf, 'roomline.yaml');
            writeFileSync(file, data['roomline.yaml']);
            const env = Object.fromEntries((podOf(server()).containers[0].env ?? []).map(({ name, value }) => [name, value]));
            const binary = process.env.ROOMLINE ?? join(ROOT, 'build/release/roomline');
            const { status, stderr } = spawnSync(binary, ['--config', file, '--print-config'], { env, encoding: 'utf8' });
            rmSync(folderOf, { recursive: true });
            assert.equal(status, 0, stderr);
        });

        test(`${folder}: the admin listener is behind no load balancer, and open to monitoring alone`, () => {
            for (const { metadata, spec } of ofKind(folder, 'Service')) {
                if (metadata.name === 'roomline') assert.deepEqual(spec.ports.map(({ targetPort }) => targetPort), ['https']);
                if (metadata.name !== 'roomline') assert.equal(spec.type, 'ClusterIP');
            }
            const [{ spec }] = ofKind(folder, 'NetworkPolicy').filter(({ metadata }) => metadata.name === 'roomline');
            const admin = spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === 'admin'));
            assert.equal(admin.length, 1);
            assert.deepEqual(admin[0].from, [
                { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
            ]);
        });

        test(`${folder}: it grows with connections and shrinks slowly`, () => {
            const [{ spec }] = ofKind(folder, 'HorizontalPodAutoscaler');
            const [metric] = spec.metrics.filter(({ type }) => type === 'Pods').map(({ pods }) => pods.metric.name);
            assert.match(textOf('docs/metrics.md'), new RegExp(`\`${metric}\` \\| gauge`));
            assert.ok(spec.behavior.scaleDown.stabilizationWindowSeconds >= 600);
            assert.equal(server().spec.replicas, undefined, 'the autoscaler decides');
        });
    }
});
