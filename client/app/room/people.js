// The list of who is in the room, with a button each to call them or add them to the call.

import { canCall } from '../../calls.js';
import { label, say } from '../i18n.js';
import { $, fromTemplate, part } from '../parts/page.js';
import { nameOf, paintAvatar } from '../parts/avatar.js';

// peers: of the room; talk: whom I am talking with; onCall(peer)
export function showPeople(peers, talk, onCall) {
    const entries = [...peers.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const focused = document.activeElement?.closest('#people li')?.dataset.peer;
    const known = new Map([...$('people').children].map((row) => [row.dataset.peer, row]));
    const rows = entries.map((entry) => show(known.get(entry.peer) ?? fromTemplate('person'), entry, talk, onCall));
    arrange($('people'), rows);
    keepFocus(rows.find(({ dataset }) => dataset.peer === focused));
    $('count').textContent = String(entries.length + 1);
    $('alone').hidden = entries.length > 0;
    say($('caption'), entries.length > 0 ? 'selfHint' : 'selfHintAlone');
}

// Who stays is not touched: a press that has begun would be lost.
function arrange(list, rows) {
    for (const row of [...list.children]) if (!rows.includes(row)) row.remove();
    rows.forEach((row, i) => row === list.children[i] || list.insertBefore(row, list.children[i] ?? null));
}

// A call takes the button away that made it, and its end those of the call. In a call the focus does
// not go to the one that hangs up: Enter may come twice.
function keepFocus(row) {
    const button = row?.querySelector('button');
    if (button) return (button.hidden ? $('microphone') : button).focus();
    if (document.activeElement.checkVisibility?.() === false)
        (document.querySelector('#people button:enabled:not([hidden])') ?? $('invite-room')).focus();
}

function statusOf({ state, info }) {
    if (state === 'away') return 'away';
    return info?.busy ? 'busy' : 'here';
}

function show(item, entry, talk, onCall) {
    const name = nameOf(entry);
    const status = statusOf(entry);
    item.dataset.status = status;
    item.dataset.peer = entry.peer;
    paintAvatar(part(item, 'avatar'), name);
    part(item, 'name').textContent = name;
    say(part(item, 'status'), status);
    const button = part(item, 'call');
    say(part(button, 'text'), talk.size > 0 ? 'add' : 'call');
    label(button, talk.size > 0 ? 'addName' : 'callName', { name });
    button.disabled = status !== 'here' || talk.isFull || !canCall();
    button.hidden = talk.has(entry.peer);
    button.onclick = () => onCall(entry.peer);
    return item;
}
