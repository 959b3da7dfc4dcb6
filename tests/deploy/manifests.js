// What kustomize and Helm make of deploy/.

import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../lint/files.js';

/** Of Kubernetes: the oldest that is maintained, and the newest. */
export const VERSIONS = ['1.35', '1.37'];

const runs = (program, ...args) => spawnSync(program, args).status === 0;

// Why a test is skipped; tests/deploy/tools installs both.
export const noKubectl = !runs('kubectl', 'kustomize', '--help') && 'there is no kubectl';
export const noHelm = !runs('helm', 'version') && 'there is no helm';

const rendered = new Map();

function once(key, make) {
    if (!rendered.has(key)) {
        const text = make();
        // As Kubernetes reads YAML: 0440 is octal.
        const objects = parseAllDocuments(text, { version: '1.1' }).map((one) => one.toJS()).filter(Boolean);
        rendered.set(key, { text, objects });
    }
    return rendered.get(key);
}

/** A folder of deploy/kubernetes: {text, objects}. */
export function kustomize(folder) {
    const path = join(ROOT, 'deploy/kubernetes', folder);
    return once(path, () => execFileSync('kubectl', ['kustomize', path], { encoding: 'utf8' }));
}

/** A chart of deploy/helm, with the values file of that name, and options of `helm template`. */
export function helm(chart, values, ...options) {
    const path = join(ROOT, 'deploy/helm', chart);
    const namespace = chart === 'coturn' ? 'roomline-turn' : 'roomline';
    const line = ['template', chart, path, '--namespace', namespace, ...options];
    if (values) line.push('--values', join(path, `values-${values}.yaml`));
    return once(line.join(' '), () =>
        execFileSync('helm', line, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    );
}

// Labels that only Helm has.
const OWN = ['app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', 'helm.sh/chart'];

/**
 * An object as it is compared: without Helm's own labels and the namespace that `helm install` gives, with
 * configuration as what it says, environment by name, and no hash in the ConfigMap's name. kustomize rolls
 * Pods out by that hash, Helm by an annotation with one.
 */
export function comparable(object) {
    const text = JSON.stringify(object, (key, value) => {
        if (key === 'namespace' && typeof value === 'string') return undefined;
        if (key === 'checksum/config') return undefined;
        if (key === 'annotations' && Object.keys(value).every((name) => name === 'checksum/config')) return undefined;
        if (key === 'env') return [...value].sort((a, b) => (a.name < b.name ? -1 : 1));
        if (key === 'roomline.yaml') return parse(value);
        if (key === 'roomline.json') return JSON.parse(value);
        if (typeof value === 'string') return value.replace(/^(roomline|coturn)-[a-z0-9]{10}$/, '$1');
        if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
        return Object.fromEntries(
            Object.entries(value).filter(([name]) => !OWN.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1)),
        );
    });
    return JSON.parse(text);
}

export const nameOf = ({ kind, metadata }) => `${kind}/${metadata.name.replace(/-[a-z0-9]{10}$/, '')}`;
