// What a page, and who installs the package `roomline`, get of the SDK: all its files, no others, and little.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const CLIENT = new URL('../../client/', import.meta.url);
const textOf = (file) => readFileSync(new URL(file, CLIENT), 'utf8');
const about = JSON.parse(textOf('package.json'));

// The modules of the SDK, also those that are loaded only when they are used.
function modules(file = './roomline.js', found = new Set()) {
    if (found.has(file)) return found;
    found.add(file);
    const imports = /^(?:import|export) .* from '(.+)';$|\bimport\('(.+)'\)/gm;
    for (const [, always, later] of textOf(file).matchAll(imports)) modules(always ?? later, found);
    return found;
}

test('the package holds the SDK and nothing of the application', () => {
    const named = about.files.filter((file) => file.endsWith('.js')).map((file) => `./${file}`);
    assert.deepEqual(named.sort(), [...modules()].sort());
    assert.equal(about.exports['.'].default, './roomline.js');
    assert.equal(about.exports['.'].types, './roomline.d.ts');
});

// What a page fetches of it as it is served is measured in tests/e2e/sdk.test.js.
test('bundled with all of it, the SDK is small', () => {
    const { outputFiles } = buildSync({
        entryPoints: [new URL('roomline.js', CLIENT).pathname],
        bundle: true,
        minify: true,
        format: 'esm',
        write: false,
    });
    const bundle = gzipSync(outputFiles[0].contents, { level: 9 }).length;
    assert.ok(bundle < 12_000, `${bundle} bytes bundled`);
});
