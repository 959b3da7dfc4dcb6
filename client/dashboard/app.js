// The dashboard: the door, where the token is typed in, and the house, which is read anew every other
// second for as long as somebody looks.

import { Refused, ask, isAdmin, token } from './api.js';
import { $, write } from './dom.js';
import { take } from './now.js';
import * as room from './room.js';
import * as rooms from './rooms.js';
import { offerOtherLanguage, t, translate } from './words.js';

const EVERY = 2000; // ms

let timer = null;
let reading = false;

function place(name) {
    for (const other of ['door', 'elsewhere', 'house']) $(other).hidden = other !== name;
    $('sign-out').hidden = name !== 'house';
    write($('state'), '');
}

// --- the door ---

function showDoor(why = '') {
    token.forget();
    clearTimeout(timer);
    room.close();
    place('door');
    $('refused').hidden = why === '';
    write($('refused'), why);
    $('token').focus();
}

async function signIn(event) {
    event.preventDefault();
    token.set($('token').value.trim());
    try {
        await ask('/v1/instances');
    } catch (error) {
        showDoor(room.explain(error));
        return;
    }
    $('token').value = '';
    enter();
}

// --- the house ---

function enter() {
    place('house');
    void read();
}

function openRoom(name) {
    room.open(name).catch(fail);
}

function fail(error) {
    if (error instanceof Refused && error.status === 401) showDoor(room.explain(error));
    else if (error instanceof Refused) write($('state'), t('stale'));
    else throw error;
}

async function read() {
    clearTimeout(timer);
    if (reading || document.hidden || $('house').hidden) return;
    reading = true;
    try {
        await Promise.all([ask('/metrics').then((text) => take(text)), rooms.refresh(openRoom), room.refresh()]);
        write($('state'), t('live'));
    } catch (error) {
        fail(error);
    } finally {
        reading = false;
    }
    clearTimeout(timer);
    if (!$('house').hidden) timer = setTimeout(read, EVERY);
}

function findRooms() {
    rooms.showFirst();
    rooms.find(openRoom).catch(fail);
}

function listen() {
    $('sign-in').addEventListener('submit', signIn);
    $('sign-out').addEventListener('click', () => showDoor());
    $('find').addEventListener('submit', (event) => event.preventDefault());
    $('prefix').addEventListener('input', findRooms);
    $('more').addEventListener('click', () => {
        rooms.showMore();
        rooms.find(openRoom).catch(fail);
    });
    document.addEventListener('visibilitychange', () => void read());
}

async function start() {
    translate();
    offerOtherLanguage($('language'));
    listen();
    room.start();
    if (token.get() !== null) enter();
    else if (await isAdmin().catch(() => true)) showDoor();
    else place('elsewhere');
}

await start();
