// What the real server says follows docs/asyncapi.yaml, field by field.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Peer, freshRoom } from '../support/peer.js';
import { fits } from '../support/schema.js';
import { startServer } from '../support/server.js';
import { dropConnections } from '../support/upgrade.js';

let server;
before(async () => {
    const ice = '[{urls: "stun:stun.example.org"}, {urls: ["turn:turn.example.org"], username: u, credential: c}]';
    server = await startServer({ config: { 'session.ice_servers': ice, 'drain.deadline': '5s' } });
});
after(async () => {
    dropConnections();
    if (!server.exit) await server.stop();
});

const said = new Map();

/** Checks a message and remembers that its type was seen. */
function check(message) {
    const { text, ...fields } = message;
    const object = text ? JSON.parse(text) : fields;
    assert.equal(fits(object, { strict: true }), null, JSON.stringify(object));
    said.set(object.type, object);
}

test('presence, signals, errors and resumption', async () => {
    const room = freshRoom();
    const a = await Peer.join(server, { room, peer: 'a', info: { name: 'Ann' } });
    const b = await Peer.join(server, { room, peer: 'b' });
    check(a.joined);
    check(b.joined);
    check(await a.until('peer-joined'));
    b.send({ type: 'info', info: { muted: true } });
    check(await a.until('peer-info'));
    a.signal('b', { any: ['thing', null, 1.5] });
    check(await b.until('signal'));
    a.send({ type: 'ping', received: 0 });
    check(await a.until('pong'));
    a.send({ type: 'signal', to: 'nobody', data: 1, id: 7 });
    check(await a.until('error'));
    await b.lose();
    check(await a.until('peer-away'));
    const again = await Peer.join(server, {
        room,
        resume: { session: b.session, received: b.received },
    });
    assert.equal(again.joined.resumed, true);
    check(again.joined);
    check(await a.until('peer-back'));
    again.send({ type: 'leave' });
    check(await a.until('peer-left'));
});

test('a drain', async () => {
    const a = await Peer.join(server, {});
    const stopped = server.stop();
    check(await a.until('goaway'));
    dropConnections();
    await stopped;
});

test('every message the server sends without tokens or an administrator was seen', () => {
    const rest = ['error', 'goaway', 'joined', 'peer-away', 'peer-back', 'peer-info', 'peer-joined'];
    assert.deepEqual([...said.keys()].sort(), [...rest, 'peer-left', 'pong', 'signal']);
});
