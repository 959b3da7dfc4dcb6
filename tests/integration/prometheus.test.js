// What deploy/ gives to who runs Prometheus and Grafana: every expression of the dashboard and of the
// alerts is asked of a real Prometheus that scrapes two real instances.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import YAML from 'yaml';
import { TOKEN, WITH_ADMIN } from '../support/admin.js';
import { temporaryFolder } from '../support/certificate.js';
import { eventually, startCluster } from '../support/cluster.js';
import { fetchOnce } from '../support/http.js';
import { readMetrics } from '../support/metrics.js';
import { freshRoom, Peer } from '../support/peer.js';
import { freePort } from '../support/ports.js';
import { Program } from '../support/program.js';

const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const ALERTS = path('deploy/prometheus/alerts.yml');
const dashboard = JSON.parse(readFileSync(path('deploy/grafana/dashboard.json'), 'utf8'));
const rules = YAML.parse(readFileSync(ALERTS, 'utf8')).groups.flatMap(({ rules }) => rules);

const missing = spawnSync('prometheus', ['--version']).error ? 'prometheus is not installed' : false;
const promtool = (...args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
};

/** Every expression of the dashboard: {where, expr}, as Grafana would ask it for all instances. */
function dashboardQueries() {
    const own = dashboard.panels.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr }) => ({ where: title, expr })),
    );
    const notes = dashboard.annotations.list.map(({ name, expr }) => ({ where: name, expr }));
    return [...own, ...notes].map(({ where, expr }) => ({
        where,
        expr: expr.replaceAll('$__rate_interval', '15s').replaceAll('$instance', '.+'),
    }));
}

// What two healthy instances have nothing of.
const HEALTHY = /packets_lost_total|frames_refused_total|changes\(roomline_start_time/;

let cluster, prometheus, url;

async function query(expr) {
    const answer = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expr }),
    });
    const { status, data, error } = await answer.json();
    assert.equal(status, 'success', `${expr}\n${error}`);
    return data.result;
}

async function startPrometheus() {
    const folder = mkdtempSync(join(temporaryFolder(), 'prometheus-'));
    const port = await freePort();
    const config = {
        global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
        rule_files: [ALERTS],
        scrape_configs: [
            {
                job_name: 'roomline',
                authorization: { credentials: TOKEN },
                static_configs: [{ targets: cluster.servers.map(({ adminUrl }) => new URL(adminUrl).host) }],
            },
        ],
    };
    writeFileSync(join(folder, 'prometheus.yml'), YAML.stringify(config));
    prometheus = new Program('prometheus', [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
    ]);
    await prometheus.waitLine(/Server is ready/);
    url = `http://127.0.0.1:${port}`;
}

before(async () => {
    if (missing) return;
    cluster = await startCluster({
        ...WITH_ADMIN,
        instances: 2,
        tls: true,
        config: { 'limits.peers_per_room': 2 },
    });
    await startPrometheus();
});
after(async () => {
    await prometheus?.end();
    await cluster?.stop();
});

/** A little of everything. */
async function makeTraffic() {
    const room = freshRoom();
    const [one, other] = cluster.servers;
    const a = await Peer.join(one, { room, peer: 'a' });
    const b = await Peer.join(other, { room, peer: 'b' });
    await a.until('peer-joined');
    for (let n = 0; n < 40; n++) {
        a.signal('b', { n });
        await b.until('signal'); // each a read of its own
    }
    a.signal('nobody', 1);
    await a.until('error');
    await assert.rejects(Peer.join(one, { room, peer: 'c' })); // full
    await b.lose();
    const again = await b.resume(one);
    for (const outcome of ['connected', 'failed'])
        for (const local of ['host', 'relay']) {
            const call = { outcome, reason: outcome === 'failed' ? 'ice-failed' : 'hangup', local };
            a.send({ type: 'report', call: { ...call, remote: 'srflx', connectTime: 300, duration: 5000 } });
        }
    await a.settle();
    await again.leave();
    await a.leave();
    await fetchOnce(one, '/');
}

test('promtool finds the rules well-formed, and each does what it is for', { skip: missing }, () => {
    promtool('check', 'rules', ALERTS);
    promtool('test', 'rules', path('tests/prometheus/alerts.test.yml'));
});

test('every alert is tested both ways', () => {
    const { tests } = YAML.parse(readFileSync(path('tests/prometheus/alerts.test.yml'), 'utf8'));
    const tested = tests.map(({ alert_rule_test: [{ alertname, exp_alerts }] }) => `${alertname} ${exp_alerts.length}`);
    assert.deepEqual(tested.sort(), rules.flatMap(({ alert }) => [`${alert} 0`, `${alert} 1`]).sort());
});

test('the dashboard and the rules name metrics that there are', { skip: missing }, async () => {
    const { families } = await readMetrics(cluster.at(0));
    const named = [...dashboardQueries(), ...rules].flatMap(({ expr }) => expr.match(/\broomline_\w+/g) ?? []);
    assert.ok(named.length > 80);
    const unknown = named.filter((name) => !families.has(name) && !families.has(name.replace(/_(bucket|count|sum)$/, '')));
    assert.deepEqual(unknown, []);
    const shown = new Set(named.map((name) => name.replace(/_(bucket|count|sum)$/, '')));
    // A metric that no panel and no alert looks at: the bytes of messages, and what is one number.
    const passed = /_bytes_total$|frames_total$|start_time|refused_early/;
    assert.deepEqual([...families.keys()].filter((name) => !shown.has(name) && !passed.test(name)), []);
});

test('the dashboard can be imported', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(dashboard.uid, 'roomline');
    assert.deepEqual(dashboard.templating.list.map(({ name }) => name), ['datasource', 'instance']);
    for (const { type, title, gridPos, targets = [], datasource } of dashboard.panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, title);
        assert.equal(targets.length === 0, type === 'row', title);
        if (type !== 'row') assert.equal(datasource.uid, '${datasource}', title);
        for (const one of targets) assert.equal(one.datasource.uid, '${datasource}', title);
    }
});

test('every expression of the dashboard has data', { skip: missing }, async () => {
    const empty = async () => {
        await makeTraffic();
        const wanted = dashboardQueries().filter(({ expr }) => !HEALTHY.test(expr));
        const results = await Promise.all(wanted.map(({ expr }) => query(expr)));
        const isData = (result) => result.some(({ value: [, value] }) => value !== 'NaN');
        return wanted.filter((_, i) => !isData(results[i]));
    };
    let left = [];
    const all = async () => (left = await empty()).length === 0;
    await eventually(all, 'data for all', 40_000).catch((error) => {
        throw new Error(`${error.message}\nempty: ${JSON.stringify(left, null, 2)}`);
    });
    for (const { expr } of dashboardQueries().filter(({ expr }) => HEALTHY.test(expr))) await query(expr);
    assert.equal((await query('up{job="roomline"} == 1')).length, 2);
});

test('every alert can be evaluated, and none of them fires', { skip: missing }, async () => {
    for (const { expr } of rules) await query(expr);
    const { data } = await (await fetch(`${url}/api/v1/rules`)).json();
    const loaded = data.groups.flatMap((group) => group.rules);
    assert.deepEqual(loaded.map(({ name }) => name), rules.map(({ alert }) => alert));
    for (const { name, health, lastError, state } of loaded) {
        assert.equal(health, 'ok', `${name}: ${lastError}`);
        assert.notEqual(state, 'firing', name);
    }
});
