// The charts of deploy/helm make the same objects as the folders of deploy/kubernetes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../lint/files.js';
import { comparable, helm, kustomize, nameOf, noHelm, noKubectl } from './manifests.js';

// chart, its values file, and the folder that it is the same as
const SAME = [
    ['roomline', 'local', 'overlays/local'],
    ['roomline', 'aws-nlb', 'overlays/aws-nlb'],
    ['roomline', 'aws-alb', 'overlays/aws-alb'],
    ['coturn', null, 'coturn'],
];

const chartOf = (name) => join(ROOT, 'deploy/helm', name);
const byName = (objects) => new Map(objects.map((object) => [nameOf(object), comparable(object)]));

const template = (...options) =>
    spawnSync('helm', ['template', 'roomline', chartOf('roomline'), ...options], { encoding: 'utf8' });

describe('charts', { skip: noHelm || noKubectl }, () => {
    for (const chart of ['roomline', 'coturn']) {
        test(`helm lint has nothing to say of ${chart}`, () => {
            const { status, stdout, stderr } = spawnSync('helm', ['lint', '--strict', chartOf(chart)], { encoding: 'utf8' });
            assert.equal(status, 0, stdout + stderr);
        });
    }

    for (const [chart, values, folder] of SAME) {
        test(`${chart} ${values ?? ''} is ${folder}`, () => {
            const made = byName(helm(chart, values).objects);
            const expected = byName(kustomize(folder).objects);
            // It bears the Pod Security profile and is there before the chart is: values.yaml says so.
            assert.ok(expected.delete(`Namespace/${chart === 'coturn' ? 'roomline-turn' : 'roomline'}`));
            assert.deepEqual([...made.keys()].sort(), [...expected.keys()].sort());
            for (const [name, object] of expected) assert.deepEqual(made.get(name), object, name);
        });
    }

    test('two releases do not select each other\'s pods', () => {
        const chart = (name) => spawnSync('helm', ['template', name, chartOf('roomline')], { encoding: 'utf8' }).stdout;
        const selectors = (text) => new Set(text.match(/app\.kubernetes\.io\/instance: \S+/g));
        assert.deepEqual([...selectors(chart('blue'))], ['app.kubernetes.io/instance: blue']);
        assert.match(chart('blue'), /name: blue-admin\n/);
    });

    test('an image is pinned by its digest where one is given', () => {
        const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
        const { stdout } = template('--set', `image.digest=${digest}`);
        assert.match(stdout, new RegExp(`image: registry.example.org/roomline@${digest}\n`));
    });

    test('the grace period follows from the drain', () => {
        const { stdout } = template('--set', 'config.drain.deadline=300s');
        assert.match(stdout, /terminationGracePeriodSeconds: 318\n/);
        const changed = /checksum\/config: (\S+)/;
        assert.notEqual(changed.exec(stdout)[1], changed.exec(template().stdout)[1]);
    });

    for (const wrong of ['image.digest=abc', 'image.tag=latest', 'hots=a', 'config.drain.deadline=1m', 'autoscaling.min=0']) {
        test(`values that are refused: ${wrong}`, () => {
            const { status, stderr } = template('--set', wrong);
            assert.notEqual(status, 0);
            assert.match(stderr, /values don't meet the specifications of the schema/);
        });
    }
});
