// Measures the servers in turn and prints the tables. How each figure is taken: docs/performance.md.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import { compareClusters, growClusters } from './cluster.js';
import { load, missingPrograms, parseArguments, startServer } from './servers.js';
import { judge, median, number, printTable } from './table.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const DEFAULTS = {
  only: '',
  rounds: null,
  seconds: null,
  'server-core': 0,
  'load-core': 1,
};
const LENGTHS = {
  full: { rounds: 5, seconds: 2, connections: 4000, parked: 99_936 },
  quick: { rounds: 3, seconds: 1, connections: 2000, parked: 19_936 },
};

const { options, words } = parseArguments(process.argv.slice(2), DEFAULTS, ['no-build', 'fifo']);
const length = { ...LENGTHS[words.includes('quick') ? 'quick' : 'full'] };
if (options.rounds) length.rounds = Number(options.rounds);
if (options.seconds) length.seconds = Number(options.seconds);
const timed = { seconds: length.seconds, warmup: 0.5 };
// The kernel stops real-time processes for 50 ms of each second in which they did not sleep.
const timedLatency = options.fifo ? { seconds: 0.5, warmup: 0.2 } : timed;

// Each figure: what the generator does, which of its numbers counts, whether more is better, and the
// goal for the ratio of the two servers (or the value itself, where `limitOf` says so).
const THROUGHPUT = { mode: 'throughput', options: timed, unit: '/s', of: (r) => r.perCpuSecond };
const LATENCY = { mode: 'latency', options: timedLatency, unit: 'µs', less: true, digits: 0 };
const IDLE = {
  mode: 'idle',
  options: { connections: length.connections },
  of: (r) => r.bytesPerConnection / 1024,
  unit: 'KiB',
  digits: 2,
  absolute: true,
  less: true,
};

const COMPARED = [
  { ...THROUGHPUT, name: 'messages per CPU second', goal: { plain: 0.9, tls: 0.93 } },
  {
    ...THROUGHPUT,
    name: 'messages per CPU second, 8 under way per pair',
    options: { ...timed, window: 8 },
  },
  {
    ...THROUGHPUT,
    name: 'messages per CPU second, 500 pairs',
    options: { ...timed, pairs: 500 },
  },
  {
    mode: 'calls',
    name: 'calls per CPU second',
    options: timed,
    of: (r) => r.perCpuSecond,
    unit: '/s',
    goal: { plain: 0.6, tls: 0.92 },
  },
  {
    ...LATENCY,
    names: ['latency p50 at 2,000 messages/s', 'latency p99 at 2,000 messages/s'],
    ofs: [(r) => r.p50, (r) => r.p99],
    goals: [
      { plain: 1.1, tls: 1.1 },
      { plain: 1.5, tls: 1.5 },
    ],
  },
  { ...IDLE, name: 'user-space memory per idle connection', goal: { plain: 2, tls: 16 } },
];

// Our server against itself: what the second pays more than the first for each message.
const GROWTH = [
  {
    name: `CPU per message, ${(length.parked + 64).toLocaleString('en')} rooms against 64`,
    settings: [{}, { parked: length.parked }],
  },
  {
    name: 'CPU per message, 50 peers in a room against 2',
    settings: [
      { pairs: 100, peers: 2 },
      { pairs: 100, peers: 50 },
    ],
  },
];

function note(text) {
  process.stderr.write(`${text}\n`);
}

/** The command to run a program on one core and, with --fifo, undisturbed by all that is not. */
function pinned(core) {
  const pin = cpus().length > 1 ? ['taskset', '-c', String(core)] : [];
  return options.fifo ? ['chrt', '-f', '1', ...pin] : pin;
}

/** One fresh server or cluster, one run of the generator. */
async function measure({ start, mode, settings }) {
  const server = await start(pinned(options['server-core']));
  const kind = server.servers ? `${server.servers.length} x` : server.kind;
  try {
    const result = await load(server, mode, settings, pinned(options['load-core']));
    note(`  ${kind.padEnd(8)} ${JSON.stringify(result)}`);
    return result;
  } finally {
    await server.stop();
  }
}

