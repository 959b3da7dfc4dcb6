// One room, in a dialog: its peers, and what may be done to it.

import { Refused, ask, path } from './api.js';
import { $, h, sync, write } from './dom.js';
import { count, has, order, t, time } from './words.js';

let room = null; // the name of the one that is shown
let peers = 0; // how many there are in it

const isGone = (error) => error instanceof Refused && error.status === 404;

/** What went wrong, in the page's language where it has words for it. */
export function explain(error) {
    if (!(error instanceof Refused)) throw error;
    return has(`failed-${error.code}`) ? t(`failed-${error.code}`) : error.message;
}

export function open(name) {
    room = name;
    write($('room-name'), name);
    say('');
    write($('room-facts'), '');
    show({ peers: [] });
    $('peers-empty').hidden = true;
    $('room').showModal();
    return refresh();
}

/** Reads the room that is shown anew. */
export async function refresh() {
    const asked = room;
    if (asked === null) return;
    try {
        const answer = await ask(path('v1', 'rooms', asked));
        if (asked === room) show(answer);
    } catch (error) {
        if (!isGone(error)) throw error;
        if (asked !== room) return;
        show({ peers: [] });
        write($('room-facts'), t('gone'));
    }
}

export function close() {
    for (const dialog of [$('confirm'), $('room')]) if (dialog.open) dialog.close();
}

function say(text, isBad = false) {
    write($('said'), text);
    $('said').className = isBad ? 'bad' : 'good';
}

/** Does it, says what came of it, and reads the room anew. */
async function act(change, success) {
    try {
        say(success(await change()));
        await refresh();
    } catch (error) {
        say(explain(error), true);
    }
}

// --- what it shows ---

function show({ peers: list, maxPeers, locked, bans = [] }) {
    peers = list.length;
    const facts = [
        t('roomFacts', { n: count(peers) }),
        ...(maxPeers ? [t('roomMax', { max: count(maxPeers) })] : []),
        ...(locked ? [t('locked')] : []),
        ...(bans.length ? [t('bans', { n: count(bans.length) })] : []),
    ];
    write($('room-facts'), facts.join(' · '));
    $('peers-empty').hidden = peers > 0;
    const sorted = [...list].sort((a, b) => order(a.peer, b.peer)); // the API's order is nobody's
    sync($('peers'), sorted, ({ peer }) => peer, makePeer, showPeer);
    showAddressees(sorted.filter(({ state }) => state === 'here'));
}

function makePeer({ peer }) {
    const kick = h('button', { type: 'button', className: 'button', textContent: t('kick'), onclick: () => kickPeer(peer) });
    kick.ariaLabel = t('kickName', { peer });
    const text = h('div', { className: 'row' }, h('b', { textContent: peer }), h('small'), h('small'), h('code'));
    return h('li', { className: 'peer' }, text, kick);
}

function showPeer(element, { state, since, instance, address, info }) {
    const [, life, place, told] = element.querySelector('.row').children;
    write(life, t('peerFacts', { state: t(state), since: time(since) }));
    write(place, instance === null ? '' : t('at', { instance, address: address ?? '–' }));
    write(told, Object.keys(info).length ? JSON.stringify(info) : '');
}

// The first is everybody; the others are told apart from it by their place, whatever their names.
function showAddressees(list) {
    const everybody = { key: 'all', name: t('everybody') };
    const all = [everybody, ...list.map(({ peer }) => ({ key: `peer ${peer}`, name: peer }))];
    const make = ({ name, key }) => h('option', { textContent: name, value: key });
    sync($('notice-to'), all, ({ key }) => key, make, () => {});
}

// --- what may be done ---

/** Asks first. Resolves to whether it is to be done. */
function confirm(text, verb, { ban = false } = {}) {
    const dialog = $('confirm');
    write($('confirm-text'), text);
    write($('yes'), verb);
    $('ban').hidden = !ban;
    $('ban-time').value = '0';
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
        dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    });
}

async function kickPeer(peer) {
    const from = room;
    if (!(await confirm(t('kickSure', { peer }), t('kick'), { ban: true }))) return;
    const ban = $('ban-time').value;
    const where = `${path('v1', 'rooms', from, 'peers', peer)}?ban=${ban}`;
    await act(
        () => ask(where, { method: 'DELETE' }),
        () => t('kicked', { peer }),
    );
}

async function closeRoom() {
    const name = room;
    if (!(await confirm(t('closeSure', { room: name, n: count(peers) }), t('close')))) return;
    await act(
        () => ask(path('v1', 'rooms', name), { method: 'DELETE' }),
        () => t('closed', { room: name }),
    );
}

async function sendNotice() {
    const to = $('notice-to').value;
    const body = { data: { text: $('notice-text').value } };
    if (to.startsWith('peer ')) body.peer = to.slice(5);
    await act(
        async () => {
            const answer = await ask(path('v1', 'rooms', room, 'notices'), { method: 'POST', body });
            $('notice-text').value = '';
            return answer;
        },
        ({ reached }) => t('sent', { n: count(reached) }),
    );
}

export function start() {
    $('room-back').addEventListener('click', close);
    $('room').addEventListener('close', () => (room = null));
    $('room-close').addEventListener('click', closeRoom);
    $('no').addEventListener('click', () => $('confirm').close('no'));
    $('yes').addEventListener('click', () => $('confirm').close('yes'));
    $('notice').addEventListener('submit', (event) => {
        event.preventDefault();
        void sendNotice();
    });
}
