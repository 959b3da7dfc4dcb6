// docs/openapi.yaml is good OpenAPI, is what the table of routes says, and its examples fit it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import core from '@stoplight/spectral-core';
import parsers from '@stoplight/spectral-parsers';
import rulesets from '@stoplight/spectral-rulesets';
import { textOf } from '../lint/files.js';
import { SPEC_PATH, examplesOf, mismatch, operations, resolve, spec } from '../support/openapi.js';

async function lint(text) {
    const spectral = new core.Spectral();
    spectral.setRuleset({ extends: [[rulesets.oas, 'all']], rules: { 'info-contact': 'off' } });
    const found = await spectral.run(new core.Document(text, parsers.Yaml, 'docs/openapi.yaml'));
    return found.map(({ code, path, message }) => `${code}: ${path.join('.')}: ${message}`);
}

test('the linter finds nothing', async () => {
    assert.deepEqual(await lint(readFileSync(SPEC_PATH, 'utf8')), []);
});

test('the linter finds what is wrong', async () => {
    const text = readFileSync(SPEC_PATH, 'utf8').replace('operationId: getRoom', 'operationId: listRooms');
    assert.match((await lint(text)).join('\n'), /operation-operationId-unique/);
});

test('the document has the routes of the server, and who may use them', () => {
    const ROW = /\{METHOD_(\w+), "([^"]+)", ADMIN_(\w+), \w+\}/g;
    const routes = [...textOf('src/api/admin_routes.c').matchAll(ROW)].map(
        ([, method, pattern, access]) => `${method} ${pattern} ${access}`,
    );
    const documented = operations.map(({ name, access }) => `${name} ${access}`);
    assert.ok(routes.length >= 10);
    assert.deepEqual(documented.sort(), routes.sort());
});

test('every response has an example, and every example fits its schema', () => {
    for (const { name, body, responses, parameters } of operations) {
        const media = [...responses].flatMap(([status, { content = {} }]) =>
            Object.entries(content).map(([type, one]) => [`${name} ${status} ${type}`, one]),
        );
        if (body) media.push([`${name} body`, body]);
        for (const [what, one] of media) {
            const examples = examplesOf(one);
            assert.notEqual(examples.length, 0, `${what} has no example`);
            for (const [, value] of examples) assert.equal(mismatch(one.schema, value), null, what);
        }
        for (const { name: parameter, example, schema } of parameters)
            if (example !== undefined) assert.equal(mismatch(schema, example), null, `${name} ${parameter}`);
    }
});

test('a problem example tells its own status', () => {
    for (const { responses, name } of operations)
        for (const [status, { content = {} }] of responses)
            for (const [, value] of examplesOf(content['application/problem+json'] ?? {}))
                assert.equal(value.status, status, name);
});

test('nothing in the document is without use', () => {
    const text = JSON.stringify(spec);
    for (const [kind, parts] of Object.entries(spec.components).filter(([kind]) => kind !== 'securitySchemes'))
        for (const part of Object.keys(parts))
            assert.ok(text.includes(`#/components/${kind}/${part}`), `${kind}/${part}`);
    assert.deepEqual(resolve({ $ref: '#/components/schemas/RoomName' }), spec.components.schemas.RoomName);
});
