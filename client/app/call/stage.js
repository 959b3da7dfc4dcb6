// The pictures of all calls of the talk, side by side, and the buttons for all of them.

import { has } from '../i18n.js';
import { $, notice } from '../parts/page.js';
import { nameOf } from '../parts/avatar.js';
import { Tile, stageOf } from './tile.js';

// The best of all calls is how the talk goes.
const ORDER = ['connected', 'reconnecting', 'connecting', 'calling'];
const NOTICE_TIME = 6_000; // ms

export class Stage {
    #talk;
    #tiles = new Map(); // call -> Tile

    constructor(room, talk, media) {
        this.#talk = talk;
        talk.on('call', ({ call }) => this.#add(call, nameOf(room.peers.get(call.peer))));
        talk.on('ended', ({ call, reason }) => this.#remove(call, reason));
        talk.on('change', () => this.#show());
        this.#watchButtons(media);
        this.#show();
    }

    #add(call, name) {
        notice('call-notice', null);
        const tile = new Tile(call, name);
        this.#tiles.set(call, { tile, name });
        $('tiles').append(tile.element);
        tile.play();
    }

    #remove(call, reason) {
        const { tile, name } = this.#tiles.get(call);
        this.#tiles.delete(call);
        tile.close();
        const word = `ended-${reason}`;
        notice('call-notice', has(word) ? word : 'ended-hangup', { name }, NOTICE_TIME);
    }

    #show() {
        const stages = new Set(this.#talk.calls().map(stageOf));
        $('stage').dataset.call = ORDER.find((stage) => stages.has(stage)) ?? 'idle';
        $('tiles').dataset.count = String(this.#tiles.size);
        $('house').toggleAttribute('data-in-call', this.#tiles.size > 0);
        $('self').tabIndex = this.#tiles.size > 0 ? 0 : -1;
        $('screen').ariaPressed = String(this.#talk.screen !== null);
    }

    #watchButtons(media) {
        const talk = this.#talk;
        $('hang-up').onclick = () => talk.hangUp();
        $('screen').hidden = !navigator.mediaDevices?.getDisplayMedia; // as on phones
        // Whoever closes the browser's question without choosing has not failed.
        $('screen').onclick = () => (talk.screen ? talk.stopScreen() : talk.shareScreen().catch(() => {}));
        $('flip').onclick = () => media.flip();
        media.addEventListener('change', () => showFlip(media), { signal: talk.until.signal });
        $('pip').hidden = !document.pictureInPictureEnabled;
        $('pip').onclick = () => this.#togglePip();
        $('full').hidden = !document.fullscreenEnabled; // as on iPhones
        $('full').onclick = () =>
            document.fullscreenElement ? document.exitFullscreen() : $('house').requestFullscreen();
        $('more').onclick = () => {
            const isOpen = $('controls').toggleAttribute('data-more');
            $('more').ariaExpanded = String(isOpen);
        };
        showFlip(media);
    }

    #togglePip() {
        if (document.pictureInPictureElement) return document.exitPictureInPicture();
        const { tile } = [...this.#tiles.values()].find(({ tile }) => tile.video.videoWidth > 0) ?? {};
        return tile?.video.requestPictureInPicture().catch(() => {});
    }
}

// Two cameras of a thing that one turns in the hand.
async function showFlip(media) {
    const cameras = await media.devices('video');
    $('flip').hidden = cameras.length < 2 || !matchMedia('(pointer: coarse)').matches;
}
