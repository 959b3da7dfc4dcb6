// docs/metrics.md lists what the program serves, with the same words.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WITH_ADMIN } from '../support/admin.js';
import { textOf } from '../lint/files.js';
import { readMetrics } from '../support/metrics.js';
import { startServer } from '../support/server.js';

let server;
before(async () => {
    server = await startServer({ ...WITH_ADMIN, workers: 2 });
});
after(() => server?.stop());

const row = (...cells) => `| ${cells.join(' | ')} |`;

test('every metric stands in docs/metrics.md with its type, labels and meaning', async () => {
    const { families } = await readMetrics(server);
    const served = [...families.values()].map(({ name, type, help, samples }) => {
        const labels = Object.keys(samples[0].labels).filter((label) => label !== 'le');
        return row(`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(' '), help);
    });
    const documented = textOf('docs/metrics.md')
        .split('\n')
        .filter((line) => line.startsWith('| `roomline_'));
    assert.deepEqual(documented, served);
});
