// docs/openapi.yaml as checks: what it says of an operation, and whether an answer is as it says.
//
//   const get = operation('GET', '/v1/rooms/{room}');
//   checkAnswer(get, await ask(server, 'GET', '/v1/rooms/a'));

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ajvFormats from 'ajv-formats';
import { Ajv2020 } from 'ajv/dist/2020.js';
import YAML from 'yaml';

export const SPEC_PATH = fileURLToPath(new URL('../../docs/openapi.yaml', import.meta.url));
export const spec = YAML.parse(readFileSync(SPEC_PATH, 'utf8'));

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
ajvFormats.default(ajv);
ajv.addVocabulary(['example']);

function local(schema) {
    return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"spec#/$defs/'));
}

ajv.addSchema({ $id: 'spec', $defs: local(spec.components.schemas) });

/** What a $ref stands for; anything else is itself. */
export function resolve(node) {
    if (!node?.$ref) return node;
    return resolve(node.$ref.slice(2).split('/').reduce((at, key) => at[key], spec));
}

const compiled = new Map();

/** null, or what is wrong with a value. */
export function mismatch(schema, value) {
    const key = JSON.stringify(schema);
    if (!compiled.has(key)) compiled.set(key, ajv.compile(local(schema)));
    const validate = compiled.get(key);
    return validate(value) ? null : ajv.errorsText(validate.errors);
}

const ACCESS = { '[]': 'OPEN', '[{"bearer":[]}]': 'TOKEN', '[{"bearer":[]},{}]': 'METRICS' };

/** Every operation: {name, method, path, parameters, body, responses, access, text}. */
export const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
        const text = item[method];
        const responses = Object.entries(text.responses).map(([status, response]) => [
            Number(status),
            resolve(response),
        ]);
        return {
            name: `${method.toUpperCase()} ${path}`,
            method: method.toUpperCase(),
            path,
            parameters: [...(item.parameters ?? []), ...(text.parameters ?? [])].map(resolve),
            body: text.requestBody && resolve(text.requestBody).content['application/json'],
            responses: new Map(responses),
            access: ACCESS[JSON.stringify(text.security ?? spec.security)],
            text,
        };
    }),
);

export function operation(method, path) {
    const found = operations.find((one) => one.method === method && one.path === path);
    assert.ok(found, `${method} ${path} is not in the document`);
    return found;
}

/** The examples of a media type: [name, value]. */
export function examplesOf(media) {
    if (media.examples) return Object.entries(media.examples).map(([name, { value }]) => [name, value]);
    return 'example' in media ? [['example', media.example]] : [];
}

function checkHeaders(name, response, answer) {
    for (const [header, reference] of Object.entries(response.headers ?? {})) {
        const { required, schema } = resolve(reference);
        const value = answer.headers[header.toLowerCase()];
        if (required) assert.ok(value !== undefined, `${name}: no ${header}`);
        if (value === undefined) continue;
        const wrong = mismatch(schema, schema.type === 'integer' ? Number(value) : value);
        assert.equal(wrong, null, `${name}: ${header}: ${value}: ${wrong}`);
    }
}

/** The answer is one that the document knows, in every part. */
export function checkAnswer(operation, answer) {
    const name = `${operation.name} ${answer.status}`;
    const response = operation.responses.get(answer.status);
    assert.ok(response, `${name} is not in the document: ${answer.body}`);
    checkHeaders(name, response, answer);
    const type = answer.headers['content-type']?.split(';')[0];
    if (!response.content) return assert.equal(answer.body.length, 0, name);
    const media = response.content[type];
    assert.ok(media, `${name}: content of type ${type}`);
    const value = answer.json ?? String(answer.body);
    assert.equal(mismatch(media.schema, value), null, `${name}: ${answer.body}`);
}
