// What Grafana is given, held against the types that Grafana publishes. Grafana itself is in no package
// that a test could start; that the dashboard's expressions have answers shows tests/docker.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ROOT, textOf } from '../lint/files.js';

const dashboard = JSON.parse(textOf('deploy/grafana/dashboard.json'));

// JSON has the values of enumerations, not their names, and leaves out what has a default.
const TYPES = `
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type { FieldConfig as SeriesField, Options as Series } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Options as Stat } from '@grafana/grafana-foundation-sdk/stat';

type Plain<T> = T extends string ? \`\${T}\`
    : T extends number | boolean | null | undefined | ((...args: never[]) => unknown) ? T
    : T extends (infer U)[] ? Plain<U>[]
    : { [K in keyof T as K extends \`_\${string}\` ? never : K]?: Plain<T[K]> };
type Of<Type extends string, Options, Custom> = Omit<Plain<Panel>, 'type' | 'targets' | 'options' | 'fieldConfig'> & {
    type: Type;
    targets: Plain<Dataquery>[];
    options: Plain<Options>;
    fieldConfig: {
        defaults: Omit<Plain<NonNullable<Panel['fieldConfig']>['defaults']>, 'custom'> & { custom?: Plain<Custom> };
        overrides: Plain<NonNullable<Panel['fieldConfig']>['overrides']>;
    };
};
type Own = Of<'timeseries', Series, SeriesField> | Of<'stat', Stat, never> | (Omit<Plain<RowPanel>, 'type'> & { type: 'row' });
type Whole = Omit<Plain<Dashboard>, 'panels'> & { panels: Own[] };
`;

function check(t, object) {
    mkdirSync(join(ROOT, 'build/test/deploy'), { recursive: true });
    // Where modules are found from: beside node_modules.
    const folder = mkdtempSync(join(ROOT, 'tests/deploy/types-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'dashboard.ts'), `${TYPES}\nexport const whole: Whole = ${JSON.stringify(object, null, 1)};\n`);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022', '--types', ''];
    const tsc = join(ROOT, 'tests/node_modules/.bin/tsc');
    return spawnSync(tsc, [...options, join(folder, 'dashboard.ts')], { encoding: 'utf8', cwd: folder });
}

test('the dashboard is one', (t) => {
    const { status, stdout } = check(t, dashboard);
    assert.equal(status, 0, stdout);
});

test('what is no dashboard is seen', (t) => {
    const spoilt = (change) => {
        const copy = structuredClone(dashboard);
        change(copy.panels.find(({ type }) => type === 'timeseries'));
        return check(t, copy).status;
    };
    assert.notEqual(spoilt((panel) => (panel.title = 3)), 0);
    assert.notEqual(spoilt((panel) => (panel.targets[0].exprs = 'up')), 0);
});

test('Grafana of the composition finds its data and its dashboards where they are', () => {
    const { services } = parse(textOf('compose.yaml'));
    const mounted = new Map(services.grafana.volumes.map((one) => one.split(':').slice(0, 2)));
    for (const [kind, own] of [['datasources', 'datasource'], ['dashboards', 'dashboards']])
        assert.equal(mounted.get(`./docker/monitoring/${own}.yaml`), `/etc/grafana/provisioning/${kind}/roomline.yaml`);

    const sources = parse(textOf('docker/monitoring/datasource.yaml'));
    assert.equal(sources.apiVersion, 1);
    // Grafana 13 ends a plugin before it finds that it can't write the new one.
    assert.equal(services.grafana.read_only, true);
    assert.equal(services.grafana.environment.GF_PLUGINS_PREINSTALL_DISABLED, 'true');
    assert.deepEqual(sources.datasources.map(({ type, url }) => [type, url]), [['prometheus', 'http://prometheus:9090']]);
    assert.ok(services.prometheus);

    const { apiVersion, providers } = parse(textOf('docker/monitoring/dashboards.yaml'));
    assert.equal(apiVersion, 1);
    assert.deepEqual(providers.map(({ type, options }) => [type, options.path]), [['file', mounted.get('./deploy/grafana')]]);
});
