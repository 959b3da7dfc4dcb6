// The messages of docs/asyncapi.yaml as checks.
//
//   fits(message)                  null, or what is wrong with it
//   fits(message, {strict: true})  unknown fields are wrong too
//   MESSAGES.joined(message)       the same against one message of the document

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import YAML from 'yaml';

export const SPEC_PATH = fileURLToPath(new URL('../../docs/asyncapi.yaml', import.meta.url));

const { components } = YAML.parse(readFileSync(SPEC_PATH, 'utf8'));
const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });

function local(schema) {
    return JSON.stringify(schema).replaceAll('"#/components/schemas/', '"spec#/$defs/');
}

ajv.addSchema({ $id: 'spec', $defs: JSON.parse(local(components.schemas)) });

function compile(payload) {
    const schema = JSON.parse(local(payload));
    const loose = ajv.compile(schema);
    const tight = ajv.compile({ ...schema, additionalProperties: false });
    return (message, { strict = false } = {}) => {
        const validate = strict ? tight : loose;
        return validate(message) ? null : ajv.errorsText(validate.errors);
    };
}

export const MESSAGES = Object.fromEntries(
    Object.entries(components.messages).map(([key, { payload }]) => [key, compile(payload)]),
);

/** Null if the message is right as one of its type, be it a client's or the server's. */
export function fits(message, options) {
    const candidates = Object.entries(components.messages).filter(
        ([, { payload }]) => payload.properties.type.const === message.type,
    );
    if (candidates.length === 0) return `no message of type ${message.type}`;
    const faults = candidates.map(([key]) => MESSAGES[key](message, options));
    return faults.includes(null) ? null : faults.join('; or ');
}
