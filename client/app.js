// The page: the door (name and room), the house (who is here, a call, its chat).
// What a call or a room does is in the SDK; this file only joins it to the elements of index.html.

import { Chat } from './chat.js';
import { has, t, translate } from './i18n.js';
import { openMedia } from './media.js';
import { People, nameOf, paintAvatar } from './people.js';
import { Room, RoomError } from './roomline.js';

const PATIENCE = 800; // ms that a lost connection may take to come back before anything is said
const NOTICE_TIME = 6_000; // ms

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

let room = null;
let call = null; // the one that is shown, from the first ring of the other side to the end
let ringing = null; // the one that asks to be answered
let media = null; // promise of { stream, problem }
let stream = null;

const people = new People($('people'), $('person'), (peer) => startCall(peer));
const chat = new Chat(
    $('chat-form'),
    $('chat-log'),
    $('chat-field'),
    (text) => call?.send(text) ?? false,
);

translate();
$('name').value = localStorage.getItem('roomline.name') ?? '';
$('room').value = query.get('room') ?? 'lobby';
$($('name').value ? 'join' : 'name').focus();

// ---- the door ----

$('enter').onsubmit = (event) => {
    event.preventDefault();
    enter($('name').value.trim(), $('room').value.trim());
};

// After a reload: straight back in.
if (sessionStorage.getItem('roomline.in') === $('room').value && $('name').value)
    $('enter').requestSubmit();

async function enter(name, roomName) {
    if (!name || !roomName || room) return;
    setJoining(true);
    try {
        room = new Room(roomName, { info: { name }, store: sessionStorage });
        watchRoom(room);
        await room.join();
        rememberMe(name, roomName);
        if (nameIsTaken(name)) return turnAway(name);
        openHouse(name, roomName);
    } catch (error) {
        if (!(error instanceof RoomError)) throw error;
        showDoor(closedText(error.code));
    } finally {
        setJoining(false);
    }
}

function setJoining(yes) {
    $('join').disabled = yes;
    $('join').textContent = t(yes ? 'joining' : 'join');
}

function rememberMe(name, roomName) {
    localStorage.setItem('roomline.name', name);
    sessionStorage.setItem('roomline.in', roomName);
    query.set('room', roomName);
    history.replaceState(null, '', `?${query}`);
}

// Of two people with one name the later one finds the other in the roster. Somebody who is away
// may be my own past, cut off before it could say good-bye.
function nameIsTaken(name) {
    return [...room.peers.values()].some(
        (entry) => entry.state === 'here' && nameOf(entry) === name,
    );
}

function turnAway(name) {
    const taken = new Set([...room.peers.values()].map(nameOf));
    let number = 2;
    while (taken.has(`${name} ${number}`)) number++;
    const leaving = room;
    room = null;
    leaving.leave();
    $('name').value = `${name} ${number}`;
    showDoor(t('closed-name-taken', { name }));
}

function closedText(reason) {
    return has(`closed-${reason}`) ? t(`closed-${reason}`) : t('closed-other', { reason });
}

function showDoor(text = '') {
    sessionStorage.removeItem('roomline.in');
    show('door-notice', text);
    $('house').hidden = true;
    $('door').hidden = false;
    document.title = 'roomline';
    $('join').focus();
}

// ---- the house ----

async function openHouse(name, roomName) {
    $('door').hidden = true;
    $('house').hidden = false;
    $('room-name').textContent = roomName;
    $('my-name').textContent = name;
    paintAvatar($('my-avatar'), name);
    paintAvatar($('self-avatar'), name);
    document.title = `${roomName} · roomline`;
    showPeople();
    const opened = await (media = openMedia());
    if (!room) return stopMedia(opened.stream);
    stream = opened.stream;
    $('local').srcObject = stream;
    show('media-notice', opened.problem && t(opened.problem));
    showTracks();
}

function stopMedia(those) {
    for (const track of those?.getTracks() ?? []) track.stop();
}

function watchRoom(room) {
    let timer;
    room.addEventListener('state', ({ state }) => {
        clearTimeout(timer);
        if (state === 'resuming' || state === 'connecting')
            timer = setTimeout(() => sayLinkLost(state), PATIENCE);
        else sayLink('');
        document.body.dataset.link = state;
    });
    room.addEventListener('roster', showPeople);
    room.addEventListener('call', ({ call }) => ring(call));
    room.addEventListener('closed', ({ reason }) => leaveHouse(reason));
}

function sayLinkLost(state) {
    sayLink(t(state === 'connecting' ? 'link-slow' : call ? 'link-lost-in-call' : 'link-lost'));
}

function sayLink(text) {
    show('link-notice', text);
    if (!$('door').hidden) show('door-notice', text);
}

function showPeople() {
    if (!room) return;
    const { size } = room.peers;
    people.show(room.peers, !call);
    $('count').textContent = size + 1;
    $('alone').hidden = size > 0;
    $('caption').textContent = t(size > 0 ? 'selfHint' : 'selfHintAlone');
}

