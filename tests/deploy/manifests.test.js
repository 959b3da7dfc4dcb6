// deploy/kubernetes: rendered by kubectl, held against the schemas of Kubernetes, and against the rules
// that people who run clusters go by. helm.test.js shows that the charts make the same of it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT, textOf } from '../lint/files.js';
import { kustomize as render, noKubectl, VERSIONS } from './manifests.js';

const FOLDERS = ['base', 'coturn', 'overlays/local', 'overlays/aws-nlb', 'overlays/aws-alb'];
const STRICT = '1.30'; // the last version that kubectl-validate brings along
const HOST_NETWORK = ['coturn']; // the only one that may
const MAY_ADD = { coturn: ['NET_BIND_SERVICE'] }; // which the restricted profile lets through

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

/** Without what is an operator's: a folder of its own with a file for each of FOLDERS. */
function writeOwn(t) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-manifests-'));
    t.after(() => rmSync(folder, { recursive: true }));
    return FOLDERS.map((name) => {
        const own = render(name).objects.filter((object) => !operatorOf(object));
        const file = join(folder, `${name.replace('/', '-')}.yaml`);
        writeFileSync(file, own.map((object) => `---\n${JSON.stringify(object)}\n`).join(''));
        return file;
    });
}

/** Makes a file wrong by a field that nobody knows. */
function spoil(file) {
    const text = readFileSync(file, 'utf8');
    assert.match(text, /"readinessProbe":/);
    writeFileSync(file, text.replace('"readinessProbe":', '"redinessProbe":'));
}

