// How this instance is doing: charts of the last minutes, and what became of calls, from /metrics.

import { bar, chart, draw, fill } from './chart.js';
import { $, h, sync, write } from './dom.js';
import { calls, parse, quantile, rate, sum, ways } from './metrics.js';
import { count, has, number, t } from './words.js';

const KEPT = 90; // points of a chart
const SPAN = 30_000; // ms that quantiles look back: fewer would jump
const PAIRS = 5; // of candidate types, the most frequent

const gauge = (name, labels) => ({ after }) => sum(after, name, labels);
const perSecond = (name) => ({ before, after, seconds }) => rate(before, after, seconds, name);
const milliseconds = (name) => ({ long, after }) => {
    const seconds = quantile(long, after, name, 0.95);
    return seconds === null ? null : seconds * 1000;
};
const UNITS = { ms: ' ms', mib: ' MiB', percent: ' %' };

// What is drawn: a value out of the reading now (after), the one before, and one of SPAN ago (long).
const CHARTS = [
    { name: 'connections', value: gauge('roomline_connections') },
    { name: 'members', value: gauge('roomline_peers') },
    { name: 'openRooms', value: gauge('roomline_rooms') },
    { name: 'messagesIn', value: perSecond('roomline_messages_received_total') },
    { name: 'messagesOut', value: perSecond('roomline_messages_sent_total') },
    { name: 'errors', value: perSecond('roomline_errors_total') },
    { name: 'limits', value: perSecond('roomline_limits_hit_total') },
    { name: 'joinTime', unit: 'ms', value: milliseconds('roomline_join_seconds') },
    { name: 'routingTime', unit: 'ms', value: milliseconds('roomline_message_routing_seconds') },
    { name: 'loopLag', unit: 'ms', value: milliseconds('roomline_loop_lag_seconds') },
    { name: 'memory', unit: 'mib', value: ({ after }) => sum(after, 'roomline_resident_memory_bytes') / 2 ** 20 },
    { name: 'cpu', unit: 'percent', value: (all) => 100 * perSecond('roomline_cpu_seconds_total')(all) },
];

const readings = []; // {time, reading}, the oldest first; SPAN and one more
const lines = new Map(CHARTS.map(({ name }) => [name, []]));

/** Takes a reading of /metrics in, read at `time` ms. */
export function take(text, time = performance.now()) {
    const after = parse(text);
    const last = readings.at(-1);
    readings.push({ time, reading: after });
    while (readings.length > 2 && readings[1].time <= time - SPAN) readings.shift();
    if (last) {
        const all = {
            after,
            before: last.reading,
            long: readings[0].reading,
            seconds: (time - last.time) / 1000,
        };
        for (const { name, value } of CHARTS) lines.set(name, [...lines.get(name), value(all)].slice(-KEPT));
        sync($('charts'), CHARTS, ({ name }) => name, make, update);
    }
    showCalls(calls(after));
    showWays(ways(after));
}

function make({ name }) {
    return h('li', {}, h('span', { textContent: t(name) }), h('b'), chart());
}

function update(element, { name, unit }) {
    const values = lines.get(name);
    const [, shown, svg] = element.children;
    const value = values.at(-1);
    write(shown, number(value) + (value === null ? '' : (UNITS[unit] ?? '')));
    draw(svg, values, KEPT);
}

function showCalls({ total, connected, reasons }) {
    $('calls-none').hidden = total > 0;
    $('calls').hidden = total === 0;
    if (total === 0) return;
    write($('call-success'), `${number((100 * connected) / total)} %`);
    write($('calls').querySelector('[data-t=ofCalls]'), t('ofCalls', { n: count(total) }));
    $('no-failures').hidden = reasons.length > 0;
    const failed = reasons.reduce((all, { count }) => all + count, 0);
    const show = (element, { reason, count: times }) => {
        const key = `reason-${reason}`;
        write(element.children[0], has(key) ? t(key) : reason);
        write(element.children[1], count(times));
        fill(element.children[2], times / failed);
    };
    sync($('reasons'), reasons, ({ reason }) => reason, () => h('li', {}, h('span'), h('b'), bar()), show);
}

function showWays({ relayed, seconds, restarts, pairs }) {
    const all = pairs.reduce((total, { count }) => total + count, 0);
    const share = (part) => (part === null ? '–' : `${number(100 * part)} %`);
    const facts = [
        { name: t('connectTime'), value: seconds === null ? '–' : `${number(seconds)} s` },
        { name: t('relayed'), value: share(relayed) },
        { name: t('iceRestarts'), value: count(restarts) },
        ...pairs.slice(0, PAIRS).map(({ pair, count: times }) => ({ name: pair, value: share(times / all) })),
    ];
    const show = (element, { name, value }) => {
        write(element.children[0], name);
        write(element.children[1], value);
    };
    sync($('ways'), facts, ({ name }) => name, () => h('li', {}, h('span'), h('b')), show);
}
