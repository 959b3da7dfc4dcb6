// The room: who is here, who calls, whether the connection to the server is there.

import { has } from '../i18n.js';
import { $, notice, showPlace } from '../parts/page.js';
import { nameOf, paintAvatar } from '../parts/avatar.js';
import { Chat } from '../call/chat.js';
import { nameSelf } from '../call/self.js';
import { watchSide } from '../call/side.js';
import { Stage } from '../call/stage.js';
import { Talk } from '../call/talk.js';
import { openInvitation } from './invite.js';
import { showPeople } from './people.js';
import { isRinging, ring } from './ring.js';

const PATIENCE = 800; // ms that a lost connection may take to come back before anything is said
const NOTICE_TIME = 6_000; // ms
const INTRODUCTION = 1_000; // ms that whoever introduces a caller may be slower than the caller

export class RoomPlace {
    #room;
    #media;
    #talk;

    // room: may still be joining; onClosed(reason)
    constructor(room, media, onClosed) {
        this.#room = room;
        this.#media = media;
        this.#talk = new Talk(room, media);
        this.#watchLink();
        room.on('roster', () => this.#showPeople());
        room.on('call', ({ call }) => this.#called(call));
        room.on('closed', ({ reason }) => {
            clearTimeout(this.#linkTimer);
            this.#talk.close();
            onClosed(reason);
        });
    }

    async open(name) {
        const { name: roomName } = this.#room;
        const chat = new Chat(this.#room, this.#talk);
        new Stage(this.#room, this.#talk, this.#media);
        watchSide(this.#talk, () => chat.shown());
        this.#talk.on('begin', () => this.#tellBusy(true));
        this.#talk.on('end', () => this.#tellBusy(false));
        this.#talk.on('change', () => this.#showPeople());
        $('room-name').textContent = $('room-name').title = roomName;
        $('my-name').textContent = name;
        paintAvatar($('my-avatar'), name);
        nameSelf(name);
        $('leave').onclick = () => this.#room.leave();
        for (const id of ['invite-room', 'invite-alone']) $(id).onclick = () => openInvitation(roomName);
        document.title = `${roomName} · roomline`;
        showPlace('house');
        this.#showPeople();
        await this.#media.open();
        notice('media-notice', this.#media.problem);
    }

    #showPeople() {
        showPeople(this.#room.peers, this.#talk, (peer) => this.#talk.call(peer));
    }

    #called(call) {
        if (this.#talk.takes(call)) return this.#talk.answer(call);
        if (isRinging()) return call.decline('busy');
        if (this.#talk.size > 0) return setTimeout(() => call.decline('busy'), INTRODUCTION);
        ring(call, nameOf(this.#room.peers.get(call.peer)), {
            onAccept: (call) => this.#talk.answer(call),
            onMissed: (name) => notice('call-notice', 'missed', { name }, NOTICE_TIME),
        });
    }

    #tellBusy(busy) {
        if (this.#room.state !== 'closed') this.#room.info = { ...this.#room.info, busy };
    }

    #linkTimer;

    #watchLink() {
        const { dataset } = document.body;
        this.#room.on('state', ({ state }) => {
            clearTimeout(this.#linkTimer);
            if (state === 'resuming' || state === 'connecting')
                this.#linkTimer = setTimeout(() => this.#sayLost(state), PATIENCE);
            else sayLink(null);
            dataset.link = state;
        });
    }

    #sayLost(state) {
        const lost = this.#talk.size > 0 ? 'link-lost-in-call' : 'link-lost';
        sayLink(state === 'connecting' ? 'link-slow' : lost);
    }
}

// Before one is in there is only the home, or the place before entering, to say it.
function sayLink(key) {
    for (const id of ['link-notice', 'prejoin-link']) notice(id, key);
    if (key && !$('door').hidden) notice('door-notice', key);
}

// Why a room closed, as what to say of it.
export function closedNotice(reason) {
    if (reason === 'left') return {};
    const key = `closed-${reason}`;
    return has(key) ? { key } : { key: 'closed-other', values: { reason } };
}
