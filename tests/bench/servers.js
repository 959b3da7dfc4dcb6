// Starts the servers that are compared, each under any command (taskset, valgrind), and runs the load
// generator against them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { certificate, temporaryFolder } from '../support/certificate.js';
import { freePort } from '../support/ports.js';
import { binary, cleanEnvironment } from '../support/server.js';

/** Where bench-load and bench-limit are; ROOMLINE_BENCH_BIN names another folder. */
const programs =
  process.env.ROOMLINE_BENCH_BIN ?? fileURLToPath(new URL('../../build/release', import.meta.url));

// One worker, and nothing that refuses or delays what the generator does.
const ROOMLINE_KEYS = {
  'log.format': 'json',
  'limits.connections': 0,
  'limits.connections_per_address': 0,
  'limits.rooms': 0,
  'limits.peers_per_room': 0,
  'limits.messages_per_second': 0,
  'limits.bytes_per_second': 0,
  'limits.control_frames_per_second': 0,
  'session.resume_window': '1h',
  'drain.linger': 0,
  'drain.spread': 0,
  'drain.deadline': '500ms',
};

const KINDS = {
  roomline: {
    program: binary,
    arguments: (tls) => [
      ...['--listen', `${tls ? 'https' : 'http'}://127.0.0.1:0`, '--workers', '1', '--set', 'admin.listen=[]', '--set', 'stun.listen=[]'],
      ...Object.entries(ROOMLINE_KEYS).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    ],
    url: urlOfLog,
  },
  limit: {
    program: join(programs, 'bench-limit'),
    arguments: () => [],
    url: (lines) => lines.map((line) => /^listening (\S+)$/.exec(line)?.[1]).find(Boolean),
  },
  redis: {
    program: process.env.REDIS_SERVER ?? 'redis-server',
    arguments: () => ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    url: (lines) => lines.some((line) => line.includes('Ready to accept')) && 'ready',
  },
};

const STARTING = 60_000; // ms; valgrind is slow
const STOPPING = 30_000;
const LOOK = 20; // ms between looks at a starting server's output

let files = 0;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** The address of the `listening` line, once the line says `ready` is there as well. */
function urlOfLog(lines) {
  const events = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  if (!events.some(({ event }) => event === 'ready')) return undefined;
  return events.find(({ event }) => event === 'listening')?.url;
}

export function missingPrograms() {
  return [binary, KINDS.limit.program, join(programs, 'bench-load')].filter(
    (path) => !existsSync(path),
  );
}

/**
 * One of the two servers while it runs: {kind, url, pid}. It writes to a file: through a pipe it would
 * have to wait for us.
 */
class Server {
  constructor(kind, { tls = false, under = [], extra = [] }) {
    const { program, arguments: own } = KINDS[kind];
    const { cert, key } = tls ? certificate('ecdsa') : {};
    const line = [...under, program, ...own(tls)];
    if (tls) line.push('--tls-cert', cert, '--tls-key', key);
    this.kind = kind;
    this.file = join(temporaryFolder(), `server-${++files}.log`);
    const output = openSync(this.file, 'w');
    this.child = spawn(line[0], [...line.slice(1), ...extra], {
      env: cleanEnvironment(),
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    running.add(this.child);
    this.child.once('error', (error) => (this.error = error));
    this.exited = once(this.child, 'exit').then(() => running.delete(this.child));
    this.exited.catch(() => {}); // it never ran: started() says so
  }

  get pid() {
    return this.child.pid;
  }

  /** The whole lines that it wrote. */
  lines() {
    return readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
  }

  async started() {
    const end = Date.now() + STARTING;
    while (!(this.url = KINDS[this.kind].url(this.lines()))) {
      if (this.error) throw this.error;
      if (this.child.exitCode !== null || this.child.signalCode) throw this.failure('ended');
      if (Date.now() > end) throw this.failure('did not start');
      await pause(LOOK);
    }
  }

  failure(what) {
    return new Error(`${this.kind} ${what}:\n${this.lines().slice(-20).join('\n')}`);
  }

  async stop() {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOPPING);
    await this.exited;
    clearTimeout(timer);
    if (this.child.signalCode === 'SIGKILL') throw this.failure('did not stop');
  }
}

/** under: a command to run it under; extra: more arguments. */
export async function startServer(kind, options = {}) {
  const server = new Server(kind, options);
  try {
    await server.started();
  } catch (error) {
    server.child.kill('SIGKILL');
    throw error;
  }
  return server;
}

/** Instances that a Redis of their own joins: {kind, urls, pids, redis}. */
class Cluster {
  kind = 'roomline';
  servers = [];

  async started(instances, { busy = instances, under, storeUnder = under }) {
    this.busy = busy;
    const port = await freePort();
    this.redis = `127.0.0.1:${port}`;
    this.store = await startServer('redis', {
      under: storeUnder,
      extra: ['--port', String(port)],
    });
    const extra = ['--redis', `redis://${this.redis}`];
    for (let i = 0; i < instances; i++)
      this.servers.push(await startServer('roomline', { under, extra }));
  }

  get urls() {
    return this.servers.slice(0, this.busy).map(({ url }) => url);
  }

  get pids() {
    return this.servers.map(({ pid }) => pid);
  }

  async stop() {
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.store?.stop();
  }
}

/**
 * busy: so many of the instances get the load; all, and Redis, are measured. storeUnder: a command to
 * run Redis under, where that is another than that of the instances.
 */
export async function startCluster(instances, options = {}) {
  const cluster = new Cluster();
  try {
    await cluster.started(instances, options);
  } catch (error) {
    for (const { child } of cluster.servers) child.kill('SIGKILL');
    cluster.store?.child.kill('SIGKILL');
    throw error;
  }
  return cluster;
}

const flagsOf = (options) =>
  Object.entries(options).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => (one === true ? [`--${name}`] : [`--${name}`, String(one)])),
  );

/** Runs the generator against a server, or a cluster, and returns the figures that it prints. */
export async function load(server, mode, options = {}, under = []) {
  const { kind, urls = [server.url], pids: pid = [server.pid], redis } = server;
  const flags = flagsOf({ dialect: kind, pid, ...(redis && { redis }), ...options });
  const line = [...under, join(programs, 'bench-load'), mode, ...urls, ...flags];
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  const [code, signal] = await once(child, 'close');
  running.delete(child);
  if (code !== 0)
    throw new Error(
      `${server.kind}, ${mode}: ${output.stderr.trim() || `ended with ${code ?? signal}`}`,
    );
  return JSON.parse(output.stdout);
}

/** The command line's options: --name value, or --name alone for those in `flags`. */
export function parseArguments(given, defaults, flags = []) {
  const options = { ...defaults };
  const words = [];
  for (let i = 0; i < given.length; i++) {
    if (!given[i].startsWith('--')) {
      words.push(given[i]);
      continue;
    }
    const name = given[i].slice(2);
    if (flags.includes(name)) options[name] = true;
    else if (name in defaults && i + 1 < given.length) options[name] = given[++i];
    else throw new Error(`unknown option --${name}`);
  }
  return { options, words };
}
