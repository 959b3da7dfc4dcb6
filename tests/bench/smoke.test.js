// Each mode for a moment: every signal must arrive, once, in order and unchanged. No speeds.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { load, startCluster, startServer } from './servers.js';

const MODES = [
  {
    mode: 'throughput',
    options: { pairs: 8, window: 3, count: 2000, verify: true },
    holds: ({ signals, sent, delivered, cpuSeconds }) =>
      signals === 2000 && sent === 2000 && delivered === 2000 && cpuSeconds > 0,
  },
  {
    mode: 'throughput',
    name: 'throughput for a time',
    options: { pairs: 8, warmup: 0.1, seconds: 0.2 },
    holds: ({ signals, sent, delivered }) => signals > 0 && delivered === sent && sent >= signals,
  },
  {
    mode: 'calls',
    options: { concurrency: 4, count: 40, verify: true },
    holds: ({ calls, begun, completed }) => calls === 40 && begun === 40 && completed === 40,
  },
  {
    mode: 'latency',
    options: { pairs: 8, rate: 500, warmup: 0.1, seconds: 0.4, verify: true },
    holds: ({ sent, delivered, p50, p99 }) =>
      sent === 250 && delivered === 250 && p50 > 0 && p99 >= p50,
  },
  {
    mode: 'idle',
    options: { connections: 100, settle: 0.1 },
    holds: ({ connections, bytesBefore }) => connections === 100 && bytesBefore > 0,
  },
];

const ROOMS = [
  {
    mode: 'throughput',
    name: 'throughput with ten peers in a room',
    options: { pairs: 10, peers: 10, count: 500, verify: true },
    holds: ({ delivered }) => delivered === 500,
  },
  {
    mode: 'throughput',
    name: 'throughput beside parked rooms',
    options: { pairs: 4, parked: 50, count: 500, verify: true },
    holds: ({ delivered }) => delivered === 500,
  },
];

describe('three instances joined by Redis', () => {
  let cluster;
  before(async () => (cluster = await startCluster(3)));
  after(() => cluster?.stop());
  for (const { mode, name = mode, options, holds } of MODES) {
    test(name, async () => {
      const figures = await load(cluster, mode, options);
      assert.ok(holds(figures), JSON.stringify(figures));
      if (mode === 'idle') return;
      const { publishes, commands, outputBytes, cpuMicroseconds } = figures.redis;
      assert.ok(publishes > 0 && commands >= publishes, JSON.stringify(figures));
      assert.ok(outputBytes > 300 && cpuMicroseconds > 0, JSON.stringify(figures));
    });
  }
});

for (const kind of ['limit', 'roomline']) {
  for (const tls of [false, true]) {
    describe(`${kind} ${tls ? 'over TLS' : 'plain'}`, () => {
      let server;
      before(async () => (server = await startServer(kind, { tls })));
      after(() => server?.stop());
      for (const { mode, name = mode, options, holds } of [
        ...MODES,
        ...(kind === 'roomline' ? ROOMS : []),
      ]) {
        test(name, async () => {
          const figures = await load(server, mode, options);
          assert.ok(holds(figures), JSON.stringify(figures));
        });
      }
    });
  }
}

test('a signal that is lost is noticed', async (t) => {
  const server = await startServer('limit', { extra: ['--lose', '100'] });
  t.after(() => server.stop());
  const options = { pairs: 1, window: 4, count: 500 };
  await assert.rejects(load(server, 'throughput', options), /arrived when \d+ was due|whose data has not/);
});
