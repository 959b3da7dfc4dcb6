// The documents exist, their links lead somewhere, and what they name is there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { ROOT, filesOf, textOf } from '../lint/files.js';
import { binary } from '../support/server.js';

const DOCUMENTS = filesOf('*.md', 'docs/*.md');
const run = (...args) => execFileSync(binary, args, { encoding: 'utf8' });

test('the documents that the project promises are there', () => {
    const promised = [
        ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'LICENSE'],
        ...['architecture', 'protocol', 'configuration', 'operations', 'performance', 'admin', 'limits'].map((d) => `docs/${d}.md`),
        'docs/asyncapi.yaml',
        'docs/openapi.yaml',
    ];
    assert.deepEqual(promised.filter((path) => !existsSync(ROOT + path)), []);
    assert.match(textOf('LICENSE'), /^MIT License\n/);
});

test('every link within the project leads to a file', () => {
    const broken = DOCUMENTS.flatMap((path) =>
        [...textOf(path).matchAll(/\]\(([^)\s]+)\)/g)]
            .map(([, target]) => target.split('#')[0])
            .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
            .filter((target) => !existsSync(ROOT + normalize(join(dirname(path), target))))
            .map((target) => `${path}: ${target}`),
    );
    assert.deepEqual(broken, []);
});

test('every file that a document names in code is there', () => {
    // docs/x.md, script/x, src/..., tests/..., client/..., config/..., deploy/...; a * or <x> is any name.
    const PATH = /`((?:docs|script|src|tests|client|config|deploy|cmake)\/[\w./-]*\w)`/g;
    const missing = DOCUMENTS.flatMap((path) =>
        [...textOf(path).matchAll(PATH)]
            .filter(([, named]) => !existsSync(ROOT + named))
            .map(([, named]) => `${path}: ${named}`),
    );
    assert.deepEqual(missing, []);
});

test('every limits, timeouts, session, server, bus, drain or tls key that a document names exists', () => {
    const known = new Set([...textOf('docs/configuration.md').matchAll(/\b([a-z]+\.[a-z_]+)\b/g)].map(([k]) => k));
    const KEY = /`((?:server|tls|admin|http|limits|timeouts|session|bus|drain|log)\.[a-z_]+)`/g;
    const unknown = DOCUMENTS.flatMap((path) =>
        [...textOf(path).matchAll(KEY)].map(([, key]) => key).filter((key) => !known.has(key)),
    );
    assert.deepEqual(unknown, []);
});

test('docs/configuration.md is what the program prints of its key table', () => {
    assert.equal(textOf('docs/configuration.md'), run('--print-config-reference'));
});

test('config/roomline.yaml is what the program prints as an example', () => {
    assert.equal(textOf('config/roomline.yaml'), run('--print-config-example'));
});

test('the program tells the version of CMakeLists.txt', () => {
    const [, version] = /VERSION (\d+\.\d+\.\d+)/.exec(textOf('CMakeLists.txt'));
    assert.equal(run('--version'), `roomline ${version}\n`);
});

test('CHANGELOG.md is in the form of Keep a Changelog', () => {
    const lines = textOf('CHANGELOG.md').split('\n');
    assert.equal(lines[0], '# Changelog');
    const releases = lines.filter((line) => line.startsWith('## '));
    assert.equal(releases[0], '## [Unreleased]');
    for (const release of releases.slice(1)) assert.match(release, /^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
    for (const kind of lines.filter((line) => line.startsWith('### '))) {
        assert.match(kind, /^### (Added|Changed|Deprecated|Removed|Fixed|Security)$/);
    }
});
