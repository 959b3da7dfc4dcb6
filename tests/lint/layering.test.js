// docs/architecture.md's layers, held against the #include lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { filesOf, textOf } from './files.js';

const KNOWS = {
  base: ['base'],
  core: ['core', 'base'],
  net: ['net', 'base'],
  bus: ['bus', 'core', 'net', 'base'],
  api: ['api', 'core', 'net', 'base'],
  app: ['app', 'api', 'bus', 'net', 'core', 'base'],
};

// Where each library is met, and nowhere else.
const LIBRARIES = [
  [/^uv\.h$/, /^src\/((net|bus|app)\/|main\.c$)/],
  [/^wslay\//, /^src\/net\/ws\w*\.[ch]$/],
  [/^llhttp\.h$/, /^src\/net\/http\w*\.[ch]$/],
  [/^openssl\//, /^src\/(net\/tls\w*\.[ch]|base\/crypto\w*\.c|api\/(token|turn)\.c)$/],
  [/^sodium/, /^src\/base\/crypto\.c$/],
  [/^uthash\.h$/, /^src\/base\/map\.h$/],
  [/^hiredis\//, /^src\/bus\/redis\w*\.[ch]$/],
  [/^c[jJ][sS][oO][nN]\//, /^src\/api\/\w+\.c$/],
  [/^yaml\.h$/, /^src\/app\/config_yaml\.c$/],
  [/^(zlib\.h|brotli\/)/, /^src\/api\/\w+\.c$/],
];

function includesOf(text) {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]/gm)].map(([, mark, name]) => ({
    own: mark === '"',
    name,
  }));
}

function breaches(path, text) {
  const layer = /^src\/(\w+)\//.exec(path)?.[1];
  const found = [];
  for (const { own, name } of includesOf(text)) {
    if (own && layer && !KNOWS[layer].includes(name.split('/')[0])) {
      found.push(`${path}: ${layer} must not know ${name}`);
    }
    for (const [library, home] of own ? [] : LIBRARIES) {
      if (library.test(name) && !home.test(path)) found.push(`${path}: ${name} is not met here`);
    }
  }
  return found;
}

function isUmbrella(text) {
  const code = text
    .replace(/\/\*[^]*?\*\/|\/\/.*/g, '')
    .replace(/^[ \t]*#[ \t]*(ifndef|include|endif|pragma).*$/gm, '')
    .replace(/^[ \t]*#[ \t]*define[ \t]+\w+_H[ \t]*$/gm, '');
  return code.trim() === '' && includesOf(text).length > 0;
}

// A path of includes that comes back to where it began, or null.
function findCycle(graph) {
  const done = new Set();
  const visit = (node, trail) => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...trail, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return null;
}

const sources = filesOf('src/*.c', 'src/*.h');

test('a layer includes only the layers it knows, and each library is met in its file', () => {
  assert.ok(sources.length > 20);
  assert.deepEqual(sources.flatMap((path) => breaches(path, textOf(path))), []);
});

test('a breach of the layering is seen', () => {
  assert.equal(breaches('src/core/room.c', '#include <uv.h>\n').length, 1);
  assert.equal(breaches('src/core/room.c', '#include "net/ws.h"\n').length, 1);
  assert.equal(breaches('src/net/ws.c', '#include "core/room.h"\n#include <wslay/wslay.h>\n').length, 1);
  assert.deepEqual(breaches('src/net/ws.c', '#include "base/buf.h"\n#include <wslay/wslay.h>\n'), []);
});

test('no header only gathers other headers', () => {
  assert.deepEqual(sources.filter((path) => path.endsWith('.h') && isUmbrella(textOf(path))), []);
  assert.ok(isUmbrella('#ifndef A_H\n#define A_H\n#include "base/buf.h"\n#endif\n'));
});

test('no header includes itself by a detour', () => {
  const graph = new Map(
    sources.map((path) => [
      path,
      includesOf(textOf(path)).filter(({ own }) => own).map(({ name }) => `src/${name}`),
    ]),
  );
  assert.equal(findCycle(graph), null);
  assert.deepEqual(findCycle(new Map([['a', ['b']], ['b', ['a']]])), ['a', 'b', 'a']);
});

test('every header has a guard named after its path', () => {
  const wrong = sources
    .filter((path) => path.endsWith('.h'))
    .filter((path) => {
      const guard = `ROOMLINE_${path.slice(4).replace(/[^a-z0-9]/gi, '_').toUpperCase()}`;
      return !textOf(path).includes(`#ifndef ${guard}\n#define ${guard}\n`);
    });
  assert.deepEqual(wrong, []);
});
