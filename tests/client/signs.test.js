// The table of the safety code, and the words of the pages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signs } from '../../client/app/call/signs.js';
import { en } from '../../client/app/words/en.js';
import { ko } from '../../client/app/words/ko.js';

test('each byte has a sign of its own, in pictures and in both languages', () => {
    assert.equal(signs.length, 256);
    for (const key of ['picture', 'en', 'ko'])
        assert.equal(new Set(signs.map((sign) => sign[key])).size, 256, key);
    assert.ok(signs.every(({ en, ko }) => /^[a-z]+$/.test(en) && /^[가-힣]+$/.test(ko)));
});

test('both languages have the same words, with the same values in them', () => {
    const values = (text) => [...text.matchAll(/\{\w+\}/g)].flat().sort();
    assert.deepEqual(Object.keys(ko).sort(), Object.keys(en).sort());
    for (const key of Object.keys(en)) assert.deepEqual(values(ko[key]), values(en[key]), key);
});
