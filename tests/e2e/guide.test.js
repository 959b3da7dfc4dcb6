// The pieces of code in docs/sdk.md, each run as it stands in real pages. What a piece takes as given
// (`room`, `call`, `stream`) is made beforehand; what it logs and throws is looked at.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { arriveBare, callBare, joinBare, site } from './bare.js';
import { PLAIN, suite } from './suite.js';

const GUIDE = readFileSync(new URL('../../docs/sdk.md', import.meta.url), 'utf8');
const pieces = [...GUIDE.matchAll(/^## (.+)$|^```js\n([\s\S]*?)^```$/gm)].reduce(
    (all, [, title, code]) => {
        if (title) all.title = title;
        else all.push({ title: all.title, code });
        return all;
    },
    [],
);

const HEAD = `const { join, Room, RoomError } = window.sdk;
const { room, call, stream } = window.given;
const log = [];
const console = { log: (...values) => log.push(values), warn: (...values) => log.push(values) };
window.log = log;
`;

// A piece that declares what it takes from `given` is right to do so.
// Each has a room of its own, for those of the piece before are away for a while.
function moduleOf(code, room) {
    const own = new Set([...code.matchAll(/^const (?:\[)?(\w+)/gm)].map(([, name]) => name));
    const given = ['room', 'call', 'stream'].filter((name) => !own.has(name));
    return `${HEAD.replace('{ room, call, stream }', `{ ${given.join(', ')} }`)}${code.replaceAll("'kitchen'", `'${room}'`)}
window.done = true;
`;
}

const files = Object.fromEntries(pieces.map(({ code }, i) => [`piece-${i}.js`, moduleOf(code, `kitchen-${i}`)]));

suite('guide', PLAIN, { args: site(files) }, (on) => {
    assert.ok(pieces.length >= 8);
    for (const [i, { title, code }] of pieces.entries()) {
        test(`${title}: piece ${i + 1}`, async (t) => {
            const [ann, ben] = await Promise.all(
                ['ann', 'ben'].map((name) => arriveBare(t, on.url, { name })),
            );
            // Ben answers, and echoes what Ann sends.
            await joinBare(ben, `kitchen-${i}`, { name: 'ben' });
            await ben.page.evaluate(() => {
                window.room.on('signal', ({ from, data }) => window.room.signal(from, data));
                window.room.on('call', ({ call }) => {
                    document.getElementById('remote').srcObject = call.remoteStream;
                    call.on('message', ({ text }) => {
                        call.send(text);
                        call.sendFile(new File(['echo'], 'echo.txt'));
                    });
                    call.on('file', ({ file }) => file.accept());
                });
            });
            const needsCall = /\bcall\./.test(code) && !/\broom\.call\(/.test(code);
            if (needsCall) {
                await joinBare(ann, `kitchen-${i}`, { name: 'ann' });
                await callBare(ann, ben, 'ben');
            }
            await ann.page.evaluate(
                ([i, again]) => {
                    const { room, stream } = window;
                    document.body.append(document.createElement('video'));
                    if (again) {
                        window.call.hangUp();
                        window.call = room.call('ben', { stream });
                    }
                    window.given = { room, call: window.call, stream };
                    return import(`/piece-${i}.js`);
                },
                [i, code.includes("'open'")], // whose call must not be open yet
            );
            await ann.page.waitForFunction(() => window.done);
            for (const expected of EXPECTED[title]?.[code.includes('leaving') ? 1 : 0] ?? [])
                await ann.page.waitForFunction(
                    (expected) => JSON.stringify(window.log).includes(expected),
                    expected,
                );
            if (/room\.call\(/.test(code)) await ben.seesMotion();
        });
    }

    test('every title with code is looked at', () => {
        const titles = new Set(pieces.map(({ title }) => title));
        assert.deepEqual([...titles].sort(), Object.keys(EXPECTED).sort());
    });
});

// Under each title, for each of its pieces: what is logged, as JSON.
const EXPECTED = {
    'Enter a room': [['["ben"]'], []],
    Events: [['["left"]']],
    'Call somebody': [[]],
    'Mute, another camera, the screen': [
        ['{"microphone":true,"camera":true,"screen":false}', '{"microphone":false,"camera":false,"screen":false}'],
    ],
    'Chat and files': [['["echo.txt",4,""]', '[4]', '[1]']],
    'How it goes': [['["direct",']],
    'Your own connections': [['["ben",{"hello":"there"}]']],
};
