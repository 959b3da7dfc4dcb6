// docs/limits.md has every limit of the table of keys, as it is there, and each row's proof exists.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT, textOf } from '../lint/files.js';

const cells = (line) => line.slice(2, -2).split(' | ');
const rows = (path, pattern) => textOf(path).split('\n').filter((line) => pattern.test(line)).map(cells);

const configured = rows('docs/limits.md', /^\| `[a-z]+\.[a-z_]+` \|/);
const fixed = rows('docs/limits.md', /^\| .* \| `[A-Z_0-9]+` in `src\//);
const keys = rows('docs/configuration.md', /^\| `[a-z]+\.[a-z_]+` \|/);
const names = (list) => list.map(([name]) => name);

/** The names of a file's tests, each as a pattern: of a template any text may stand for what it fills in. */
function testsOf(path) {
    const text = textOf(path);
    const escaped = (name) => name.replace(/[.*+?^$()|[\]\\{}]/g, '\\$&');
    if (path.endsWith('.c')) return [...text.matchAll(/^static void (\w+)\(void \*\*state\)/gm)].map(([, name]) => name);
    const found = [...text.matchAll(/\btest\(\s*(['"`])(.+?)\1,/g)].map(([, , name]) => name);
    return found.map((name) => name.split(/\$\{[^}]*\}/).map(escaped).join('(.+)'));
}

/** What is wrong with a row's proof; null: nothing. */
function wrongProof(proof) {
    const [, path, name] = /^`(tests\/[\w/.]+)`: (.+)$/.exec(proof) ?? [];
    if (!path || !existsSync(ROOT + path)) return `no such file: ${proof}`;
    const is = testsOf(path).some((pattern) => {
        const [, ...filled] = new RegExp(`^${pattern}$`).exec(name) ?? [null, null];
        return filled.every((part) => part !== null && textOf(path).includes(part));
    });
    return is ? null : `no such test: ${proof}`;
}

test('every limit that can be configured is there', () => {
    const isLimit = ([name, , allowed]) => /^`(limits|timeouts)\./.test(name) || allowed.includes('no limit');
    const wanted = names(keys.filter(isLimit));
    assert.ok(wanted.length > 20);
    assert.deepEqual(wanted.filter((name) => !names(configured).includes(name)), []);
});

test('with the default and the meaning that the server has', () => {
    const known = new Map(keys.map(([name, standard, , help]) => [name, [standard, help]]));
    for (const [name, standard, help] of configured) assert.deepEqual([standard, help], known.get(name), name);
    assert.equal(new Set(names(configured)).size, configured.length);
});

test('every constant is where it is said to be, and as large', () => {
    assert.ok(fixed.length > 15);
    const UNITS = { KiB: 1024, MiB: 1024 ** 2 };
    for (const [what, most, place] of fixed) {
        const [, name, path] = /^`(\w+)` in `(.+)`$/.exec(place);
        const [, value] = new RegExp(`^#define ${name} (.+?)(?: *//?\\*.*)?$`, 'm').exec(textOf(path)) ?? [];
        assert.ok(value, `${name} in ${path}`);
        const [, number, unit] = /^(\d+)(?: (\w+))?/.exec(most);
        // (size_t)4 << 20, 64 * 1024, 64u
        const plain = value.replace(/\(size_t\)|(?<=\d)u\b/g, '');
        assert.match(plain, /^[\d\s()*<]+$/, what);
        assert.equal(Function(`return ${plain}`)(), number * (UNITS[unit] ?? 1), what);
    }
});

test('every proof is a test that exists', () => {
    const proofs = [...configured, ...fixed].map((row) => row.at(-1));
    assert.deepEqual(proofs.map(wrongProof).filter((wrong) => wrong !== null), []);
});

test('a proof that does not exist is seen', () => {
    assert.match(wrongProof('`tests/integration/nowhere.test.js`: anything'), /no such file/);
    assert.match(wrongProof('`tests/integration/limits.test.js`: a flood of words, gone'), /no such test/);
    assert.match(wrongProof('`tests/unit/core/test_json.c`: nesting_has_no_limit'), /no such test/);
    assert.equal(wrongProof('`tests/integration/limits.test.js`: a flood of pings'), null);
});
