// Two runs that differ only in how much they do: what the second costs more is the work itself, without
// start, connections and end.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from '../support/certificate.js';
import {
  load,
  missingPrograms,
  parseArguments,
  startCluster,
  startServer,
} from './servers.js';

const DEFAULTS = { count: null, top: 30, keep: null, instances: null, pairs: null, window: null };
const FLAGS = ['tls', 'calls', 'limit'];

const { options } = parseArguments(process.argv.slice(2), DEFAULTS, FLAGS);
const kind = options.limit ? 'limit' : 'roomline';
const mode = options.calls ? 'calls' : 'throughput';
const count = Number(options.count ?? (options.calls ? 500 : 20_000));
const folder = options.keep ?? temporaryFolder();
const given = Object.fromEntries(
  ['pairs', 'window'].filter((name) => options[name]).map((name) => [name, options[name]]),
);

function start(files) {
  const under = [
    ...['valgrind', '--tool=callgrind', '--trace-children=yes'],
    `--callgrind-out-file=${join(files, 'out.%p')}`,
  ];
  if (options.instances) return startCluster(Number(options.instances), { storeUnder: [], under });
  return startServer(kind, { tls: options.tls, under });
}

async function run(amount) {
  const files = join(folder, `${kind}-${mode}-${amount}`);
  mkdirSync(files, { recursive: true });
  const server = await start(files);
  try {
    const { redis } = await load(server, mode, { ...given, count: amount });
    if (redis) process.stdout.write(`${redis.publishes} packets per ${unit}\n`);
  } finally {
    await server.stop();
  }
  return readdirSync(files).map((name) => join(files, name));
}

/** Instructions by function, over all processes, and their sum. */
function read(files) {
  const functions = new Map();
  let sum = 0;
  for (const file of files) {
    const annotated = execFileSync('callgrind_annotate', ['--threshold=100', '--auto=no', file], {
      maxBuffer: 1 << 28,
      encoding: 'utf8',
    });
    sum += Number(/^totals: (\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
    for (const line of annotated.split('\n')) {
      const [, instructions, name] = /^ *([\d,]+) \([^)]*\) +(\S.*)$/.exec(line) ?? [];
      if (!name || name.includes('PROGRAM TOTALS')) continue;
      const known = name.replace(/ \[\S*\/([^/]*)\]$/, ' [$1]').replace(/^.*\//, '');
      functions.set(known, (functions.get(known) ?? 0) + Number(instructions.replaceAll(',', '')));
    }
  }
  return { functions, sum };
}

const unit = options.calls ? 'call' : 'message';
const missing = missingPrograms();
if (missing.length > 0) throw new Error(`not built: ${missing.join(', ')}`);
const [less, more] = [await run(count), await run(3 * count)].map(read);
const each = (a, b) => ((a - (b ?? 0)) / (2 * count)).toFixed(1);
const of = options.instances ? `${options.instances} instances together` : kind;
process.stdout.write(
  `${each(more.sum, less.sum)} instructions per ${unit}: ${of}${options.tls ? ', TLS' : ''}\n`,
);
[...more.functions]
  .map(([name, total]) => [Number(each(total, less.functions.get(name))), name])
  .sort(([a], [b]) => b - a)
  .slice(0, Number(options.top))
  .forEach(([value, name]) => process.stdout.write(`${value.toFixed(1).padStart(10)}  ${name}\n`));
