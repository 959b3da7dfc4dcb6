// What the package `roomline` is made of. How large it is, and that it works, is in tests/e2e/examples.test.js.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

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

test('what makes its minified module is what the tests make it with', () => {
    const ours = JSON.parse(textOf('../tests/package.json'));
    for (const [name, version] of Object.entries(about.devDependencies)) assert.equal(ours.devDependencies[name], version);
});
