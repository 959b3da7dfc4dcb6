// docs/webhooks.md: its check of signatures takes what the server sends, and nothing else; its answer lets in.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { textOf } from '../lint/files.js';
import { Book } from '../support/events.js';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { Webhook, WEBHOOK_SECRET } from '../support/webhook.js';

const TEXT = textOf('docs/webhooks.md');
const [question, answer, told] = [...TEXT.matchAll(/```json\n(.*)\n```/g)].map(([, json]) => JSON.parse(json));
const [, code] = /```js\n([^]*?)```/.exec(TEXT);
const { isGenuine } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

test('the question and the answer are as it says, and the signature is good', async (t) => {
    const hook = await Webhook.start(t, () => ({ body: answer }));
    const config = { 'auth.mode': 'webhook', 'webhooks.auth': hook.url, 'server.origins': question.origin };
    const env = { ROOMLINE_WEBHOOKS_SECRET: WEBHOOK_SECRET };
    const server = await ownServer(t, { config, env });
    const { room, peer, token } = question;
    const ann = await Peer.join(server, { room, peer, token, headers: { Origin: question.origin } });
    assert.equal(ann.id, answer.peer);
    assert.deepEqual(ann.joined.iceServers, answer.iceServers);
    const { headers, text, body } = await hook.requests.take();
    assert.deepEqual(body, { ...question, address: '127.0.0.1' });
    const header = headers['roomline-signature'];
    assert.equal(isGenuine(header, text, WEBHOOK_SECRET), true);
    assert.equal(isGenuine(header, `${text} `, WEBHOOK_SECRET), false);
    assert.equal(isGenuine(header, text, `${WEBHOOK_SECRET}x`), false);
    assert.equal(isGenuine(header, text, WEBHOOK_SECRET, Date.now() / 1000 + 600), false);
    assert.equal(isGenuine('', text, WEBHOOK_SECRET), false);
});

test('events are as it says', async (t) => {
    const book = await Book.start();
    const server = await ownServer(t, { config: book.config() });
    book.endWith(t);
    const [example] = told.events;
    const ann = await Peer.join(server, { room: example.room, peer: example.peer });
    await ann.leave();
    const { id, time, instance, ...rest } = await book.take('peer-left');
    assert.deepEqual(rest, { type: 'peer-left', room: 'kitchen', peer: 'ann', reason: 'left' });
    assert.deepEqual(Object.keys(book.events.find(({ type }) => type === 'peer-left')), Object.keys(example));
    assert.equal(id.length, example.id.length);
    assert.equal(typeof time, typeof example.time);
    assert.equal(typeof instance, typeof example.instance);
});

const noPython = spawnSync('python3', ['--version']).status !== 0 && 'there is no Python';
test('its check for Python does the same', { skip: noPython }, async (t) => {
    const [, python] = /```python\n([^]*?)```/.exec(TEXT);
    const book = await Book.start();
    const env = { ROOMLINE_WEBHOOKS_SECRET: WEBHOOK_SECRET };
    const server = await ownServer(t, { config: book.config(), env });
    book.endWith(t);
    await Peer.join(server);
    await book.take('peer-joined');
    const { headers, text } = book.hook.requests.items[0];
    const header = headers['roomline-signature'];
    const later = Date.now() / 1000 + 600;
    const cases = [
        [[header, text, WEBHOOK_SECRET], true],
        [[header, `${text} `, WEBHOOK_SECRET], false],
        [[header, text, `${WEBHOOK_SECRET}x`], false],
        [[header, text, WEBHOOK_SECRET, later], false],
        [['', text, WEBHOOK_SECRET], false],
    ];
    const code = `${python}
import json, sys
for header, body, secret, *now in json.load(sys.stdin):
    print(is_genuine(header, body.encode(), secret, *now))`;
    const input = JSON.stringify(cases.map(([args]) => args));
    const output = execFileSync('python3', ['-c', code], { input, encoding: 'utf8' });
    assert.deepEqual(output.trim().split('\n'), cases.map(([, good]) => (good ? 'True' : 'False')));
});
