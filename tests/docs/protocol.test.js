// docs/asyncapi.yaml is valid, its examples follow its schemas, and docs/protocol.md, the table in
// src/base/error.h and the client all say the same.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Parser } from '@asyncapi/parser';
import YAML from 'yaml';
import { closeCodes as clientCloseCodes } from '../../client/protocol.js';
import { MESSAGES, SPEC_PATH, fits } from '../support/schema.js';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const PROTOCOL = read('docs/protocol.md');
const SPEC = YAML.parse(readFileSync(SPEC_PATH, 'utf8'));

/** The rows of the table whose header starts with `first`, each a list of its cells. */
function tables(first) {
    const found = [];
    let inside = false;
    for (const line of PROTOCOL.split('\n')) {
        const cells = line.startsWith('|') ? line.slice(1, -1).split('|').map((c) => c.trim()) : null;
        if (!cells) inside = false;
        else if (inside && !/^-+$/.test(cells[0])) found.push(cells);
        else if (cells[0] === first) inside = true;
    }
    assert.ok(found.length > 0, `no table of ${first}`);
    return found;
}

const names = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name);

/** The rows X(...) of a table macro in error.h. */
function macroRows(macro) {
    const body = read('src/base/error.h').split(`#define ${macro}(X)`)[1].split(/(?<!\\)\n/)[0];
    const text = body.replace(/\\\n/g, ' ');
    return [...text.matchAll(/X\(((?:"(?:[^"\\]|\\.)*"|[^()"])*)\)/g)].map(([, row]) =>
        row.match(/"(?:[^"\\]|\\.)*"|[^,\s][^,]*/g).map((cell) => cell.trim().replace(/^"|"$/g, '')),
    );
}

const CODE_OF = Object.fromEntries(
    [...read('src/base/error.h').matchAll(/^ {4}(CLOSE_\w+) = (\d+),/gm)].map(([, k, v]) => [k, +v]),
);

test('asyncapi.yaml is valid AsyncAPI 3.0', async () => {
    const { document, diagnostics } = await new Parser().parse(readFileSync(SPEC_PATH, 'utf8'));
    const wrong = diagnostics.filter(({ severity }) => severity <= 1);
    assert.deepEqual(wrong.map(({ message, path }) => `${path.join('.')}: ${message}`), []);
    assert.equal(document.version(), '3.0.0');
});

test('every message has an example, and every example follows its schema', () => {
    for (const [key, { examples }] of Object.entries(SPEC.components.messages)) {
        assert.ok(examples?.length > 0, `${key} has no example`);
        for (const { name, payload } of examples) {
            assert.equal(MESSAGES[key](payload, { strict: true }), null, `${key}, ${name}`);
        }
    }
});

test('an example that breaks its schema is noticed', () => {
    assert.ok(MESSAGES.pong({ type: 'pong' }));
    assert.ok(MESSAGES.pong({ type: 'pong', received: -1 }));
    assert.ok(MESSAGES.pong({ type: 'pong', received: 1, recieved: 1 }, { strict: true }));
    assert.equal(MESSAGES.pong({ type: 'pong', received: 1, more: 1 }), null);
});

test('every JSON line in protocol.md is a message of the protocol', () => {
    const lines = [...PROTOCOL.matchAll(/```json\n([^]*?)```/g)].flatMap(([, block]) =>
        block.trim().split('\n'),
    );
    assert.ok(lines.length > 10);
    for (const line of lines) assert.equal(fits(JSON.parse(line), { strict: true }), null, line);
});

test('protocol.md lists the messages and fields of asyncapi.yaml', () => {
    const described = tables('type').map(([type, fields]) => {
        const all = names(fields).sort();
        return `${names(type)}: ${all.join(' ')}`;
    });
    const specified = Object.values(SPEC.components.messages).map(({ payload }) => {
        const { type, ...fields } = payload.properties;
        const list = Object.keys(fields).map((f) => (payload.required.includes(f) ? f : `${f}?`));
        return `${type.const}: ${list.sort().join(' ')}`;
    });
    assert.deepEqual(described.sort(), specified.sort());
});

test('the error codes are those of the server, with their close codes', () => {
    const rows = macroRows('WIRE_ERRORS');
    const close = (cell) => (CODE_OF[cell] ? String(CODE_OF[cell]) : '');
    const code = (cell) => (cell === 'CLOSE_NONE' ? '' : close(cell));
    assert.deepEqual(
        tables('`code`').map(([name, before, after]) => [names(name)[0], before, after]),
        rows.map(([, wire, , before, after]) => [wire, code(before), code(after)]),
    );
    assert.deepEqual(SPEC.components.schemas.errorCode.enum, rows.map(([, wire]) => wire));
});

test('the close codes are those of the server, and say the same about coming back', () => {
    const ANSWERS = {
        RECONNECT_NO: /^no$/,
        RECONNECT_YES: /^yes$/,
        RECONNECT_RESUME: /^yes, resume$/,
        RECONNECT_BACK_OFF: /back off$/,
        RECONNECT_NEW_TOKEN: /^with a new token$/,
    };
    const rows = macroRows('CLOSE_CODES');
    const documented = tables('close');
    assert.deepEqual(documented.map(([code]) => +code), rows.map(([code]) => CODE_OF[code]));
    rows.forEach(([code, , , answer], i) => {
        assert.match(documented[i][2], ANSWERS[answer], code);
    });
});

/** The files and titles of all tests, with the words that titles take from tables of their file. */
function testTitles() {
    const files = ['integration', 'cluster', 'sim', 'unit/base'].flatMap((folder) =>
        readdirSync(new URL(`../${folder}/`, import.meta.url)).map((name) => `tests/${folder}/${name}`),
    );
    return files.flatMap((path) => {
        const text = read(path);
        const titles = [...text.matchAll(/\btest\(\s*(['`])(.*?)\1/g)].map(([, , title]) => title);
        const loops = titles.filter((title) => title.includes('${code}') || title.includes('${error}'));
        const words = loops.length ? [...text.matchAll(/^ {4}\['([a-z-]+)',|(?<=[ [])(1\d{3}),(?= |$)/gm)] : [];
        const c = [...text.matchAll(/^static void (\w+)\(void \*\*state\)/gm)].map(([, name]) => name);
        return [...titles, ...words.map(([, word, code]) => word ?? code), ...c];
    });
}

test('every message, every error and every close code has a test that is named after it', () => {
    const titles = testTitles();
    const wanted = [
        ...tables('type').flatMap(([type]) => names(type)),
        ...tables('`code`').flatMap(([code]) => names(code)),
        ...tables('close').map(([code]) => code),
    ];
    assert.ok(wanted.length > 50);
    const lacking = wanted.filter((word) => {
        const pattern = new RegExp(`(?<![a-z0-9-])${word}(?![a-z0-9-])`);
        return !titles.some((title) => pattern.test(title.replaceAll('_', ' ')));
    });
    assert.deepEqual(lacking, []);
});

test('the browser client knows every close code', () => {
    const REACTION = {
        RECONNECT_NO: 'no',
        RECONNECT_YES: 'yes',
        RECONNECT_RESUME: 'yes',
        RECONNECT_BACK_OFF: 'slow',
        RECONNECT_NEW_TOKEN: 'token',
    };
    const known = Object.fromEntries(
        Object.entries(clientCloseCodes).map(([code, { reconnect }]) => [code, reconnect]),
    );
    const served = macroRows('CLOSE_CODES').map(([code, , , answer]) => [CODE_OF[code], REACTION[answer]]);
    assert.deepEqual(known, Object.fromEntries(served));
});
