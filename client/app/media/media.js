// My camera and microphone: as much of both as there is and as I allow; which ones, and whether they
// are on. One stream for the preview and all calls.

import { canCall } from '../../calls.js';

const problems = {
    NotAllowedError: 'media-refused',
    SecurityError: 'media-refused',
    NotReadableError: 'media-in-use',
    AbortError: 'media-in-use',
};

const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 } };
const chosenKey = (kind) => `roomline.device.${kind}`;

export class Media extends EventTarget {
    stream = null;
    problem = null; // a key of words/; null when both camera and microphone are there
    #opening = null;
    #facing = 'user';

    // Resolves to this, asked once until close().
    open() {
        const opening = (this.#opening ??= request().then((found) => this.#take(found, opening)));
        return opening;
    }

    #take({ stream, problem }, opening) {
        if (this.#opening !== opening) stopAll(stream); // closed meanwhile, and perhaps opened again
        else Object.assign(this, { stream, problem });
        this.#changed();
        return this;
    }

    close() {
        this.#opening = null;
        stopAll(this.stream);
        this.stream = null;
        this.#changed();
    }

    // kind: 'audio' or 'video'
    track(kind) {
        return this.stream?.getTracks().find((track) => track.kind === kind) ?? null;
    }

    isOn(kind) {
        return this.track(kind)?.enabled ?? false;
    }

    toggle(kind) {
        const track = this.track(kind);
        if (track) track.enabled = !track.enabled;
        this.#changed();
    }

    // Those that can be named, which the browser does only once they may be used.
    async devices(kind) {
        const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
        return all.filter((device) => device.kind === `${kind}input` && device.deviceId);
    }

    choose(kind, deviceId) {
        localStorage.setItem(chosenKey(kind), deviceId);
        return this.#swap(kind, { deviceId: { exact: deviceId } });
    }

    // From the front camera of a phone to the one at its back; to the next one where they don't say
    // which they are.
    async flip() {
        const { facingMode, deviceId } = this.track('video')?.getSettings() ?? {};
        if (facingMode) {
            this.#facing = this.#facing === 'user' ? 'environment' : 'user';
            return this.#swap('video', { facingMode: this.#facing });
        }
        const cameras = await this.devices('video');
        const at = cameras.findIndex((camera) => camera.deviceId === deviceId);
        return this.#swap('video', { deviceId: { exact: cameras[(at + 1) % cameras.length].deviceId } });
    }

    get isMirrored() {
        return this.#facing === 'user';
    }

    // A phone opens no second camera while the first is in use.
    async #swap(kind, which) {
        const old = this.track(kind);
        const enabled = old?.enabled ?? true;
        old?.stop();
        const wish = kind === 'video' ? { ...SIZE, ...which } : which;
        try {
            const [track] = (await navigator.mediaDevices.getUserMedia({ [kind]: wish })).getTracks();
            this.stream ??= new MediaStream();
            if (old) this.stream.removeTrack(old);
            this.stream.addTrack(track);
            track.enabled = enabled;
            this.dispatchEvent(Object.assign(new Event('track'), { kind, track }));
        } catch (error) {
            this.problem = problems[error.name] ?? 'media-in-use';
        }
        this.#changed();
    }

    #changed() {
        this.dispatchEvent(new Event('change'));
    }
}

function stopAll(stream) {
    for (const track of stream?.getTracks() ?? []) track.stop();
}

function wishOf(kind, more = {}) {
    const deviceId = localStorage.getItem(chosenKey(kind));
    return { ...more, ...(deviceId && { deviceId: { ideal: deviceId } }) };
}

async function request() {
    if (!canCall()) return { stream: null, problem: 'media-no-webrtc' };
    if (!navigator.mediaDevices) return { stream: null, problem: 'media-insecure' };
    const audio = wishOf('audio');
    const video = wishOf('video', { ...SIZE, facingMode: 'user' });
    let problem = null;
    for (const wish of [{ audio, video }, { audio }, { video }]) {
        try {
            const stream = await navigator.mediaDevices.getUserMedia(wish);
            return { stream, problem: problem ?? missing(stream) };
        } catch (error) {
            problem ??= problems[error.name] ?? null;
            if (problem === 'media-refused') break; // asking for less would only ask again
        }
    }
    return { stream: null, problem: problem ?? 'media-none' };
}

function missing(stream) {
    if (stream.getVideoTracks().length === 0) return 'media-no-camera';
    if (stream.getAudioTracks().length === 0) return 'media-no-microphone';
    return null;
}