/** kubectl-validate, which judges by the code of the API server; null: not here. It needs minutes to build. */
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

    for (const version of VERSIONS) {
        test(`Kubernetes ${version} knows every field`, (t) => {
            const judge = (...files) =>
                spawnSync('kubernetes-validate', ['--strict', '--quiet', '-k', version, ...files], { encoding: 'utf8' });
            if (judge('--version').error) return t.skip('there is no kubernetes-validate');
            const files = writeOwn(t);
            const { status, stdout, stderr } = judge(...files);
            assert.equal(status, 0, stdout + stderr);
            spoil(files[0]);
            assert.notEqual(judge(files[0]).status, 0);
        });
    }

    test(`what the API server of Kubernetes ${STRICT} would say`, (t) => {
        const env = findValidator();
        if (!env) return t.skip('there is no kubectl-validate (ROOMLINE_LONG=1 builds it where Go is)');
        const files = writeOwn(t);
        const judge = () => spawnSync('kubectl-validate', ['--version', STRICT, ...files], { env, encoding: 'utf8' });
        const { status, stdout, stderr } = judge();
        assert.equal(status, 0, stdout + stderr);
        spoil(files[0]);
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
                for (const { name: container, securityContext: context } of containersOf(pod)) {
                    assert.equal(context.allowPrivilegeEscalation, false, name);
                    assert.equal(context.readOnlyRootFilesystem, true, name);
                    const { drop, add } = context.capabilities;
                    assert.deepEqual(drop, ['ALL'], name);
                    assert.deepEqual(add, MAY_ADD[container], container);
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

            // What drains is not ready, and an NLB would reset all its connections for that.
            for (const { spec, metadata } of ofKind(folder, 'Service').filter(({ spec }) => spec.type === 'LoadBalancer')) {
                assert.equal(spec.loadBalancerClass, 'service.k8s.aws/nlb');
                const text = metadata.annotations['service.beta.kubernetes.io/aws-load-balancer-target-group-attributes'];
                const attributes = Object.fromEntries(text.split(',').map((pair) => pair.split('=')));
                assert.equal(attributes['target_health_state.unhealthy.connection_termination.enabled'], 'false');
                assert.ok(Number(attributes['target_health_state.unhealthy.draining_interval_seconds']) > before + deadline);
            }
        });

        test(`${folder}: it listens on the ports of its container, and on no other`, () => {
            const { data } = ofKind(folder, 'ConfigMap').find(({ metadata }) => metadata.name.startsWith('roomline'));
            const config = parse(data['roomline.yaml']);
            const listened = [...config.server.listen, ...config.admin.listen, ...config.stun.listen];
            const ports = podOf(server()).containers[0].ports.map(({ containerPort }) => containerPort);
            assert.deepEqual(listened.map((url) => Number(new URL(url).port)), ports);
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
            const portOf = (name) => podOf(server()).containers[0].ports.find((port) => port.name === name).containerPort;
            const admin = spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === portOf('admin')));
            const open = spec.ingress.filter(({ from }) => !from).flatMap(({ ports }) => ports.map(({ port }) => port));
            assert.deepEqual(open, [portOf('https')]);
            assert.equal(admin.length, 1);
            assert.deepEqual(admin[0].from, [
                { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
            ]);
        });

        test(`${folder}: no instance is restarted because Redis is away`, () => {
            const [{ startupProbe, livenessProbe, readinessProbe }] = podOf(server()).containers;
            assert.equal(startupProbe.httpGet.path, '/livez');
            assert.equal(livenessProbe.httpGet.path, '/livez');
            assert.equal(readinessProbe.httpGet.path, '/readyz');
        });

        test(`${folder}: it grows with connections and shrinks slowly`, () => {
            const [{ spec }] = ofKind(folder, 'HorizontalPodAutoscaler');
            const [metric] = spec.metrics.filter(({ type }) => type === 'Pods').map(({ pods }) => pods.metric.name);
            assert.match(textOf('docs/metrics.md'), new RegExp(`\`${metric}\` \\| gauge`));
            assert.ok(spec.behavior.scaleDown.stabilizationWindowSeconds >= 600);
            assert.equal(server().spec.replicas, undefined, 'the autoscaler decides');
        });
    }

    test('an ALB keeps a silent WebSocket longer than a client is waited for, and an idle request less long than the pod', () => {
        const [{ metadata }] = ofKind('overlays/aws-alb', 'Ingress');
        const attributes = metadata.annotations['alb.ingress.kubernetes.io/load-balancer-attributes'];
        const idle = Number(/idle_timeout\.timeout_seconds=(\d+)/.exec(attributes)[1]);
        const GONE = 62.5; // 2.5 times session.ping_interval
        assert.ok(idle > GONE);
        const [{ env }] = podOf(workloads('overlays/aws-alb')[0]).containers;
        assert.ok(parseInt(env.find(({ name }) => name === 'ROOMLINE_TIMEOUTS_HTTP_IDLE').value) > idle);
    });

    test('alerts: the same for the operator as for a file, and of the job that the ServiceMonitor makes', () => {
        const alerts = parse(textOf('deploy/prometheus/alerts.yml'));
        const [rule] = ofKind('overlays/aws-nlb', 'PrometheusRule');
        assert.deepEqual(rule.spec, alerts, 'deploy/prometheus/rule writes it anew');
        const [{ spec }] = ofKind('overlays/aws-nlb', 'ServiceMonitor');
        const scraped = ofKind('overlays/aws-nlb', 'Service').filter(({ metadata }) =>
            Object.entries(spec.selector.matchLabels).every(([name, value]) => metadata.labels[name] === value),
        );
        assert.equal(scraped.length, 1);
        const job = scraped[0].metadata.labels[spec.jobLabel];
        const jobs = textOf('deploy/prometheus/alerts.yml').matchAll(/\{job="([^"]+)"/g);
        for (const [, name] of jobs) assert.equal(name, job);
        const ports = scraped[0].spec.ports.map(({ name }) => name);
        for (const { port } of spec.endpoints) assert.ok(ports.includes(port));
    });

    test('the adapter serves the metric that the autoscaler asks for', () => {
        const { rules } = parse(textOf('deploy/prometheus/adapter.yaml'));
        const [{ spec }] = ofKind('overlays/aws-nlb', 'HorizontalPodAutoscaler');
        const { name } = spec.metrics.find(({ type }) => type === 'Pods').pods.metric;
        const served = rules.custom.filter(({ seriesQuery }) => seriesQuery.startsWith(`${name}{`));
        assert.equal(served.length, 1);
        assert.deepEqual(Object.keys(served[0].resources.overrides), ['namespace', 'pod']);
    });
});
