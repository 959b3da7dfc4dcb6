// The local camera and microphone: as much of both as there is and as the person allows.

const wishes = [
    { audio: true, video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: 'user' } },
    { audio: true },
    { video: true },
];

const problems = {
    NotAllowedError: 'media-refused',
    SecurityError: 'media-refused',
    NotReadableError: 'media-in-use',
    AbortError: 'media-in-use',
};

// Returns { stream, problem }: stream is null without any device; problem, a key of i18n.js, is
// null when both camera and microphone are there.
export async function openMedia() {
    if (!navigator.mediaDevices) return { stream: null, problem: 'media-insecure' };
    let problem = null;
    for (const wish of wishes) {
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
