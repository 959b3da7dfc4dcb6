// Talks of more than two: everyone has a call with everyone.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Talk } from '../../client/app/call/talk.js';
import { FakeServer, idle } from './fake_room.js';
import { Clock } from './fakes.js';

const GIVEN_UP = 46_000; // ms

let clock, server, people;

// Ann calls Ben, and Ben adds Cem.
beforeEach(async () => {
    clock = new Clock();
    clock.now = 1_000;
    server = new FakeServer();
    people = { ann: await enter('ann'), ben: await enter('ben'), cem: await enter('cem') };
    await people.ann.talk.call('ben');
    await idle();
    await people.ben.talk.call('cem');
    await idle();
});

afterEach(() => clock.restore());

// Somebody without a camera, who answers whoever calls.
async function enter(name) {
    const room = await server.join(name);
    const media = Object.assign(new EventTarget(), { open: async () => {}, stream: null, isOn: () => false });
    const talk = new Talk(room, media);
    const person = { room, talk, rings: 0 };
    room.on('call', ({ call }) => {
        if (!talk.takes(call)) person.rings++;
        talk.answer(call);
    });
    return person;
}

const between = (one, other) => people[one].room.calls.get(other);

// Neither side hears the other in time, over the connection or the server.
async function lose(one, other) {
    server.waiting = [];
    for (const call of [between(one, other), between(other, one)]) call.pc.ice('disconnected');
    clock.advance(GIVEN_UP);
    server.flush();
    await idle();
}

function setBusy(peer, busy) {
    for (const [other, socket] of server.sockets)
        if (other !== peer) socket.say({ type: 'peer-info', peer, info: { busy } });
}

test('who is added has a call with everybody, and only one of them rang', () => {
    for (const { talk } of Object.values(people)) assert.equal(talk.calls().length, 2);
    assert.deepEqual(Object.values(people).map(({ rings }) => rings), [0, 1, 1]);
});

test('two who lose each other are brought together again, a few times, without a ring', async () => {
    for (const peer of Object.keys(people)) setBusy(peer, true);
    for (const isAgain of [true, true, false]) {
        const { id } = between('ann', 'cem');
        await lose('ann', 'cem');
        assert.equal(between('ann', 'cem')?.state, isAgain ? 'connected' : undefined);
        assert.notEqual(between('ann', 'cem')?.id, id);
    }
    assert.equal(people.cem.rings, 1);
});

test('who has hung up with everybody is left alone', async () => {
    for (const peer of Object.keys(people)) setBusy(peer, peer !== 'cem');
    await lose('ann', 'cem');
    assert.equal(between('ann', 'cem'), undefined);
});
