// RTCPeerConnection as far as the SDK knows it: descriptions, their collisions, channels. Two that have
// exchanged descriptions are connected. What ICE does is up to the test: `pc.ice('disconnected')`.

let number = 0;

export class FakeTrack extends EventTarget {
    enabled = true;
    contentHint = '';
    isStopped = false;

    constructor(kind) {
        super();
        this.kind = kind;
    }

    stop() {
        this.isStopped = true;
    }
}

export class FakeStream {
    constructor(...tracks) {
        this.tracks = tracks;
    }

    getTracks() {
        return this.tracks;
    }

    getVideoTracks() {
        return this.tracks.filter(({ kind }) => kind === 'video');
    }

    addTrack(track) {
        this.tracks.push(track);
    }
}

class FakeChannel extends EventTarget {
    readyState = 'connecting';
    bufferedAmount = 0;
    other = null;

    constructor(label) {
        super();
        this.label = label;
    }

    send(data) {
        if (this.readyState !== 'open') throw new Error('InvalidStateError');
        queueMicrotask(() => this.other?.onmessage?.({ data }));
    }

    open(other) {
        this.other = other;
        this.readyState = 'open';
        queueMicrotask(() => this.onopen?.());
    }

    close() {
        for (const side of [this, this.other]) {
            if (!side || side.readyState === 'closed') continue;
            side.readyState = 'closed';
            queueMicrotask(() => side.onclose?.());
        }
    }
}

export class FakePeerConnection extends EventTarget {
    static all = [];
    signalingState = 'stable';
    connectionState = 'new';
    iceConnectionState = 'new';
    localDescription = null;
    remoteDescription = null;
    restarts = 0;
    id = ++number;
    candidates = [];
    #transceivers = [];
    #channels = new Map(); // negotiated, by ID
    #other = null;
    #isNeeded = false;
    #operations = Promise.resolve(); // webrtc-pc's chain: one at a time
    #pending = 0;

    constructor(config) {
        super();
        this.config = config;
        FakePeerConnection.all.push(this);
    }

    getConfiguration() {
        return this.config;
    }

    setConfiguration(config) {
        this.config = config;
    }

    getTransceivers() {
        return this.#transceivers;
    }

    getSenders() {
        return this.#transceivers.map(({ sender }) => sender);
    }

    addTransceiver(what, { direction = 'sendrecv' } = {}) {
        const track = typeof what === 'string' ? null : what;
        const sender = { track, replaceTrack: async (next) => void (sender.track = next) };
        const receiver = { track: new FakeTrack(track?.kind ?? what) };
        this.#transceivers.push({ sender, receiver, direction });
        this.#need();
    }

    addTrack(track) {
        this.addTransceiver(track);
    }

    restartIce() {
        this.restarts++;
        this.#need();
    }

    createDataChannel(label, { negotiated, id } = {}) {
        const channel = new FakeChannel(label);
        if (negotiated) this.#channels.set(id, channel);
        else this.#other.announce(channel);
        this.#need();
        return channel;
    }

    channel(id) {
        return this.#channels.get(id);
    }

    announce(far) {
        const channel = new FakeChannel(far.label);
        channel.open(far);
        this.dispatchEvent(Object.assign(new Event('datachannel'), { channel }));
        far.open(channel);
    }

    #need() {
        if (this.#isNeeded) return;
        this.#isNeeded = true;
        queueMicrotask(() => this.#tellNeed());
    }

    #tellNeed() {
        if (!this.#isNeeded || this.#pending > 0 || this.signalingState !== 'stable') return;
        this.#isNeeded = false;
        this.onnegotiationneeded?.();
    }

    #chain(run) {
        this.#pending++;
        const result = this.#operations.then(run);
        this.#operations = result
            .catch(() => {})
            .then(() => {
                this.#pending--;
                queueMicrotask(() => this.#tellNeed());
            });
        return result;
    }

    setLocalDescription() {
        return this.#chain(() => this.#setLocal());
    }

    setRemoteDescription(description) {
        return this.#chain(() => this.#setRemote(description));
    }

    addIceCandidate(candidate) {
        return this.#chain(() => {
            if (!this.remoteDescription) throw new Error('InvalidStateError');
            this.candidates.push(candidate);
        });
    }

    #setLocal() {
        if (this.signalingState === 'closed') throw new Error('InvalidStateError');
        const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
        this.localDescription = { type, sdp: `a=ice-ufrag:${this.id}\r\n`, pc: this.id };
        this.#isNeeded = false; // all that was wished for is in there
        this.#enter(type === 'offer' ? 'have-local-offer' : 'stable');
        setImmediate(() =>
            this.onicecandidate?.({
                candidate: { candidate: 'candidate:1', usernameFragment: String(this.id) },
            }),
        );
        if (type === 'answer') this.#connect(this.remoteDescription.pc);
    }

    #setRemote(description) {
        const expected = description.type === 'answer' ? ['have-local-offer'] : ['stable', 'have-local-offer'];
        if (!expected.includes(this.signalingState)) throw new Error('InvalidStateError');
        if (description.type === 'offer' && this.signalingState === 'have-local-offer') this.#isNeeded = true;
        this.remoteDescription = description;
        this.#enter(description.type === 'offer' ? 'have-remote-offer' : 'stable');
        if (description.type === 'answer') this.#connect(description.pc);
    }

    #connect(id) {
        this.#other = FakePeerConnection.all.find((pc) => pc.id === id);
        const far = this.#other;
        if (far.#other !== this || this.signalingState !== 'stable' || far.signalingState !== 'stable') return;
        for (const [id, channel] of this.#channels) {
            const there = far.#channels.get(id);
            if (channel.readyState !== 'connecting' || !there) continue;
            channel.open(there);
            there.open(channel);
        }
        this.ice('connected');
        far.ice('connected');
    }

    ice(state) {
        if (this.signalingState === 'closed') return;
        this.iceConnectionState = this.connectionState = state;
        this.oniceconnectionstatechange?.();
        this.onconnectionstatechange?.();
    }

    #enter(state) {
        if (this.signalingState === state || this.signalingState === 'closed') return;
        this.signalingState = state;
        this.onsignalingstatechange?.();
        queueMicrotask(() => this.#tellNeed());
    }

    close() {
        this.signalingState = this.connectionState = 'closed';
        for (const channel of this.#channels.values()) channel.close();
    }
}
