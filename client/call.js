// Calls between two peers of a room: who wants to talk to whom, and the connection they get.
//
// All of it travels in `signal`, as { call: ID, ... } with one of
//   action: 'call'                an invitation; repeated, it changes nothing
//           'accept'              yes; the caller then makes the first offer
//           'decline' + reason    no: 'declined', 'busy'
//           'hangup'  + reason    it is over, or never was
//           'sync'                I lost what was under way: repeat yours, here is mine
//   description, offer            see negotiation.js
//   candidate
//
// Two invitations that cross are one call: each side takes the other's as its answer and knows the
// call by both IDs from then on. The impolite side then makes the first offer. (Perfect negotiation
// would sort out two of them, but after rolling back its very first offer Chromium 156 sometimes
// never gathers a candidate.)

import { compareIds } from './protocol.js';
import { Negotiation } from './negotiation.js';

const RING_TIME = 45_000; // ms until the caller gives up
const MEND_TIME = 45_000; // ms without a connection until a call is lost

// Which state may follow which.
const moves = {
    calling: ['connecting', 'ended'],
    ringing: ['connecting', 'ended'],
    connecting: ['connected', 'ended'],
    connected: ['reconnecting', 'ended'],
    reconnecting: ['connected', 'ended'],
    ended: [],
};

// Events, each with the fields named:
//   state    state
//   open     text can be sent
//   message  text
//   ended    reason: 'hangup', 'declined', 'busy', 'no-answer', 'gone', 'lost'
export class Call extends EventTarget {
    state;
    remote = new MediaStream(); // what the other side sends; good for `srcObject` from the start
    pc = null; // the RTCPeerConnection, once there is one

    #room;
    #remove; // out of the Calls that made me
    #ids; // mine and, after crossing invitations, the other side's
    #stream = null;
    #negotiation = null;
    #attached = false; // stream and chat are in the connection
    #chat = null;
    #stale = false; // signals were lost; to be mended when the peer is reachable
    #timer;

    constructor({ room, peer, id, state, stream, remove }) {
        super();
        this.peer = peer;
        this.id = id;
        this.state = state;
        this.#room = room;
        this.#remove = remove;
        this.#ids = new Set([id]);
        this.#stream = stream;
        if (state === 'calling') {
            this.#timer = setTimeout(() => this.hangUp('no-answer'), RING_TIME);
            this.#act('call');
        }
    }

    // Answers a ringing call, with a MediaStream or with none to only receive.
    accept(stream = null) {
        if (this.state !== 'ringing') return;
        this.#stream = stream;
        this.#act('accept');
        this.#open();
    }

    decline(reason = 'declined') {
        if (this.state !== 'ringing') return;
        this.#act('decline', reason);
        this.#end(reason);
    }

    hangUp(reason = 'hangup') {
        if (this.state === 'ended') return;
        this.#act('hangup', reason);
        this.#end(reason);
    }

    // Text to the other side, over the data channel. Returns false while there is no connection.
    send(text) {
        if (this.#chat?.readyState !== 'open') return false;
        this.#chat.send(text);
        return true;
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
            if (this.#isOpen) this.#act('accept'); // it was lost, or it wouldn't ask again
        },
        accept: () => this.#accepted(),
        decline: (reason) => this.#end(reason ?? 'declined'),
        hangup: (reason) => {
            // Of two invitations that crossed, mine may still be ringing over there.
            if (this.#ids.size > 1) this.#act('hangup', reason);
            this.#end(reason ?? 'hangup');
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
        if (this.state !== 'calling') return;
        this.#open();
        this.#attach({ offering: true });
    }

    #negotiate(message) {
        if (!this.#negotiation) return;
        if (message.description) this.#attach({ offering: false });
        this.#negotiation.receive(message);
    }

    // ---- the connection ----

    get #isOpen() {
        return this.#negotiation !== null;
    }

    #open() {
        this.#negotiation = new Negotiation({
            polite: this.#isPolite,
            config: { iceServers: this.#room.iceServers },
            send: (message) => this.#signal(message),
        });
        this.pc = this.#negotiation.pc;
        this.pc.ontrack = ({ track }) => this.remote.addTrack(track);
        this.pc.onconnectionstatechange = () => this.#watch();
        this.#enter('connecting');
        this.#mend();
    }

