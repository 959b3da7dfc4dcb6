// docs/deploy-aws.md as somebody follows it: its files are validated, and its commands are run, with
// programs in place of aws, eksctl, docker and a cluster that look at what they are told.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT, textOf } from '../lint/files.js';
import { kustomize, noHelm, noKubectl, VERSIONS } from './manifests.js';

const GUIDE = textOf('docs/deploy-aws.md');
const KUBERNETES = GUIDE.slice(GUIDE.indexOf('## Kubernetes'));
const blocks = (language, text = GUIDE) =>
    [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)\\n *\`\`\`$`, 'gm'))].map(([, indent, block]) =>
        block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    );

// What a node of a type has, in CPUs.
const CPUS = { 'm7g.large': 2, 'c7gn.medium': 1 };

/** The files that the guide has one write: by their names in the first lines. */
const files = new Map(
    blocks('yaml').map((text) => {
        const [, name] = /^# (\S+\.yaml)\n/.exec(text) ?? [null, null];
        assert.ok(name, `the file has no name: ${text.slice(0, 40)}`);
        return [name, text];
    }),
);

test('shell commands are sound', () => {
    const all = blocks('sh');
    assert.ok(all.length > 8);
    const text = `#!/usr/bin/env bash\n${all.join('\n')}\n`;
    // Each block is one of many that are pasted, with names that a reader has.
    const { status, stdout } = spawnSync('shellcheck', ['-e', 'SC2154,SC2164', '-'], { input: text, encoding: 'utf8' });
    assert.equal(status, 0, stdout);
});

describe('the way to Kubernetes', { skip: noKubectl || noHelm }, () => {
    test('what pods ask for, nodes have', () => {
        const typeOf = (name) => parse(files.get(name)).managedNodeGroups[0].instanceType;
        const asked = (folder, name) => {
            const { spec } = kustomize(folder).objects.find(
                ({ kind, metadata }) => kind === 'Deployment' && metadata.name === name,
            );
            const cpu = spec.template.spec.containers[0].resources.requests.cpu;
            return cpu.endsWith('m') ? parseInt(cpu) / 1000 : Number(cpu);
        };
        const spare = 0.3; // for the kubelet, the CNI, kube-proxy
        assert.ok(asked('overlays/aws-nlb', 'roomline') <= CPUS[typeOf('cluster.yaml')] - spare);
        assert.ok(asked('coturn', 'coturn') <= CPUS[typeOf('turn.yaml')] - spare);
        const [group] = parse(files.get('cluster.yaml')).managedNodeGroups;
        const { spec } = kustomize('overlays/aws-nlb').objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
        assert.ok(group.maxSize > spec.maxReplicas, 'a rollout needs a node more');
    });

    test('the cluster is of a version that the manifests are validated for', () => {
        const minor = (version) => Number(version.split('.')[1]);
        const { metadata } = parse(files.get('cluster.yaml'));
        const [oldest, newest] = VERSIONS.map(minor);
        assert.ok(minor(metadata.version) >= oldest && minor(metadata.version) <= newest, metadata.version);
    });

    test('issuers are what their operators know', async () => {
        const models = {
            ClusterIssuer: '@kubernetes-models/cert-manager/cert-manager.io/v1',
            ClusterSecretStore: '@kubernetes-models/external-secrets/external-secrets.io/v1',
        };
        for (const document of parseAllDocuments(files.get('issuers.yaml'))) {
            const object = document.toJS();
            const { [object.kind]: Model } = await import(models[object.kind]);
            new Model(object).validate();
        }
        const certificate = kustomize('overlays/aws-nlb').objects.find(({ kind }) => kind === 'Certificate');
        assert.ok(files.get('issuers.yaml').includes(`name: ${certificate.spec.issuerRef.name}`));
    });

    test('every command runs', (t) => {
        const folder = mkdtempSync(join(tmpdir(), 'roomline-guide-'));
        t.after(() => rmSync(folder, { recursive: true }));
        mkdirSync(join(folder, 'bin'));
        mkdirSync(join(folder, 'production'));
        for (const name of ['docker', 'script']) symlinkSync(join(ROOT, name), join(folder, name));
        cpSync(join(ROOT, 'deploy'), join(folder, 'deploy'), { recursive: true, verbatimSymlinks: true });
        for (const [name, text] of files) writeFileSync(join(folder, name), `${text}\n`);
        for (const [name, text] of Object.entries(STANDINS))
            writeFileSync(join(folder, 'bin', name), `#!/usr/bin/env bash\nset -euo pipefail\n${text}`, { mode: 0o755 });

        const real = (name) => spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
        const env = {
            ...process.env,
            PATH: `${folder}/bin:${process.env.PATH}`,
            HOME: folder,
            LOG: join(folder, 'log'),
            AWS_ACCESS_KEY_ID: 'stub',
            AWS_SECRET_ACCESS_KEY: 'stub',
            DIGEST_OF_IMAGE: `sha256:${'0123456789abcdef'.repeat(4)}`,
            KUBECTL: real('kubectl'),
            HELM: real('helm'),
            AWS: real('aws'), // there with ROOMLINE_LONG=1
        };
        const script = blocks('sh', KUBERNETES).join('\n');
        const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: folder, env, encoding: 'utf8' });
        assert.equal(status, 0, `${stdout}\n${stderr}`);
        if (!env.AWS) t.diagnostic('the commands of aws were not judged: ROOMLINE_LONG=1 installs the AWS CLI');

        // What was rendered on the way is what was meant.
        const made = readFileSync(join(folder, 'log'), 'utf8').split('\n=== ');
        const applied = made.find((part) => part.startsWith('production'));
        const objects = parseAllDocuments(applied.replace(/^.*\n/, ''), { version: '1.1' }).map((one) => one.toJS());
        const find = (kind) => objects.find((object) => object.kind === kind);
        const [container] = find('Deployment').spec.template.spec.containers;
        assert.equal(container.image, `stub.dkr.ecr.eu-central-1.amazonaws.com/roomline@${env.DIGEST_OF_IMAGE}`);
        const value = (name) => container.env.find((one) => one.name === name).value;
        assert.equal(value('ROOMLINE_BUS_REDIS'), 'rediss://roomline@stub:6379');
        assert.match(value('ROOMLINE_TURN_URLS'), /^turn:turn\.example\.org:3478\?transport=udp,turn:turn\.example\.org:3478/);
        assert.deepEqual(find('Certificate').spec.dnsNames, ['call.example.org']);
        const byHelm = made.find((part) => part.startsWith('helm roomline '));
        assert.ok(byHelm.includes(`image: ${container.image}\n`));
        for (const { name, value } of container.env) assert.ok(byHelm.includes(`name: ${name}\n              value: "${value}"`), name);
    });
});

