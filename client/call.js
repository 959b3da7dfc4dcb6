// A call with one peer: who wants to talk, the connection they get, and what goes through it. How it
// is told to the other side is in calls.js.

import { Emitter } from './emitter.js';
import { Negotiation } from './negotiation.js';
import { RoomError, compareIds } from './protocol.js';

/** @import * as Api from './roomline.js' */

const RING_TIME = 45_000; // ms until the caller gives up
const MEND_TIME = 45_000; // ms without a connection until a call is lost
const GONE_TIME = 2_000; // ms from the end of the channel to the end of the call, for the reason to arrive
const AGAIN_TIME = 1_000; // ms, up to twice that, before what was refused is said again
const MAX_QUEUE = 1024 * 1024; // bytes that may wait in the channel

// Which state may follow which.
const moves = {
    ringing: ['connecting', 'ended'],
    connecting: ['connected', 'ended'],
    connected: ['reconnecting', 'ended'],
    reconnecting: ['connected', 'ended'],
    ended: [],
};

const nothing = { microphone: false, camera: false, screen: false };

/** @implements {Api.Call} */
export class Call extends Emitter {
    /** @type {Api.CallState} */
    state = 'ringing';
    reason = null;
    remoteStream = new MediaStream();
    remoteMedia = nothing;
    pc = null;

    #room;
    #calls; // that made me
    #ids; // mine and, after crossing invitations, the other side's
    #sent = 0;
    #stream = null;
    #tracks = { audio: null, video: null };
    #screen = null; // the track
    #receive = true;
    #negotiation = null;
    #attached = false; // stream and channel are in the connection
    #channel = null; // text, files offered, what is muted
    #files; // promise of file.js's, from the first file on
    #stale = false; // signals were lost; to be mended when the peer is reachable
    #measured;
    #offeredAt; // ms, as the next
    #connectedAt;
    #timer;
    #again; // the timer of a repair
    #over = new AbortController();

    constructor(room, calls, { peer, id, incoming }) {
        super();
        this.peer = peer;
        this.id = id;
        this.incoming = incoming;
        this.#room = room;
        this.#calls = calls;
        this.#ids = new Set([id]);
    }

    /** @param {Api.CallOptions} options */
    ring(options) {
        this.#take(options);
        this.#timer = setTimeout(() => this.finish('no-answer'), options.ringFor ?? RING_TIME);
        this.#act('call');
        return this;
    }

    /** @param {Api.CallOptions} [options] */
    accept(options = {}) {
        if (this.state !== 'ringing' || !this.incoming) return;
        this.#take(options);
        this.#act('accept');
        this.#open();
    }

    decline(reason = 'declined') {
        if (this.state !== 'ringing' || !this.incoming) return;
        this.#act('decline', reason);
        this.end(reason, 'hangup');
    }

    hangUp() {
        this.finish(this.state === 'ringing' && !this.incoming ? 'cancelled' : 'hangup');
    }

    close() {
        this.hangUp();
    }

    until(state) {
        return new Promise((resolve, reject) => {
            const look = () => {
                if (this.state === state) resolve(this);
                else if (this.state === 'ended') reject(new RoomError(this.reason));
                else return;
                stop();
            };
            const stop = this.on('state', look);
            look();
        });
    }

