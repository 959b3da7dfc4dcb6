// How the dashboard reads metrics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calls, parse, quantile, rate, sum, ways } from '../../client/dashboard/metrics.js';

const histogram = (...counts) => {
    const bounds = ['0.1', '0.2', '1', '+Inf'];
    return parse(bounds.map((le, i) => `x_bucket{le="${le}"} ${counts[i]}`).join('\n'));
};

test('samples are read with their labels, whatever stands in these', () => {
    const reading = parse('# HELP a b\n# TYPE a gauge\na 1\nb{c="d",e="f\\"}, g"} 2.5e3\nb{c="x"} 1\nnonsense\n');
    assert.deepEqual([...reading.keys()], ['a', 'b']);
    assert.equal(sum(reading, 'a'), 1);
    assert.equal(sum(reading, 'b'), 2501);
    assert.equal(sum(reading, 'b', { c: 'd' }), 2500);
    assert.equal(sum(reading, 'none'), 0);
    assert.equal(reading.get('b')[0].labels.e, 'f\\"}, g');
});

test('a rate is per second, and a server that began anew began at 0', () => {
    assert.equal(rate(parse('a 10'), parse('a 30'), 2, 'a'), 10);
    assert.equal(rate(parse('a 100'), parse('a 6'), 2, 'a'), 3);
    assert.equal(rate(parse('a 1'), parse('a 2'), 0, 'a'), 0);
});

test('a quantile is of what came between two readings, by how far it lies within its bucket', () => {
    const none = histogram(0, 0, 0, 0);
    assert.equal(quantile(none, none, 'x', 0.95), null);
    assert.equal(quantile(none, histogram(10, 10, 10, 10), 'x', 0.5), 0.05);
    assert.ok(Math.abs(quantile(none, histogram(5, 10, 10, 10), 'x', 0.75) - 0.15) < 1e-9);
    assert.equal(quantile(none, histogram(0, 0, 0, 10), 'x', 0.95), 1);
    assert.equal(quantile(histogram(100, 100, 100, 100), histogram(100, 100, 110, 110), 'x', 1), 1);
});

test('calls that were given up do not count; the most frequent reason comes first', () => {
    const line = (outcome, reason, n) => `roomline_call_reports_total{outcome="${outcome}",reason="${reason}"} ${n}`;
    const reading = parse(
        [
            line('connected', 'hangup', 5),
            line('connected', 'none', 1),
            line('failed', 'no-answer', 1),
            line('failed', 'ice-failed', 2),
            line('failed', 'other', 0),
            line('other', 'none', 1),
            line('cancelled', 'none', 7),
        ].join('\n'),
    );
    const reasons = [
        { reason: 'ice-failed', count: 2 },
        { reason: 'no-answer', count: 1 },
    ];
    assert.deepEqual(calls(reading), { total: 10, connected: 6, reasons });
    assert.deepEqual(calls(parse('')), { total: 0, connected: 0, reasons: [] });
});

test('of calls that connected: how fast, through what, and how many again', () => {
    const reading = parse(
        [
            'roomline_call_connect_seconds_bucket{path="direct",le="1"} 3',
            'roomline_call_connect_seconds_bucket{path="direct",le="+Inf"} 3',
            'roomline_call_connect_seconds_count{path="direct"} 3',
            'roomline_call_connect_seconds_bucket{path="relay",le="1"} 1',
            'roomline_call_connect_seconds_bucket{path="relay",le="+Inf"} 1',
            'roomline_call_connect_seconds_count{path="relay"} 1',
            'roomline_call_connect_seconds_count{path="unknown"} 4',
            'roomline_call_candidates_total{local="host",remote="srflx"} 1',
            'roomline_call_candidates_total{local="host",remote="host"} 2',
            'roomline_call_candidates_total{local="relay",remote="host"} 0',
            'roomline_call_candidates_total{local="none",remote="none"} 9',
            'roomline_call_ice_restarts_total 5',
        ].join('\n'),
    );
    const pairs = [
        { pair: 'host – host', count: 2 },
        { pair: 'host – srflx', count: 1 },
    ];
    assert.deepEqual(ways(reading), { relayed: 0.25, seconds: 0.95, restarts: 5, pairs });
    assert.deepEqual(ways(parse('')), { relayed: null, seconds: null, restarts: 0, pairs: [] });
});
