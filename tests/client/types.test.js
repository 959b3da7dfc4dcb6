// roomline.d.ts, roomline.js and those who use them agree: the compiler of TypeScript says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

function compile(project) {
    const tsc = here('../node_modules/.bin/tsc');
    const { stdout, status } = spawnSync(tsc, ['-p', here(`../types/${project}.json`)], {
        encoding: 'utf8',
    });
    assert.equal(status, 0, stdout);
}

test('the SDK is what roomline.d.ts says', () => compile('sdk'));
test('roomline.d.ts lets right use pass, and wrong use not', () => compile('use'));
test('the examples use it right', () => compile('examples'));
