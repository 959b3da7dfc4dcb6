// JSON texts as no library writes them, and what is nearly JSON.

const NUMBERS = [
    '0',
    '-0',
    '1',
    '-12',
    '1.5',
    '1e9',
    '1E+2',
    '0.0e-0',
    '1e999',
    '123456789012345678901',
];
const ESCAPES = [
    '\\n',
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\f',
    '\\r',
    '\\t',
    '\\u0000',
    '\\u00e9',
    '\\uD83D',
    '\\udE00',
];
const CHARACTERS = [
    'a',
    'Z',
    ' ',
    '7',
    '\u007f',
    'é',
    'ß',
    '가',
    '\u2028',
    '\uffff',
    '\u{1F600}',
    '\u{10FFFF}',
];
const SPACES = ['', '', '', ' ', '\n', '\t', '\r', ' \r\n '];

// Spliced into a text by mutate(): bytes that JSON or UTF-8 trip over.
const SNIPPETS = [
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '\\',
    '\\u',
    '\\u12',
    '\\x41',
    '0',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '0x1',
    'null',
    'nul',
    'True',
    'NaN',
    'Infinity',
    "'",
    '/**/',
    '//',
    '\u0000',
    '\u001f',
    '\n',
    '\t',
    '\u00a0',
    '\ufeff',
    '\u000b',
    '\u2028',
    ',"type":"x"',
    ',"to":"b"',
    ',"data":1',
    '}{',
    '""',
    '\u0085',
].map((text) => Buffer.from(text));
const BROKEN_UTF8 = [
    [0x80],
    [0xbf],
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xc3],
    [0xc3, 0x28],
    [0xe0, 0x80, 0x80],
    [0xe0, 0x9f, 0xbf],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
    [0xf0, 0x80, 0x80, 0x80],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xf0, 0x9f, 0x98],
    [0xfe],
    [0xff],
].map((bytes) => Buffer.from(bytes));

function string(random) {
    let text = '"';
    for (let n = random.below(8); n > 0; n--)
        text += random.pick(random.chance(0.3) ? ESCAPES : CHARACTERS);
    return `${text}"`;
}

function list(random, depth, item, open, close) {
    const items = Array.from({ length: random.below(4) }, () => item(random, depth - 1));
    const space = () => random.pick(SPACES);
    return open + space() + items.map((one) => one + space()).join(`,${space()}`) + close;
}

const member = (random, depth) => `${string(random)}${random.pick(SPACES)}:${value(random, depth)}`;

function value(random, depth) {
    const kind = random.below(depth > 0 ? 7 : 5);
    if (kind === 0) return random.pick(NUMBERS);
    if (kind === 1) return random.pick(['true', 'false', 'null']);
    if (kind <= 4) return string(random);
    return kind === 5
        ? list(random, depth, value, '[', ']')
        : list(random, depth, member, '{', '}');
}

/** A valid JSON text with random white space around it. */
export function jsonText(random, depth = 4) {
    return random.pick(SPACES) + value(random, depth) + random.pick(SPACES);
}

const MUTATIONS = [
    (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
    (bytes, at) => bytes.subarray(0, at),
    (bytes, at) => bytes.subarray(at),
    (bytes, at, random) =>
        Buffer.concat([bytes.subarray(0, at), random.pick(SNIPPETS), bytes.subarray(at)]),
    (bytes, at, random) =>
        Buffer.concat([bytes.subarray(0, at), random.pick(SNIPPETS), bytes.subarray(at + 1)]),
    (bytes, at, random) =>
        Buffer.concat([bytes.subarray(0, at), random.pick(BROKEN_UTF8), bytes.subarray(at)]),
    (bytes, at, random) => {
        const copy = Buffer.from(bytes);
        if (copy.length) copy[at] ^= 1 << random.below(8);
        return copy;
    },
    (bytes, at, random) => {
        const from = random.below(bytes.length + 1);
        return Buffer.concat([
            bytes.subarray(0, at),
            bytes.subarray(Math.min(from, at), Math.max(from, at)),
            bytes.subarray(at),
        ]);
    },
];

/** Some bytes changed, most often into something that is no JSON any more. */
export function mutate(random, bytes) {
    let result = Buffer.from(bytes);
    for (let n = 1 + random.below(2); n > 0; n--) {
        result = random.pick(MUTATIONS)(result, random.below(result.length), random);
    }
    return result;
}

/** The value as the browser would see it, or undefined where it would throw. */
export function parse(bytes) {
    try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
        return undefined;
    }
}
