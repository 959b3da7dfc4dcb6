// docs/webhooks.md: its check of signatures takes what the server sends, and nothing else; its answer lets in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from '../lint/files.js';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { Webhook, WEBHOOK_SECRET } from '../support/webhook.js';

const TEXT = textOf('docs/webhooks.md');
const [question, answer] = [...TEXT.matchAll(/```json\n(.*)\n```/g)].map(([, json]) => JSON.parse(json));
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
