// One RTCPeerConnection and its perfect negotiation (W3C webrtc-pc), over a signaling path that may lose its
// memory: docs/sdk.md, "Calls on the wire". A connection that falters restarts ICE by itself.

// How long ICE may stay in a state before it restarts, in ms. Both sides see the same failure; the
// polite one lets the other try first.
const PATIENCE = { disconnected: 3_000, failed: 0 };
const POLITE_DELAY = 2_000;

export class Negotiation {
    restarts = 0;
    #polite;
    #send;
    #fresh;
    #makingOffer = false;
    #ignoreOffer = false;
    #isSettingRemoteAnswerPending = false;
    #offers = 0; // how many I made; the last one's number travels with it
    #answered = 0; // the last one that was answered
    #restartTimer;

    // polite: whether to give way when offers collide
    // config: RTCConfiguration; fresh(): resolves with one that is good for a restart
    // send(message): takes { description, offer } or { candidate } to the other side's receive()
    constructor({ polite, config, fresh, send }) {
        this.#polite = polite;
        this.#send = send;
        this.#fresh = fresh;
        const pc = (this.pc = new RTCPeerConnection(config));
        pc.onnegotiationneeded = () => this.#offer();
        // Their end is not told: Firefox and Safari have no null candidate to tell it by, and without it
        // ICE only waits a little longer.
        pc.onicecandidate = ({ candidate }) => candidate?.candidate && send({ candidate });
        pc.oniceconnectionstatechange = pc.onsignalingstatechange = () => this.#watchIce();
    }

    async #offer() {
        try {
            this.#makingOffer = true;
            await this.pc.setLocalDescription();
            // Where the other side's offer was quicker, mine is rolled back already.
            if (this.pc.signalingState === 'have-local-offer') this.#tell(++this.#offers);
        } catch (error) {
            this.#report(error);
        } finally {
            this.#makingOffer = false;
        }
    }

    async receive({ description, offer, candidate }) {
        try {
            if (description) await this.#receiveDescription(description, offer);
            else if (candidate) await this.#receiveCandidate(candidate);
        } catch (error) {
            this.#report(error);
        }
    }

    async #receiveDescription(description, offer) {
        const { pc } = this;
        if (description.type === 'answer') {
            if (offer !== this.#offers || offer === this.#answered) return;
            this.#answered = offer;
        }
        const readyForOffer =
            !this.#makingOffer &&
            (pc.signalingState === 'stable' || this.#isSettingRemoteAnswerPending);
        const offerCollision = description.type === 'offer' && !readyForOffer;
        this.#ignoreOffer = !this.#polite && offerCollision;
        if (this.#ignoreOffer) return;

        this.#isSettingRemoteAnswerPending = description.type === 'answer';
        try {
            await pc.setRemoteDescription(description); // rolls my own offer back where needed
        } finally {
            this.#isSettingRemoteAnswerPending = false;
        }
        if (description.type === 'offer') {
            await pc.setLocalDescription();
            this.#tell(offer);
        }
    }

    async #receiveCandidate(candidate) {
        try {
            await this.pc.addIceCandidate(candidate);
        } catch (error) {
            // The candidates of an offer that was ignored, or rolled back over there, don't matter.
            const mark = `a=ice-ufrag:${candidate.usernameFragment}`;
            if (!this.#ignoreOffer && this.pc.remoteDescription?.sdp.includes(mark)) throw error;
        }
    }

    #tell(offer) {
        this.#send({ description: this.pc.localDescription, offer });
    }

    // What was under way may be lost. An offer without an answer is repeated as it stands, with the
    // candidates found since; otherwise a new one asks for fresh candidates. Media flows on.
    again() {
        if (this.pc.signalingState === 'have-local-offer') this.#tell(this.#offers);
        else this.restart();
    }

    async restart() {
        this.restarts++;
        this.configure(await this.#fresh());
        if (this.pc.signalingState !== 'closed') this.pc.restartIce();
    }

    configure(config) {
        const { pc } = this;
        if (pc.signalingState !== 'closed') pc.setConfiguration({ ...pc.getConfiguration(), ...config });
    }

    #watchIce() {
        clearTimeout(this.#restartTimer);
        const patience = PATIENCE[this.pc.iceConnectionState];
        if (patience === undefined || this.pc.signalingState !== 'stable') return;
        const delay = patience + (this.#polite ? POLITE_DELAY : 0);
        this.#restartTimer = setTimeout(() => this.restart(), delay);
    }

    // A connection that was closed meanwhile may refuse anything; that is not news.
    #report(error) {
        if (this.pc.signalingState !== 'closed') console.error(error);
    }

    // Chromium keeps some closed connections for long; so that those keep nothing of ours, the handlers go.
    close() {
        clearTimeout(this.#restartTimer);
        const { pc } = this;
        pc.close();
        pc.ontrack = pc.onconnectionstatechange = pc.onnegotiationneeded = pc.onicecandidate = null;
        pc.oniceconnectionstatechange = pc.onsignalingstatechange = null;
    }
}
