// A QR code of a text (ISO/IEC 18004): bytes, error correction M, versions 1 to 10. That holds 213
// bytes, enough for an invitation; whatever is longer has no code. It is here, and not a library's,
// because pages load nothing from elsewhere and this project keeps no copies of others' code.

const MODE_BYTE = 4;

// Of each version, at level M: correction bytes of a block, and [blocks, data bytes each] once or twice.
const versions = [
    [10, [1, 16]],
    [16, [1, 28]],
    [26, [1, 44]],
    [18, [2, 32]],
    [24, [2, 43]],
    [16, [4, 27]],
    [18, [4, 31]],
    [22, [2, 38], [2, 39]],
    [22, [3, 36], [2, 37]],
    [26, [4, 43], [1, 44]],
].map(([correction, ...groups], index) => ({ number: index + 1, correction, groups }));

const alignments = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

const masks = [
    (x, y) => (x + y) % 2 === 0,
    (x, y) => y % 2 === 0,
    (x) => x % 3 === 0,
    (x, y) => (x + y) % 3 === 0,
    (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
    (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
    (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
    (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

const capacity = ({ groups }) => groups.reduce((sum, [blocks, size]) => sum + blocks * size, 0);

// Returns rows of booleans, true for black, without the white edge; null where the text is too long.
// mask: 0 to 7; left out, the one that is easiest to read.
export function encode(text, mask) {
    const bytes = new TextEncoder().encode(text);
    const version = versions.find((one) => dataBits(one, bytes).length <= capacity(one) * 8);
    if (!version) return null;
    const words = interleave(version, pad(dataBits(version, bytes), capacity(version)));
    const codes = masks.map((isTurned, index) => draw(version, words, isTurned, index));
    if (mask !== undefined) return codes[mask];
    const penalties = codes.map(penalty);
    return codes[penalties.indexOf(Math.min(...penalties))];
}

// ---- data ----

const bitsOf = (value, count) => Array.from({ length: count }, (_, i) => (value >> (count - 1 - i)) & 1);

function dataBits({ number }, bytes) {
    const length = bitsOf(bytes.length, number < 10 ? 8 : 16);
    return [...bitsOf(MODE_BYTE, 4), ...length, ...[...bytes].flatMap((byte) => bitsOf(byte, 8))];
}

function pad(bits, size) {
    const full = [...bits, 0, 0, 0, 0].slice(0, size * 8);
    while (full.length % 8) full.push(0);
    const words = [];
    for (let i = 0; i < full.length; i += 8) words.push(parseInt(full.slice(i, i + 8).join(''), 2));
    for (let i = 0; words.length < size; i++) words.push(i % 2 ? 0x11 : 0xec);
    return words;
}

// Byte by byte of all blocks, the correction after the data.
function interleave({ correction, groups }, words) {
    const blocks = [];
    let at = 0;
    for (const [count, size] of groups)
        for (let i = 0; i < count; i++, at += size) blocks.push(words.slice(at, at + size));
    const generator = generatorOf(correction);
    return [...across(blocks), ...across(blocks.map((block) => remainder(block, generator)))];
}

function across(blocks) {
    const longest = Math.max(...blocks.map(({ length }) => length));
    const words = [];
    for (let i = 0; i < longest; i++)
        for (const block of blocks) if (i < block.length) words.push(block[i]);
    return words;
}

// ---- Reed-Solomon over GF(256), x^8 + x^4 + x^3 + x^2 + 1 ----

function multiply(a, b) {
    let product = 0;
    for (; b > 0; b >>= 1) {
        if (b & 1) product ^= a;
        a = a & 0x80 ? (a << 1) ^ 0x11d : a << 1;
    }
    return product;
}

// (x - 1)(x - 2)(x - 4)..., without its leading 1
function generatorOf(degree) {
    let polynomial = [1];
    for (let i = 0, root = 1; i < degree; i++, root = multiply(root, 2)) {
        const next = [...polynomial, 0];
        polynomial.forEach((factor, at) => (next[at + 1] ^= multiply(factor, root)));
        polynomial = next;
    }
    return polynomial.slice(1);
}

function remainder(block, generator) {
    const rest = generator.map(() => 0);
    for (const word of block) {
        const factor = word ^ rest.shift();
        rest.push(0);
        generator.forEach((value, at) => (rest[at] ^= multiply(value, factor)));
    }
    return rest;
}

// ---- the picture ----

function draw({ number }, words, mask, maskIndex) {
    const size = number * 4 + 17;
    const rows = Array.from({ length: size }, () => Array(size).fill(null)); // null: free for data
    const put = (x, y, value) => {
        if (x >= 0 && y >= 0 && x < size && y < size) rows[y][x] = Boolean(value);
    };
    for (let i = 0; i < size; i++) {
        put(i, 6, i % 2 === 0);
        put(6, i, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(put, x, y, 4, [2, 4]);
    for (const x of alignments[number - 1])
        for (const y of alignments[number - 1]) {
            const isCorner = (x === 6 && y === 6) || (x === 6 && y > size - 9) || (y === 6 && x > size - 9);
            if (!isCorner) square(put, x, y, 2, [1]);
        }
    drawFormat(put, size, maskIndex);
    if (number >= 7) drawVersion(put, size, number);
    drawData(rows, words, mask);
    return rows;
}

// Rings around a middle; those of `white` are white.
function square(put, x, y, radius, white) {
    for (let dy = -radius; dy <= radius; dy++)
        for (let dx = -radius; dx <= radius; dx++)
            put(x + dx, y + dy, !white.includes(Math.max(Math.abs(dx), Math.abs(dy))));
}

// A BCH code: the value and the rest of its division.
function withRest(value, bits, polynomial) {
    let rest = value << bits;
    for (let i = 31 - Math.clz32(rest); i >= bits; i--) if ((rest >> i) & 1) rest ^= polynomial << (i - bits);
    return (value << bits) | rest;
}

// Level M is 00.
function drawFormat(put, size, maskIndex) {
    const code = withRest(maskIndex, 10, 0x537) ^ 0x5412;
    for (let i = 0; i < 15; i++) {
        const bit = (code >> i) & 1;
        const along = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
        put(8, along, bit);
        const back = i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i;
        put(back, 8, bit);
    }
    put(8, size - 8, true);
}

function drawVersion(put, size, number) {
    const code = withRest(number, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
        const [near, far] = [Math.floor(i / 3), size - 11 + (i % 3)];
        put(near, far, (code >> i) & 1);
        put(far, near, (code >> i) & 1);
    }
}

// Two columns at a time from the right, up and down in turn, around the column of the timing pattern.
function drawData(rows, words, mask) {
    const size = rows.length;
    let at = 0;
    for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
        if (right === 6) right = 5;
        for (let i = 0; i < size; i++) {
            const y = up ? size - 1 - i : i;
            for (const x of [right, right - 1]) {
                if (rows[y][x] !== null) continue;
                const bit = (words[at >> 3] >> (7 - (at & 7))) & 1; // none left: 0
                rows[y][x] = Boolean(bit) !== mask(x, y);
                at++;
            }
        }
    }
}

// How hard it is to read.
function penalty(rows) {
    const columns = rows.map((_, x) => rows.map((row) => row[x]));
    const size = rows.length;
    let sum = 0;
    for (const line of [...rows, ...columns]) {
        const text = line.map(Number).join('');
        for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
        for (const pattern of ['10111010000', '00001011101'])
            for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + 1)) sum += 40;
    }
    for (let y = 1; y < size; y++)
        for (let x = 1; x < size; x++) {
            const same = (other) => other === rows[y][x];
            if ([rows[y - 1][x], rows[y][x - 1], rows[y - 1][x - 1]].every(same)) sum += 3;
        }
    const black = rows.flat().filter(Boolean).length;
    return sum + 10 * Math.floor(Math.abs((black * 20) / (size * size) - 10));
}

// Into an <svg>, which is hidden where there is no code.
export function drawCode(svg, text) {
    const rows = encode(text);
    svg.toggleAttribute('hidden', !rows);
    if (!rows) return;
    const edge = 4;
    const size = rows.length + 2 * edge;
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    const squares = rows.flatMap((row, y) =>
        row.map((black, x) => (black ? `M${x + edge} ${y + edge}h1v1h-1z` : '')),
    );
    path.setAttribute('d', squares.join(''));
    svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
    svg.setAttribute('shape-rendering', 'crispEdges');
    svg.replaceChildren(path);
}
