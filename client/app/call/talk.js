// The talk that I am in: one call, or up to five with one of each of the others. What is on the page
// of it is in stage.js and chat.js.
//
// Events: `change`; `begin` and `end`, of the first and the last call; `call` { call }, to be shown;
// `ended` { call, reason }.

import { Emitter } from '../../emitter.js';
import { fitPictures } from './fit.js';
import { Group } from './group.js';

const MOST = 5; // calls: six people, which is what phones bear

export class Talk extends Emitter {
    screen = null; // the stream that is shown in place of the camera
    #calls = new Map(); // peer ID -> Call
    #room;
    #media;
    #group;

    constructor(room, media) {
        super();
        this.#room = room;
        this.#media = media;
        this.#group = new Group(room, this);
        this.on('change', () => fitPictures(this.calls(), this.screen !== null));
        this.until = new AbortController();
        const { signal } = this.until;
        media.addEventListener('change', () => this.#tellSwitches(), { signal });
        media.addEventListener('track', ({ kind, track }) => this.#replace(kind, track), { signal });
    }

    get size() {
        return this.#calls.size;
    }

    get isFull() {
        return this.#calls.size >= MOST;
    }

    has(peer) {
        return this.#calls.has(peer);
    }

    // Whether both of us want to talk.
    hasAgreed(peer) {
        return this.isWith(peer) || this.#calls.get(peer)?.state === 'connecting';
    }

    // Whether there is a connection, if perhaps a lame one.
    isWith(peer) {
        return /^(connected|reconnecting)$/.test(this.#calls.get(peer)?.state ?? '');
    }

    peers() {
        return [...this.#calls.keys()];
    }

    calls() {
        return [...this.#calls.values()];
    }

    async call(peer) {
        await this.#media.open(); // whoever is quicker than the camera
        if (this.has(peer) || this.isFull || !this.#room.peers.has(peer)) return;
        this.#add(this.#room.call(peer, { stream: this.#media.stream }));
    }

    async answer(call) {
        await this.#media.open();
        if (call.state !== 'ringing' || this.has(call.peer)) return;
        this.#add(call);
        call.accept({ stream: this.#media.stream });
    }

    // A call that comes in without anybody being asked.
    takes(call) {
        return !this.isFull && this.#group.takes(call.peer);
    }

    #add(call) {
        this.#calls.set(call.peer, call);
        if (this.size === 1) this.emit('begin');
        this.emit('call', { call });
        const introduce = call.on('state', ({ state }) => {
            if (state !== 'connected') return;
            introduce(); // once
            this.#group.introduce(call.peer);
        });
        call.on('state', ({ state }) => state !== 'ended' && this.emit('change')); // of the end #remove tells
        call.on('ended', ({ reason }) => this.#remove(call, reason));
        if (this.screen) call.shareScreen(this.screen);
        this.emit('change');
    }

    #remove(call, reason) {
        this.#calls.delete(call.peer);
        this.emit('ended', { call, reason });
        if (this.size === 0) this.#end();
        else if (reason === 'lost') this.#group.lost(call.peer);
        this.emit('change');
    }

    #end() {
        this.#group.end();
        this.stopScreen();
        this.emit('end');
    }

    hangUp() {
        for (const call of this.calls()) call.hangUp();
    }

    // Returns whether anybody got it.
    send(text) {
        return this.calls().filter((call) => call.send(text)).length > 0;
    }

    // The tracks are on or off already; this tells the others.
    #tellSwitches() {
        for (const call of this.calls()) {
            call.mute(!this.#media.isOn('audio'));
            call.camera(this.#media.isOn('video'));
        }
    }

    #replace(kind, track) {
        for (const call of this.calls()) call.setTrack(kind, track);
    }

    async shareScreen() {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
        if (this.size === 0) return stopAll(stream);
        this.screen = stream;
        stream.getVideoTracks()[0].addEventListener('ended', () => this.stopScreen());
        for (const call of this.calls()) call.shareScreen(stream);
        this.emit('change');
    }

    stopScreen() {
        if (!this.screen) return;
        stopAll(this.screen);
        this.screen = null;
        for (const call of this.calls()) call.stopScreen();
        this.emit('change');
    }

    close() {
        this.hangUp();
        this.until.abort();
    }
}

function stopAll(stream) {
    for (const track of stream.getTracks()) track.stop();
}
