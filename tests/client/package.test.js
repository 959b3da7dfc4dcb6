// What a page, and who installs the package `roomline`, get of the SDK: all its files, no others, and little.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const CLIENT = new URL('../../client/', import.meta.url);
const textOf = (file) => readFileSync(new URL(file, CLIENT), 'utf8');
const about = JSON.parse(textOf('package.json'));

// The modules that a page loads with `import './roomline.js'`.
function modules(file = './roomline.js', found = new Set()) {
    if (found.has(file)) return found;
    found.add(file);
    for (const [, next] of textOf(file).matchAll(/^(?:import|export) .* from '(.+)';$/gm))
        modules(next, found);
    return found;
}

test('the package holds the SDK and nothing of the application', () => {
    const named = about.files.filter((file) => file.endsWith('.js')).map((file) => `./${file}`);
    assert.deepEqual(named.sort(), [...modules()].sort());
    assert.equal(about.exports['.'].default, './roomline.js');
    assert.equal(about.exports['.'].types, './roomline.d.ts');
});

test('the SDK is small: bundled, and as it is served with all its comments', () => {
    const { outputFiles } = buildSync({
        entryPoints: [new URL('roomline.js', CLIENT).pathname],
        bundle: true,
        minify: true,
        format: 'esm',
        write: false,
    });
    const zipped = (text) => gzipSync(text, { level: 9 }).length;
    const bundle = zipped(outputFiles[0].contents);
    const served = [...modules()].reduce((sum, file) => sum + zipped(textOf(file)), 0);
    assert.ok(bundle < 12_000, `${bundle} bytes bundled`);
    assert.ok(served < 24_000, `${served} bytes served`);
});
