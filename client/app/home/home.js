// Home: who I am and which room.

import { language } from '../i18n.js';
import { $, notice, showPlace } from '../parts/page.js';
import { isRoomName } from '../../protocol.js';
import { openInvitation } from '../room/invite.js';
import { freshName } from './names.js';

const NAME = 'roomline.name';
const query = new URLSearchParams(location.search);

// onJoin(name, room)
export function startHome(onJoin) {
    $('name').value = localStorage.getItem(NAME) ?? '';
    $('room').value = query.get('room') ?? freshName(language);
    $('fresh-room').onclick = () => {
        $('room').value = freshName(language);
        $('room').focus();
    };
    $('invite-home').onclick = () => {
        if (knownRoom()) openInvitation(knownRoom());
    };
    $('enter').onsubmit = (event) => {
        event.preventDefault();
        const name = $('name').value.trim();
        if (name && knownRoom()) onJoin(name, knownRoom());
    };
}

function knownRoom() {
    const room = $('room').value.trim();
    notice('door-notice', isRoomName(room) ? null : 'closed-bad-name');
    return isRoomName(room) ? room : null;
}

// key, values: what to say; name: to suggest
export function showHome({ key = null, values = {}, name = null } = {}) {
    if (name) $('name').value = name;
    notice('door-notice', key, values);
    showPlace('door');
    document.title = 'roomline';
    $($('name').value ? 'join' : 'name').focus();
}

export function rememberMe(name, room) {
    localStorage.setItem(NAME, name);
    query.set('room', room);
    history.replaceState(null, '', `?${query}`);
}