    /** @param {Api.CallOptions} options */
    #take({ stream = null, receive = true, signal }) {
        this.#stream = stream;
        this.#receive = receive;
        for (const track of stream?.getTracks() ?? []) this.#tracks[track.kind] ??= track;
        const abort = () => this.hangUp();
        signal?.addEventListener('abort', abort, { signal: this.#over.signal });
        if (signal?.aborted) queueMicrotask(abort);
    }

    // ---- what I send ----

    get media() {
        const isOn = (track) => Boolean(track?.enabled);
        const { audio, video } = this.#tracks;
        return { microphone: isOn(audio), camera: isOn(video), screen: Boolean(this.#screen) };
    }

    mute(on = true) {
        this.#enable('audio', !on);
    }

    camera(on = true) {
        this.#enable('video', on);
    }

    #enable(kind, on) {
        if (this.#tracks[kind]) this.#tracks[kind].enabled = on;
        this.#tellMedia();
    }

    async setTrack(kind, track) {
        if (track && this.#tracks[kind]) track.enabled = this.#tracks[kind].enabled;
        this.#tracks[kind] = track;
        if (kind === 'audio' || !this.#screen) await this.#replace(kind, track);
        this.#tellMedia();
    }

    async shareScreen(stream) {
        const mine = !stream;
        if (mine) {
            // Not on iOS, and not on a page that came over plain http.
            if (!navigator.mediaDevices?.getDisplayMedia) throw new RoomError('unsupported');
            stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
        }
        const [track] = stream.getVideoTracks();
        await this.stopScreen();
        if (this.state === 'ended') {
            if (mine) track.stop();
            return stream;
        }
        track.contentHint ||= 'detail';
        this.#screen = { track, mine };
        const { signal } = this.#over;
        track.addEventListener('ended', () => this.#screen?.track === track && this.stopScreen(), { signal });
        await this.#replace('video', track);
        this.#tellMedia();
        return stream;
    }

    async stopScreen() {
        const screen = this.#screen;
        if (!screen) return;
        this.#screen = null;
        if (screen.mine) screen.track.stop();
        if (this.state === 'ended') return;
        await this.#replace('video', this.#tracks.video);
        this.#tellMedia();
    }

    async #replace(kind, track) {
        if (!this.#attached) return; // it will be
        const transceiver = this.pc
            .getTransceivers()
            .find(({ receiver, direction }) => receiver.track.kind === kind && direction !== 'stopped');
        if (!transceiver) {
            if (track) this.pc.addTransceiver(track, { streams: this.#streams });
            return;
        }
        await transceiver.sender.replaceTrack(track);
        if (track && !transceiver.direction.startsWith('send'))
            transceiver.direction = transceiver.direction === 'recvonly' ? 'sendrecv' : 'sendonly';
    }

    get #streams() {
        return this.#stream ? [this.#stream] : [];
    }

    #tellMedia() {
        this.#say({ media: this.media });
        this.emit('media');
    }

    // ---- the channel ----

    send(text) {
        return this.#say({ text: String(text) });
    }

    async sendFile(file, options) {
        return (await this.#loadFiles()).send(file, options);
    }

    async #loadFiles() {
        try {
            return await (this.#files ??= import('./file.js').then(({ Files }) => new Files(this, this.#carrier)));
        } catch (error) {
            this.#files = undefined; // the network may be back the next time
            throw error;
        }
    }

    get #carrier() {
        const over = this.#over.signal;
        return {
            mark: this.#isPolite ? 'a' : 'b',
            say: (message) => this.#say(message),
            whenOpen: (run) =>
                this.#channel?.readyState === 'open' ? run() : this.on('open', run, { once: true, signal: over }),
            over,
        };
    }

    // Both sides name the channel beforehand, so it needs no one to open it.
    #openChannel() {
        const channel = this.pc.createDataChannel('roomline', { negotiated: true, id: 0 });
        this.#channel = channel;
        channel.onmessage = ({ data }) => this.#hear(data);
        channel.onopen = () => {
            this.#tellMedia();
            this.emit('open');
        };
        // The connection was closed over there. That gets here also while there is no signaling.
        channel.onclose = () => {
            if (this.state !== 'ended') this.#after(GONE_TIME, 'gone');
        };
    }

    // Returns whether it could be sent.
    #say(message) {
        const channel = this.#channel;
        if (channel?.readyState !== 'open' || channel.bufferedAmount > MAX_QUEUE) return false;
        channel.send(JSON.stringify(message));
        return true;
    }

    // What comes from the other side may be anything.
    #hear(data) {
        let message;
        try {
            message = JSON.parse(data);
        } catch {
            return;
        }
        const { text, media, file } = message ?? {};
        if (typeof text === 'string') this.emit('message', { text });
        if (media) {
            const isOn = (name) => [name, media[name] === true];
            this.remoteMedia = Object.fromEntries(Object.keys(nothing).map(isOn));
            this.emit('media');
        }
        if (typeof file === 'string')
            this.#loadFiles().then(
                (files) => files.receive(message),
                () => this.#say({ file, action: 'decline' }),
            );
    }

    // ---- what can be told of it ----

    async stats() {
        const { measure } = await import('./measure.js');
        if (!this.pc) return null;
        const { now, ...stats } = await measure(this.pc, this.#measured);
        this.#measured = now;
        return stats;
    }

    async safetyCode() {
        const { safetyCode } = await import('./measure.js');
        return this.pc && safetyCode(this.pc);
    }

    // ---- what the other side says ----

    has(id) {
        return this.#ids.has(id);
    }

    receive({ action, reason, ...message }) {
        if (!action) this.#negotiate(message);
        else if (Object.hasOwn(this.#actions, action)) this.#actions[action](reason);
    }

    #actions = {
        call: () => {
            if (this.#negotiation) this.#act('accept'); // it was lost, or it wouldn't ask again
        },
        accept: () => this.#accepted(),
        decline: (reason) => this.end(String(reason ?? 'declined')),
        hangup: (reason) => {
            // Of two invitations that crossed, mine may still be ringing over there.
            if (this.#ids.size > 1) this.#act('hangup', reason);
            this.end(String(reason ?? 'hangup'));
        },
        sync: () => {
            this.#accepted(); // where that was lost
            if (this.pc?.signalingState === 'have-local-offer') this.#negotiation.again();
        },
    };

    // The other side called at the same moment.
    crossed(id) {
        this.#ids.add(id);
        if (this.#isPolite) this.#open();
        else this.#accepted();
    }

    get #isPolite() {
        return compareIds(this.#room.peer, this.peer) < 0;
    }

    #accepted() {
        if (this.state !== 'ringing' || this.incoming) return;
        this.#open();
        this.#attach({ offering: true });
    }

    #negotiate(message) {
        if (!this.#negotiation) return;
        if (message.description) this.#attach({ offering: false });
        this.#negotiation.receive(message);
    }

    // ---- the connection ----

    #open() {
        this.#negotiation = new Negotiation({
            polite: this.#isPolite,
            config: this.#room.iceConfig,
            fresh: () => this.#room.freshIce(),
            send: (message) => this.#signal(message),
        });
        const pc = (this.pc = this.#negotiation.pc);
        pc.ontrack = ({ track }) => this.remoteStream.addTrack(track);
        pc.onconnectionstatechange = () => this.#watch();
        this.#enter('connecting');
        this.#after(MEND_TIME, 'lost');
    }

    // One side, as a rule the caller, does this at once, which makes the first offer; the other one
    // when that has come, so that its tracks go into the same media sections.
    #attach({ offering }) {
        if (this.#attached) return;
        this.#attached = true;
        this.#offeredAt = Date.now();
        for (const kind of ['audio', 'video']) {
            const track = (kind === 'video' && this.#screen?.track) || this.#tracks[kind];
            if (track) this.pc.addTrack(track, ...this.#streams);
            else if (offering && this.#receive) this.pc.addTransceiver(kind, { direction: 'recvonly' });
        }
        this.#openChannel();
    }

    #watch() {
        const state = this.pc.connectionState;
        if (this.#channel?.readyState === 'closed') return; // it is about to end
        if (state === 'connected') {
            clearTimeout(this.#timer);
            this.#connectedAt ??= Date.now();
            this.#enter('connected');
        } else if ((state === 'disconnected' || state === 'failed') && this.state === 'connected') {
            this.#enter('reconnecting');
            this.#after(MEND_TIME, 'lost');
        }
        if (state === 'failed' && !this.#room.peers.has(this.peer)) this.end('lost');
    }

    #after(ms, reason) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.finish(reason), ms);
    }

    configure() {
        this.#negotiation?.configure(this.#room.iceConfig);
    }

    // The network is another one.
    restart() {
        if (this.#attached) this.#negotiation.restart();
    }

    // ---- a signaling path with gaps ----

    // Some of what I sent will never arrive, or some of the other's never came.
    spoil() {
        this.#stale = true;
    }

    // The peer is reachable (again).
    repair() {
        if (this.state === 'ringing' && !this.incoming) this.#act('call'); // a page that was reloaded rings again
        if (!this.#stale) return;
        this.#stale = false;
        if (!this.#negotiation) return;
        this.#act('sync');
        if (this.#attached) this.#negotiation.again();
    }

    // A peer that left on purpose is gone; one that only lost its signaling may still be heard.
    left(reason) {
        const lasting =
            this.state === 'connected' && (reason === 'timeout' || reason === 'replaced');
        if (lasting) this.spoil();
        else this.end('gone');
    }

    undelivered(code) {
        if (code === 'peer-not-found' && this.state !== 'connected') return this.end('gone');
        this.spoil();
        clearTimeout(this.#again);
        this.#again = setTimeout(() => this.repair(), AGAIN_TIME * (1 + Math.random()));
    }

    // ---- ends ----

    // here: what it is called on this side
    finish(reason, here = reason) {
        if (this.state === 'ended') return;
        this.#act('hangup', reason);
        this.end(here, /^(no-answer|gone)$/.test(here) ? undefined : 'hangup');
    }

    // mine: how that is reported where it was me who ended it
    end(reason, mine = reason === 'no-answer' ? reason : 'peer-left') {
        if (this.state === 'ended') return;
        clearTimeout(this.#timer);
        clearTimeout(this.#again);
        this.#calls.remove(this);
        this.#report(reason, mine);
        this.reason = reason;
        if (this.#channel) this.#channel.onopen = this.#channel.onmessage = this.#channel.onclose = null;
        this.#negotiation?.close();
        this.#enter('ended');
        this.#over.abort();
        this.stopScreen();
        this.emit('ended', { reason });
    }

    // docs/protocol.md section 8
    #report(reason, mine) {
        const { local, remote } = selectedPair(this.pc) ?? {};
        const since = this.#connectedAt;
        const isLost = reason === 'lost';
        const isAlone = this.#room.state !== 'joined';
        this.#room.report({
            outcome: since ? 'connected' : isLost ? 'failed' : 'cancelled',
            reason: isLost ? (isAlone ? 'signaling-lost' : 'ice-failed') : mine,
            local: local?.type,
            remote: remote?.type,
            connectTime: since && since - this.#offeredAt,
            duration: since && Date.now() - since,
            iceRestarts: this.#negotiation?.restarts,
        });
    }

    #act(action, reason) {
        this.#signal({ action, reason });
    }

    #signal(message) {
        if (!this.#calls.tell(this.peer, { call: this.id, n: this.#sent++, ...message })) this.spoil();
    }

    #enter(state) {
        if (!moves[this.state].includes(state)) return;
        this.state = state;
        this.emit('state', { state });
    }
}

// Firefox does not tell it so.
function selectedPair(pc) {
    return pc?.sctp?.transport.iceTransport.getSelectedCandidatePair?.();
}