    // One side, as a rule the caller, does this at once, which makes the first offer; the other one
    // when that has come, so that its tracks go into the same media sections.
    #attach({ offering }) {
        if (this.#attached) return;
        this.#attached = true;
        const { pc } = this;
        const tracks = this.#stream?.getTracks() ?? [];
        for (const track of tracks) pc.addTrack(track, this.#stream);
        for (const kind of ['audio', 'video']) {
            const missing = !tracks.some((track) => track.kind === kind);
            if (offering && missing) pc.addTransceiver(kind, { direction: 'recvonly' });
        }
        // Both sides name the channel beforehand, so it needs no one to open it.
        this.#chat = pc.createDataChannel('chat', { negotiated: true, id: 0 });
        this.#chat.onmessage = ({ data }) => this.#emit('message', { text: data });
        this.#chat.onopen = () => this.#emit('open');
    }

    #watch() {
        const state = this.pc.connectionState;
        if (state === 'connected') {
            clearTimeout(this.#timer);
            this.#enter('connected');
        } else if ((state === 'disconnected' || state === 'failed') && this.state === 'connected') {
            this.#enter('reconnecting');
            this.#mend();
        }
        if (state === 'failed' && !this.#room.peers.has(this.peer)) this.#end('lost');
    }

    #mend() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.hangUp('lost'), MEND_TIME);
    }

    configure() {
        this.pc?.setConfiguration({ iceServers: this.#room.iceServers });
    }

    // ---- a signaling path with gaps ----

    // Some of what I sent will never arrive, or some of the other's never came.
    spoil() {
        this.#stale = true;
    }

    // The peer is reachable (again).
    repair() {
        if (this.state === 'calling') this.#act('call'); // a page that was reloaded rings again
        if (!this.#stale) return;
        this.#stale = false;
        if (!this.#isOpen) return;
        this.#act('sync');
        if (this.#attached) this.#negotiation.again();
    }

    // A peer that left on purpose is gone; one that only lost its signaling may still be heard.
    left(reason) {
        const lasting =
            this.state === 'connected' && (reason === 'timeout' || reason === 'replaced');
        if (lasting) this.spoil();
        else this.#end('gone');
    }

    undelivered(code) {
        if (code === 'peer-not-found' && this.state !== 'connected') this.#end('gone');
        else this.spoil();
    }

    // ---- ends ----

    #end(reason) {
        if (this.state === 'ended') return;
        clearTimeout(this.#timer);
        this.#remove(this);
        this.#negotiation?.close();
        this.#enter('ended');
        this.#emit('ended', { reason });
    }

    #act(action, reason) {
        this.#signal({ action, reason });
    }

    #signal(message) {
        if (!tell(this.#room, this.peer, { call: this.id, ...message })) this.spoil();
    }

    #enter(state) {
        if (!moves[this.state].includes(state)) return;
        this.state = state;
        this.#emit('state', { state });
    }

    #emit(type, fields) {
        this.dispatchEvent(Object.assign(new Event(type), fields));
    }
}

// The calls of a room, at most one with each peer.
export class Calls {
    #room;
    #calls = new Map(); // peer ID -> Call

    constructor(room) {
        this.#room = room;
    }

    call(peer, stream) {
        const known = this.#calls.get(peer);
        if (known?.state === 'ringing') known.accept(stream);
        return known ?? this.#make({ peer, id: randomId(), state: 'calling', stream });
    }

    #make(fields) {
        const remove = (call) => {
            if (this.#calls.get(call.peer) === call) this.#calls.delete(call.peer);
        };
        const call = new Call({ room: this.#room, remove, ...fields });
        this.#calls.set(call.peer, call);
        return call;
    }

    // Returns whether `data` was about a call.
    receive(from, data) {
        if (typeof data?.call !== 'string') return false;
        const call = this.#calls.get(from);
        if (call?.has(data.call)) call.receive(data);
        else if (data.action === 'call') this.#invited(from, data.call, call);
        else if (data.action !== 'hangup' && data.action !== 'decline' && !('candidate' in data)) {
            // It believes in a call that ended here, perhaps with a reload.
            tell(this.#room, from, { call: data.call, action: 'hangup' });
        }
        return true;
    }

    #invited(peer, id, known) {
        if (known?.state === 'calling') return known.crossed(id);
        known?.receive({ action: 'hangup', reason: 'lost' }); // its side of the old call is no more
        this.#room.announce(this.#make({ peer, id, state: 'ringing', stream: null }));
    }

    hangUpAll() {
        for (const call of [...this.#calls.values()]) call.hangUp();
    }

    // ---- what the room tells ----

    // The server knows nothing of the old session.
    forgotten() {
        for (const call of this.#calls.values()) call.spoil();
    }

    peerHere(peer) {
        this.#calls.get(peer)?.repair();
    }

    peerLeft(peer, reason) {
        this.#calls.get(peer)?.left(reason);
    }

    undelivered(peer, code) {
        this.#calls.get(peer)?.undelivered(code);
    }

    configure() {
        for (const call of this.#calls.values()) call.configure();
    }
}

// Returns whether the room took it: it may be closed, or have too much waiting for the server.
function tell(room, peer, message) {
    try {
        room.signal(peer, message);
        return true;
    } catch {
        return false;
    }
}

function randomId() {
    return [...crypto.getRandomValues(new Uint8Array(12))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
}
