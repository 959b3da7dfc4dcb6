// What must never show. Whatever test it was used in, each server's log is searched for it when the server
// ends, and so are the metrics whenever they are read.
//
//   hide(session);  assertHidden(text, 'the log');

import assert from 'node:assert/strict';

const SHORTEST = 16; // characters; less may be in a log by chance
const MOST = 1000; // so that looking for them takes no time

const secrets = new Set();

export function hide(...texts) {
    for (const text of texts)
        if (typeof text === 'string' && text.length >= SHORTEST && secrets.size < MOST) secrets.add(text);
}

export function assertHidden(text, where) {
    for (const secret of secrets) {
        const at = text.indexOf(secret);
        if (at >= 0) assert.fail(`${where} shows a secret: ${text.slice(Math.max(0, at - 200), at + 100)}`);
    }
}