// Each judges what it is told, and answers as if all went well.
const STANDINS = {
    aws: `
        # The AWS CLI looks at every argument before it says what an answer would look like, and then
        # finds that some of the identifiers which it makes up for that are too short.
        if [ -n "$AWS" ] && [ "$2" != wait ] && [ "$2" != get-login-password ]; then
            { "$AWS" "$@" --generate-cli-skeleton output 2>&1 >/dev/null || true; } |
                { grep -vE '^$|^Parameter validation failed:$|parameter (Arn|ARN|VersionId), value: ' || true; } >"$LOG.aws"
            [ ! -s "$LOG.aws" ] || { echo "aws $*" >&2; cat "$LOG.aws" >&2; exit 1; }
        fi
        case $* in
        *imageDigest*) echo "$DIGEST_OF_IMAGE" ;;
        *describe-user-groups*) echo active ;;
        *) echo stub ;;
        esac
    `,
    eksctl: `
        case $* in
        *'--config-file -'*) text=$(cat) ;;
        *--config-file*) text=$(cat "\${@: -1}") ;;
        'delete '*) exit 0 ;;
        esac
        grep -q '^kind: ClusterConfig$' <<<"$text"
        ! grep -q TURN_GROUP <<<"$text"
    `,
    docker: `
        case "$1 $2" in
        'login --username') cat >/dev/null ;;
        'buildx create' | 'buildx build') ;;
        *) echo "docker $*: not known" >&2; exit 1 ;;
        esac
    `,
    kubectl: `
        args=("$@")
        [ "$1" != --namespace ] || shift 2
        case "$1 $2" in
        'kustomize '* | 'apply '* | 'delete '*)
            for ((n = 0; n < \${#args[@]}; n++)); do
                case \${args[n]} in
                --kustomize | kustomize)
                    { echo "=== \${args[n + 1]}"; "$KUBECTL" kustomize "\${args[n + 1]}"; } >>"$LOG" ;;
                --filename)
                    [ "\${args[n + 1]}" = - ] && cat >/dev/null || [ -s "\${args[n + 1]}" ] ;;
                esac
            done ;;
        'create '*)
            case $* in
            *--dry-run=client*) "$KUBECTL" "\${args[@]}" ;;
            *) "$KUBECTL" "\${args[@]}" --dry-run=client --output name >/dev/null ;;
            esac ;;
        'get secret') printf c3R1Yg== ;;
        'get '*) printf 'stub' ;;
        'rollout status' | 'label namespace') ;;
        *) echo "kubectl $*: not known" >&2; exit 1 ;;
        esac
    `,
    helm: `
        case "$1 $2" in
        'repo add') ;;
        'upgrade --install')
            case $4 in
            deploy/*) { echo "=== helm $3 of $4"; "$HELM" template "\${@:3}"; } >>"$LOG" 2>&1 ;;
            */*) ;;
            *) exit 1 ;;
            esac ;;
        *) echo "helm $*: not known" >&2; exit 1 ;;
        esac
    `,
};
