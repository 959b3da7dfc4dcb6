// What .editorconfig says, checked.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { filesOf, textOf } from './files.js';

const BINARY = /\.(png|jpe?g|ico|webp|woff2?|gz|br|bin|svg)$|^tests\/fuzz\/corpus\//;

function faults(path, text) {
  const found = [];
  if (text !== '' && !text.endsWith('\n')) found.push(`${path}: no newline at the end`);
  if (text.endsWith('\n\n')) found.push(`${path}: an empty line at the end`);
  text.split('\n').forEach((line, i) => {
    if (/[ \t\r]$/.test(line)) found.push(`${path}:${i + 1}: a blank at the end of the line`);
    if (/^ *\t/.test(line)) found.push(`${path}:${i + 1}: a tab`);
    if (/\.[ch]$/.test(path) && [...line].length > 120) found.push(`${path}:${i + 1}: over 120 columns`);
  });
  return found;
}

test('text files have no tabs, no trailing blanks, and a newline at the end', () => {
  const paths = filesOf().filter((path) => !BINARY.test(path));
  assert.ok(paths.length > 50);
  assert.deepEqual(paths.flatMap((path) => faults(path, textOf(path))), []);
});

test('each fault is seen', () => {
  assert.equal(faults('a.c', 'x').length, 1);
  assert.equal(faults('a.c', 'x\n\n').length, 1);
  assert.equal(faults('a.c', 'x \n').length, 1);
  assert.equal(faults('a.c', '\tx\n').length, 1);
  assert.equal(faults('a.c', `${'x'.repeat(121)}\n`).length, 1);
  assert.deepEqual(faults('a.c', 'x\n'), []);
});
