// The cluster: its instances, and the list of rooms, whose names begin as was typed.

import { ask } from './api.js';
import { $, h, sync, write } from './dom.js';
import { count, t, time } from './words.js';

const PAGE = 20;
const MOST = 1000; // that the API gives at once

let limit = PAGE;

/** Reads both anew and shows them; onOpen(name) is for a room that was chosen. */
export async function refresh(onOpen) {
    const [{ self, instances }] = await Promise.all([ask('/v1/instances'), find(onOpen)]);
    sync($('instances'), instances, ({ instance }) => instance, makeInstance, showInstance);
    showSelf(self, instances.length > 1);
}

/** Reads and shows the rooms alone. An answer to what is not asked for any more is dropped. */
export async function find(onOpen) {
    const prefix = $('prefix').value;
    const list = await ask(`/v1/rooms?${new URLSearchParams({ limit, ...(prefix && { prefix }) })}`);
    if (prefix !== $('prefix').value) return;
    const make = ({ room }) => makeRoom(room, onOpen);
    sync($('rooms'), list.rooms, ({ room }) => room, make, showRoom);
    $('rooms-empty').hidden = list.rooms.length > 0;
    $('more').hidden = !list.next || limit === MOST;
    $('missing').hidden = list.missing.length === 0;
    write($('missing'), t('missing', { names: list.missing.join(', ') }));
}

export function showMore() {
    limit = Math.min(limit + PAGE, MOST);
}

export function showFirst() {
    limit = PAGE;
}

function makeRoom(room, onOpen) {
    const button = h('button', { type: 'button', className: 'row', onclick: () => onOpen(room) });
    button.append(h('b', { textContent: room }), h('small'));
    return h('li', {}, button);
}

function showRoom(element, { peers, locked }) {
    const facts = [t('peers', { n: count(peers) }), ...(locked ? [t('locked')] : [])];
    write(element.querySelector('small'), facts.join(' · '));
}

/** Whose charts these are, and where those of the others are. */
function showSelf(instance, hasOthers) {
    for (const element of document.querySelectorAll('.self')) write(element, t('self', { instance }));
    $('others').hidden = !hasOthers;
}

function makeInstance({ instance }) {
    return h('li', { className: 'row' }, h('b', { textContent: instance }), h('small'), h('i'));
}

function showInstance(element, { connections, websockets, workers, version, started, draining, answers }) {
    const [, facts, state] = element.children;
    const shown = {
        connections: count(connections),
        websockets: count(websockets),
        workers: count(workers),
        version,
        since: time(started),
    };
    write(facts, t('instanceFacts', shown));
    write(state, answers ? (draining ? t('draining') : '') : t('silent'));
    state.hidden = state.textContent === '';
}
