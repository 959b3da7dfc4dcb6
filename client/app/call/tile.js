// One call on the page: picture or name, what state it is in, and what can be done with it alone.

import { has, label, say } from '../i18n.js';
import { $, fromTemplate, part } from '../parts/page.js';
import { paintAvatar } from '../parts/avatar.js';
import { watchQuality } from './quality.js';
import { showSafety } from './safety.js';

// What the page calls a state; an answered call still rings until the answer is on its way.
export function stageOf({ state, incoming }) {
    if (state !== 'ringing') return state;
    return incoming ? 'connecting' : 'calling';
}

export class Tile {
    element = fromTemplate('tile');
    #call;
    #name;

    constructor(call, name) {
        this.#call = call;
        this.#name = name;
        this.element.dataset.peer = call.peer;
        paintAvatar(part(this.element, 'avatar'), name);
        part(this.element, 'name').textContent = name;
        label(part(this.element, 'hang-up'), 'hangUpName', { name });
        part(this.element, 'hang-up').onclick = () => call.hangUp();
        label(part(this.element, 'safety'), 'safety', { name });
        part(this.element, 'safety').onclick = () => showSafety(call, name);
        label(part(this.element, 'muted'), 'muted', { name });
        watchQuality(call, name, part(this.element, 'quality'), part(this.element, 'details'));
        call.on('state', () => this.#showState());
        call.on('media', () => this.#showMedia());
        this.#showState();
        this.#showMedia();
    }

    get video() {
        return part(this.element, 'video');
    }

    #showState() {
        const stage = stageOf(this.#call);
        this.element.dataset.call = stage;
        say(part(this.element, 'text'), has(stage) ? stage : null, { name: this.#name });
        say($('spoken'), has(`spoken-${stage}`) ? `spoken-${stage}` : null, { name: this.#name });
    }

    #showMedia() {
        const { microphone, camera, screen } = this.#call.remoteMedia;
        this.element.toggleAttribute('data-screen', screen);
        // Before the other side has said anything, nothing is said of it.
        const isKnown = this.#call.state === 'connected';
        part(this.element, 'muted').hidden = microphone || !isKnown;
        this.element.toggleAttribute('data-dark', isKnown && !camera && !screen);
    }

    // Once it is in the page: Chromium may never start what was told to play before.
    play() {
        const { video } = this;
        const button = part(this.element, 'hear');
        // Until there is a picture, and where there is none, the name stands in for it.
        video.onresize = video.onemptied = () =>
            this.element.toggleAttribute('data-picture', video.videoWidth > 0);
        video.srcObject = this.#call.remoteStream;
        // A browser may want a touch before it makes a sound. Ended calls refuse with AbortError.
        const play = () =>
            video.play().then(
                () => (button.hidden = true),
                ({ name }) => (button.hidden = name !== 'NotAllowedError'),
            );
        button.onclick = play;
        video.onloadedmetadata = play;
    }

    close() {
        this.video.srcObject = null;
        this.element.remove();
    }
}
