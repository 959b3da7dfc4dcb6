// Instances that one Redis joins, each pair split across two of them: what a signal costs all of them
// and Redis together, how long it takes, and whether that grows with the number of instances.

import { startCluster, startServer } from './servers.js';
import { judge, median, number, printTable } from './table.js';

const RATE = 2000; // signals per second that each instance sends, and receives
const PAIRS = 32; // for each instance

const two = (under) => startCluster(2, { under });
const one = (under) => startServer('roomline', { under });
const limit = (under) => startServer('limit', { under });

const THROUGHPUT = { unit: '/s', of: (r) => r.perCpuSecond, goal: 0.35 };
const LATENCY = { unit: 'µs', less: true, goal: 2.5 };
const CALLS = { unit: '/s', of: (r) => r.perCpuSecond };
const REDIS = {
  unit: 'µs',
  less: true,
  absolute: true,
  digits: 2,
  of: (r) => r.redis.cpuMicroseconds,
};

const COMPARED = [
  {
    mode: 'throughput',
    sides: [two, limit],
    rows: [
      { ...THROUGHPUT, name: 'messages per CPU second of both instances and Redis' },
      { ...REDIS, name: 'CPU of Redis per message', goal: 5 },
    ],
  },
  {
    mode: 'calls',
    sides: [two, limit],
    rows: [
      { ...CALLS, name: 'calls per CPU second of both instances and Redis' },
      { ...REDIS, name: 'CPU of Redis per call' },
    ],
  },
  {
    mode: 'latency',
    sides: [two, one],
    rows: [
      { ...LATENCY, name: 'latency p50 at 2,000 messages/s', of: (r) => r.p50 },
      { ...LATENCY, name: 'latency p99 at 2,000 messages/s', of: (r) => r.p99, goal: undefined },
      { ...REDIS, name: 'CPU of Redis per message at 2,000 messages/s' },
    ],
  },
];

function compare(row, sides, results) {
  const alone = row.absolute;
  const [ours, other] = (alone ? results.slice(0, 1) : results).map((side) =>
    median(side.map(row.of)),
  );
  const shown = (value) => `${number(value, row.digits)} ${row.unit}`;
  return [
    row.name,
    shown(ours),
    alone ? '' : `${shown(other)} (${sides[1] === limit ? 'limit' : 'one instance'})`,
    alone ? '' : (ours / other).toFixed(2),
    ...judge(row, alone ? ours : ours / other, row.goal),
  ];
}

/** take: measures the sides in turn, {start, mode, settings}; wanted: which names. */
export async function compareClusters({ take, wanted, settings, note }) {
  const rows = [];
  for (const { mode, sides, rows: all } of COMPARED) {
    const some = all.filter(({ name }) => wanted(`two instances: ${name}`));
    if (some.length === 0) continue;
    note(`two instances: ${some.map(({ name }) => name).join(', ')}`);
    const results = await take(sides.map((start) => ({ start, mode, settings: settings[mode] })));
    rows.push(...some.map((row) => compare(row, sides, results)));
  }
  if (rows.length === 0) return;
  const name = 'figure, each pair split across two instances';
  const head = [name, 'roomline', 'against', 'ratio', 'goal', ''];
  printTable(head, ['roomline', 'against', 'ratio'], rows);
}

// Of the instances that run, `busy` have clients.
const SIZES = [
  { instances: 2, busy: 2 },
  { instances: 4, busy: 4 },
  { instances: 8, busy: 8 },
  { instances: 8, busy: 2 },
];

const CPU_COLUMNS = [
  ['CPU per message', (r) => 1e6 / r.perCpuSecond, 2, ' µs'],
  ['of it Redis', (r) => r.redis.cpuMicroseconds, 2, ' µs'],
];

const GROWTH = [
  {
    name: `growth with instances, each with ${number(RATE)} messages/s`,
    mode: 'latency',
    load: (busy) => ({ pairs: PAIRS * busy, rate: RATE * busy }),
    columns: [
      ...CPU_COLUMNS,
      ['Redis commands per message', (r) => r.redis.commands, 3, ''],
      ['bytes out of Redis per message', (r) => r.redis.outputBytes, 0, ''],
      ['p50', (r) => r.p50, 0, ' µs'],
    ],
  },
  {
    name: `growth with instances, each with ${2 * PAIRS} peers and all messages one core carries`,
    mode: 'throughput',
    load: (busy) => ({ pairs: PAIRS * busy }),
    columns: [...CPU_COLUMNS, ['messages per packet', (r) => 1 / r.redis.publishes, 1, '']],
  },
];

function growthRow({ instances, busy }, columns, results) {
  return [
    busy === instances ? `${instances}` : `${instances}, of which ${busy} have clients`,
    ...columns.map(([, of, digits, unit]) => `${number(median(results.map(of)), digits)}${unit}`),
  ];
}

export async function growClusters({ take, wanted, settings, note }) {
  for (const { name, mode, load, columns } of GROWTH.filter((one) => wanted(one.name))) {
    note(name);
    const sides = SIZES.map(({ instances, busy }) => ({
      start: (under) => startCluster(instances, { under, busy }),
      mode,
      settings: { ...settings[mode], ...load(busy) },
    }));
    const results = await take(sides);
    const names = columns.map(([column]) => column);
    const rows = SIZES.map((size, i) => growthRow(size, columns, results[i]));
    printTable([name, ...names], names, rows);
  }
}