/** The results of each side, taken in turn so that a machine that changes changes for both. */
async function alternate(sides) {
  const results = sides.map(() => []);
  for (let round = 0; round < length.rounds; round++)
    for (let i = 0; i < sides.length; i++) results[i].push(await measure(sides[i]));
  return results;
}

/** A figure with several numbers of one run becomes several with one. */
function split(figure) {
  if (!figure.names) return [figure];
  return figure.names.map((name, i) => ({
    ...figure,
    name,
    of: figure.ofs[i],
    goal: figure.goals[i],
  }));
}

function compare(figure, transport, [ours, limits]) {
  const [our, limit] = [ours, limits].map((results) => median(results.map(figure.of)));
  const [goal, verdict] = judge(
    figure,
    figure.absolute ? our : our / limit,
    figure.goal?.[transport],
  );
  return [
    `${figure.name}, ${transport === 'tls' ? 'TLS' : 'plain'}`,
    `${number(our, figure.digits)} ${figure.unit}`,
    `${number(limit, figure.digits)} ${figure.unit}`,
    (our / limit).toFixed(2),
    goal,
    verdict,
  ];
}

function grow({ name }, results) {
  const [first, second] = results.map((side) => median(side.map((r) => 1e6 / r.perCpuSecond)));
  const ratio = second / first;
  return [
    name,
    `${number(second, 2)} µs`,
    `${number(first, 2)} µs (ours)`,
    ratio.toFixed(2),
    'at most 1.1',
    ratio <= 1.1 ? 'met' : 'missed',
  ];
}

async function compareAll(rows) {
  for (const figure of COMPARED) {
    const wanted = split(figure).filter(({ name }) => name.includes(options.only));
    for (const transport of wanted.length ? ['plain', 'tls'] : []) {
      note(`${wanted.map(({ name }) => name).join(', ')}, ${transport}`);
      const sides = ['roomline', 'limit'].map((kind) => ({
        start: (under) => startServer(kind, { tls: transport === 'tls', under }),
        mode: figure.mode,
        settings: figure.options,
      }));
      const results = await alternate(sides);
      rows.push(...wanted.map((one) => compare(one, transport, results)));
    }
  }
}

async function growAll(rows) {
  for (const figure of GROWTH.filter(({ name }) => name.includes(options.only))) {
    note(figure.name);
    const sides = figure.settings.map((settings) => ({
      start: (under) => startServer('roomline', { under }),
      mode: 'throughput',
      settings: { ...timed, ...settings },
    }));
    rows.push(grow(figure, await alternate(sides)));
  }
}

function build() {
  const quiet = { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync('cmake', ['--preset', 'release', '-DROOMLINE_BENCH=ON'], quiet);
  execFileSync('cmake', ['--build', '--preset', 'release'], quiet);
}

function printRows(rows) {
  const head = ['figure, one worker', 'roomline', 'limit', 'ratio', 'goal', ''];
  if (rows.length > 0) printTable(head, ['roomline', 'limit', 'ratio'], rows);
}

function printMachine() {
  const { rounds, seconds } = length;
  process.stdout.write(
    `Medians of ${rounds} rounds of ${seconds} s; ${cpus()[0].model.trim()}, ` +
      `${cpus().length} cores, Linux ${execFileSync('uname', ['-r']).toString().trim()}.\n`,
  );
}

if (!options['no-build']) build();
const missing = missingPrograms();
if (missing.length > 0) throw new Error(`not built: ${missing.join(', ')}`);
const rows = [];
await compareAll(rows);
await growAll(rows);
printRows(rows);
const clusters = {
  take: alternate,
  wanted: (name) => name.includes(options.only),
  settings: { throughput: timed, calls: timed, latency: timedLatency },
  note,
};
await compareClusters(clusters);
await growClusters(clusters);
printMachine();