function leaveHouse(reason) {
    if (!room) return;
    room = null;
    call?.hangUp();
    ringing?.decline();
    stopMedia(stream);
    stream = $('local').srcObject = null;
    showDoor(reason === 'left' ? '' : closedText(reason));
}

$('leave').onclick = () => room.leave();

$('copy-link').hidden = !navigator.clipboard; // as on a page that came over plain http
$('copy-link').onclick = async () => {
    const label = $('copy-link').querySelector('span');
    try {
        await navigator.clipboard.writeText(location.href);
    } catch {
        return; // refused; the address bar has it too
    }
    label.textContent = t('copied');
    setTimeout(() => (label.textContent = t('copyLink')), 2_000);
};

// ---- calls ----

async function startCall(peer) {
    if (call) return;
    await media; // whoever is quicker than the camera
    if (!call && room?.peers.has(peer)) follow(room.call(peer, { stream }));
}

function ring(incoming) {
    if (call || ringing) return incoming.decline('busy');
    const name = nameOf(room.peers.get(incoming.peer));
    ringing = incoming;
    paintAvatar($('ring-avatar'), name);
    $('ring-text').textContent = document.title = t('incoming', { name });
    $('ring').showModal();
    incoming.addEventListener('state', stopRinging, { once: true });
    incoming.addEventListener(
        'ended',
        ({ reason }) => {
            if (reason !== 'declined') show('call-notice', t('missed', { name }), NOTICE_TIME);
        },
        { signal: untilAnswered(incoming) },
    );
}

function untilAnswered(incoming) {
    const answered = new AbortController();
    incoming.addEventListener('state', ({ state }) => state === 'connecting' && answered.abort());
    return answered.signal;
}

function stopRinging() {
    ringing = null;
    $('ring').close();
    document.title = `${$('room-name').textContent} · roomline`;
}

$('accept').onclick = async () => {
    const incoming = ringing;
    await media;
    if (incoming?.state !== 'ringing') return;
    follow(incoming);
    incoming.accept({ stream });
};
$('decline').onclick = () => ringing?.decline();
// The Escape key.
$('ring').oncancel = (event) => {
    event.preventDefault();
    ringing?.decline();
};

function follow(next) {
    const name = nameOf(room.peers.get(next.peer));
    call = next;
    call.addEventListener('state', () => showCall(name));
    call.addEventListener('message', ({ text }) => chat.add('theirs', text));
    call.addEventListener('ended', ({ reason }) => endCall(name, reason));
    $('remote').srcObject = call.remoteStream;
    paintAvatar($('other-avatar'), name);
    chat.clear();
    $('chat-log').dataset.empty = t('chatEmpty', { name });
    show('call-notice', '');
    tellBusy();
    showCall(name);
    showPeople();
}

// What the page calls a state; an answered call still rings until the answer is on its way.
function stageOf({ state, incoming }) {
    if (state !== 'ringing') return state;
    return incoming ? 'connecting' : 'calling';
}

function showCall(name) {
    const stage = stageOf(call);
    $('stage').dataset.call = stage;
    $('other-text').textContent = has(stage) ? t(stage, { name }) : '';
    $('other-name').textContent = name;
    $('chat').hidden = !(stage === 'connected' || stage === 'reconnecting');
}

function endCall(name, reason) {
    call = null;
    $('stage').dataset.call = 'idle';
    $('remote').srcObject = null;
    $('chat').hidden = true;
    if (!room) return;
    show(
        'call-notice',
        t(has(`ended-${reason}`) ? `ended-${reason}` : 'ended-hangup', { name }),
        NOTICE_TIME,
    );
    tellBusy();
    showPeople();
}

function tellBusy() {
    if (room) room.info = { ...room.info, busy: call !== null };
}

$('hang-up').onclick = () => call?.hangUp();

// Until there is a picture, and where there is none, the name stands in for it.
$('remote').onresize = $('remote').onemptied = () => {
    $('stage').toggleAttribute('data-picture', $('remote').videoWidth > 0);
};

// ---- my own picture and sound ----

const controls = { microphone: 'audio', camera: 'video' };

for (const [id, kind] of Object.entries(controls)) {
    $(id).onclick = () => {
        for (const track of tracksOf(kind)) track.enabled = !track.enabled;
        showTracks();
    };
}

function tracksOf(kind) {
    return stream?.getTracks().filter((track) => track.kind === kind) ?? [];
}

function showTracks() {
    for (const [id, kind] of Object.entries(controls)) {
        const tracks = tracksOf(kind);
        $(id).disabled = tracks.length === 0;
        $(id).ariaPressed = String(tracks.some((track) => track.enabled));
    }
    const seen = $('camera').ariaPressed === 'true';
    $('local').hidden = !seen;
    $('self-avatar').hidden = seen;
}

// ---- notices ----

const noticeTimers = new Map();

// An empty text hides it; ms: for how long to show it.
function show(id, text, ms) {
    clearTimeout(noticeTimers.get(id));
    $(id).textContent = text ?? '';
    $(id).hidden = !text;
    const hide = () => show(id, '');
    if (text && ms) noticeTimers.set(id, setTimeout(hide, ms));
}
