// What /metrics says, parsed strictly.
//
//   const metrics = await readMetrics(server);
//   metrics.value('roomline_errors_total', { code: 'bad-name' })   a number; throws where there is none
//   metrics.sum('roomline_sessions')                               over all labels
//   const { name, type, help, samples } of metrics.families.values()
//
//   await metricsUntil(server, (m) => m.value('roomline_rooms') === 1);   asks again and again

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './admin.js';
import { DEFAULT_TIMEOUT } from './inbox.js';
import { assertHidden } from './secrets.js';

const SAMPLE = /^([a-z_]+)(?:\{(.+)\})? (-?\d+(?:\.\d+)?)$/;
const LABEL = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y;

function parseLabels(text = '') {
    const labels = {};
    LABEL.lastIndex = 0;
    while (LABEL.lastIndex < text.length) {
        const at = LABEL.lastIndex;
        const match = LABEL.exec(text);
        assert.ok(match, `labels at ${at} of ${text}`);
        labels[match[1]] = match[2];
    }
    return labels;
}

/** The family that a sample's name belongs to. */
const familyOf = (name) => name.replace(/_(bucket|sum|count)$/, '');

class Metrics {
    families = new Map();

    constructor(text) {
        this.text = text;
        assert.ok(text.endsWith('\n'));
        for (const line of text.slice(0, -1).split('\n')) this.#line(line);
    }

    #line(line) {
        const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
        if (kind === 'HELP') {
            assert.ok(!this.families.has(name), `${name} has two heads`);
            this.families.set(name, { name, help: rest, samples: [] });
        } else if (kind === 'TYPE') {
            this.families.get(name).type = rest;
        } else {
            this.#sample(line);
        }
    }

    #sample(line) {
        const [all, name, labels, value] = SAMPLE.exec(line) ?? [];
        assert.ok(all, `not a sample: ${line}`);
        const family = this.families.get(name) ?? this.families.get(familyOf(name));
        assert.equal(family, [...this.families.values()].at(-1), `${name} stands elsewhere`);
        family.samples.push({ name, labels: parseLabels(labels), value: Number(value) });
    }

    find(name, labels = {}) {
        const family = this.families.get(name) ?? this.families.get(familyOf(name));
        assert.ok(family, `no metric ${name}`);
        return family.samples.filter(
            (s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v),
        );
    }

    value(name, labels) {
        const found = this.find(name, labels);
        assert.equal(found.length, 1, `${found.length} of ${name} ${JSON.stringify(labels)}`);
        return found[0].value;
    }

    sum(name, labels) {
        return this.find(name, labels).reduce((sum, { value }) => sum + value, 0);
    }
}

export async function readMetrics(server, options) {
    const answer = await ask(server, 'GET', '/metrics', options);
    assert.equal(answer.status, 200, String(answer.body));
    assertHidden(String(answer.body), '/metrics');
    return new Metrics(String(answer.body));
}

/** The metrics once they are so. */
export async function metricsUntil(server, condition, timeout = DEFAULT_TIMEOUT) {
    const end = Date.now() + timeout;
    for (;;) {
        const metrics = await readMetrics(server);
        if (condition(metrics)) return metrics;
        assert.ok(Date.now() < end, `not so after ${timeout} ms: ${condition}\n${metrics.text}`);
        await sleep(20);
    }
}
