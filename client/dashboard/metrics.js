// Prometheus' text format, and what can be told from two readings of it.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

function number(text) {
    return text === '+Inf' ? Infinity : Number(text);
}

/** Map of name -> [{labels, value}]. */
export function parse(text) {
    const families = new Map();
    for (const line of text.split('\n')) {
        const match = line.startsWith('#') ? null : LINE.exec(line);
        if (!match) continue;
        const labels = Object.fromEntries([...(match[2] ?? '').matchAll(LABEL)].map(([, k, v]) => [k, v]));
        if (!families.has(match[1])) families.set(match[1], []);
        families.get(match[1]).push({ labels, value: number(match[3]) });
    }
    return families;
}

/** The sum of a metric's samples that have these labels. */
export function sum(reading, name, labels = {}) {
    const wanted = Object.entries(labels);
    return (reading.get(name) ?? [])
        .filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value))
        .reduce((total, { value }) => total + value, 0);
}

/** How much a counter grew per second. A server that started anew began at 0. */
export function rate(before, after, seconds, name, labels) {
    const [from, to] = [sum(before, name, labels), sum(after, name, labels)];
    return seconds > 0 ? (to < from ? to : to - from) / seconds : 0;
}

/** The upper bounds of a histogram with how many came at or below each between the two readings. */
function buckets(before, after, name) {
    const bounds = new Map();
    for (const { labels } of after.get(`${name}_bucket`) ?? []) bounds.set(labels.le, 0);
    return [...bounds.keys()]
        .map((le) => ({
            bound: number(le),
            count: Math.max(0, sum(after, `${name}_bucket`, { le }) - sum(before, `${name}_bucket`, { le })),
        }))
        .sort((a, b) => a.bound - b.bound);
}

/** The quantile q of what came between two readings, in the histogram's unit; null: nothing did. */
export function quantile(before, after, name, q) {
    const all = buckets(before, after, name);
    const total = all.at(-1)?.count ?? 0;
    if (total === 0) return null;
    const at = all.findIndex(({ count }) => count >= q * total);
    const [low, under] = at === 0 ? [0, 0] : [all[at - 1].bound, all[at - 1].count];
    const { bound, count } = all[at];
    if (bound === Infinity) return low;
    return count === under ? bound : low + ((bound - low) * (q * total - under)) / (count - under);
}

/** What clients said of their calls: {total, connected, reasons: [{reason, count}], the most frequent first}. */
export function calls(reading) {
    const samples = reading.get('roomline_call_reports_total') ?? [];
    const counted = samples.filter(({ labels }) => labels.outcome !== 'cancelled');
    const add = (list) => list.reduce((total, { value }) => total + value, 0);
    const reasons = samples
        .filter(({ labels, value }) => labels.outcome === 'failed' && value > 0)
        .map(({ labels, value }) => ({ reason: labels.reason, count: value }))
        .sort((a, b) => b.count - a.count);
    const connected = add(counted.filter(({ labels }) => labels.outcome === 'connected'));
    return { total: add(counted), connected, reasons };
}

/**
 * How those that connected did: `relayed`, the share of them that needs a relay, `seconds`, within which 95 of
 * 100 stood (both null: not told), `restarts` of ICE, and `pairs` of candidate types, [{pair, count}].
 */
export function ways(reading) {
    const timed = 'roomline_call_connect_seconds';
    const [relay, direct] = ['relay', 'direct'].map((path) => sum(reading, `${timed}_count`, { path }));
    const pairs = (reading.get('roomline_call_candidates_total') ?? [])
        .filter(({ labels, value }) => value > 0 && labels.local !== 'none' && labels.remote !== 'none')
        .map(({ labels, value }) => ({ pair: `${labels.local} – ${labels.remote}`, count: value }))
        .sort((a, b) => b.count - a.count);
    return {
        relayed: relay + direct === 0 ? null : relay / (relay + direct),
        seconds: quantile(new Map(), reading, timed, 0.95),
        restarts: sum(reading, 'roomline_call_ice_restarts_total'),
        pairs,
    };
}
