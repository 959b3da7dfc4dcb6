// The QR code of an invitation, against libqrencode's.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { encode } from '../../client/app/room/qr.js';

// Any of the eight masks makes a code that can be read; the library does not always choose ours.
function theirs(text, version) {
    const art = execFileSync('qrencode', ['-8', '-l', 'M', '-v', String(version), '-m', '0', '-t', 'ASCII', text], {
        encoding: 'utf8',
    });
    return art.replace(/\n$/, '').split('\n').map((line) => [...line].filter((_, i) => i % 2 === 0).map((c) => c === '#'));
}

for (const length of [1, 14, 15, 26, 42, 62, 84, 106, 122, 152, 180, 213]) {
    test(`${length} bytes`, () => {
        const text = 'https://example.org/?room=' .repeat(9).slice(0, length);
        const show = (code) => code.map((row) => row.map((black) => (black ? '#' : '.')).join('')).join('\n');
        const codes = [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => show(encode(text, mask)));
        const expected = show(theirs(text, (encode(text).length - 17) / 4));
        assert.ok(codes.includes(expected), `none of\n${codes.join('\n\n')}\nis\n${expected}`);
        assert.ok(codes.includes(show(encode(text))));
    });
}

test('what is too long has none', () => {
    assert.equal(encode('x'.repeat(214)), null);
});
