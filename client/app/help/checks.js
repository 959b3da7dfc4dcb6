// What a call needs, each looked at by itself. A check returns
// { result: 'ok' | 'failed' | 'none' | 'skipped', text: a key of words/, details: for the report }.

import { canCall } from '../../calls.js';
import { join } from '../../roomline.js';

const PATIENCE = 10_000; // ms for one check

const ok = (details = '') => ({ result: 'ok', text: 'result-ok', details });
const failed = (text, details = '') => ({ result: 'failed', text, details });
const none = { result: 'none', text: 'result-none', details: '' };
const skipped = { result: 'skipped', text: 'result-skipped', details: '' };

// In the order of the page: what is asked one after the other, and what at once. A check is
// [name, check(found)], `found` being what earlier ones left for later ones.
export const rounds = [
    [['webrtc', () => (canCall() ? ok() : failed('webrtc-failed'))]],
    [['camera', () => device({ video: true })]],
    [['microphone', () => device({ audio: true })]],
    [['websocket', server]],
    [
        ['stun', ({ iceServers }) => stun(iceServers)],
        ['turn-udp', ({ iceServers }) => turn(iceServers, 'turn-udp')],
        ['turn-tcp', ({ iceServers }) => turn(iceServers, 'turn-tcp')],
        ['turn-tls', ({ iceServers }) => turn(iceServers, 'turn-tls')],
    ],
];

const refusals = {
    NotAllowedError: 'camera-refused',
    SecurityError: 'camera-refused',
    NotReadableError: 'camera-in-use',
    AbortError: 'camera-in-use',
};

async function device(wish) {
    if (!navigator.mediaDevices) return failed('camera-insecure');
    try {
        const stream = await navigator.mediaDevices.getUserMedia(wish);
        for (const track of stream.getTracks()) track.stop();
        return ok(); // what it is called may have its owner's name in it
    } catch ({ name }) {
        return failed(refusals[name] ?? 'camera-missing', name);
    }
}

// A room that nobody else is in; what it says of STUN and TURN is for the checks that follow.
async function server(found) {
    const name = `check-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
    const before = performance.now();
    try {
        const room = await join(name, { signal: AbortSignal.timeout(PATIENCE) });
        found.iceServers = room.iceServers;
        room.leave();
        return ok(`${Math.round(performance.now() - before)} ms`);
    } catch ({ code, name }) {
        return failed('websocket-failed', code ?? name);
    }
}

const urlsOf = ({ urls }) => [urls].flat();

function kindOf(url) {
    if (/^stuns?:/.test(url)) return 'stun';
    if (url.startsWith('turns:')) return 'turn-tls';
    return url.includes('transport=tcp') ? 'turn-tcp' : 'turn-udp';
}

// Those servers of one kind, with the credentials that belong to them.
function only(iceServers, kind) {
    return iceServers
        .map((server) => ({ ...server, urls: urlsOf(server).filter((url) => kindOf(url) === kind) }))
        .filter(({ urls }) => urls.length > 0);
}

async function stun(iceServers) {
    if (!iceServers || !canCall()) return skipped;
    const servers = only(iceServers, 'stun');
    if (servers.length === 0) return none;
    const { candidate, refused } = await gather({ iceServers: servers }, 'srflx');
    // Where one's own address is the public one there is no other to learn: no candidate, and no error.
    // `localhost` is two addresses, of which the server may have one: the browser waits for the other in vain.
    const isFine = candidate || !refused || location.hostname === 'localhost';
    return isFine ? ok(candidate ?? 'own address') : failed('stun-failed');
}

async function turn(iceServers, kind) {
    if (!iceServers || !canCall()) return skipped;
    const servers = only(iceServers, kind);
    if (servers.length === 0) return none;
    const { candidate } = await gather({ iceServers: servers, iceTransportPolicy: 'relay' }, 'relay');
    return candidate ? ok(candidate) : failed(`${kind}-failed`);
}

// Resolves to { candidate, refused }: kind and transport of the first such candidate, without its
// address, or null; whether a server did not answer.
async function gather(configuration, type) {
    const pc = new RTCPeerConnection(configuration);
    try {
        pc.createDataChannel('check');
        let refused = false;
        pc.onicecandidateerror = () => (refused = true);
        const found = new Promise((resolve) => {
            pc.onicecandidate = ({ candidate }) => {
                if (!candidate) resolve({ candidate: null, refused }); // that was all
                else if (candidate.type === type)
                    resolve({ candidate: `${type} ${candidate.relayProtocol ?? candidate.protocol}`, refused });
            };
            setTimeout(resolve, PATIENCE, { candidate: null, refused: true });
        });
        await pc.setLocalDescription();
        return await found;
    } finally {
        pc.close();
    }
}
