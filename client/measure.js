// What can be told about a connection: how it goes, and whether somebody sits in it.

const bytes = new TextEncoder();

// Of two reports, `before` and now. Firefox has no transport report: its pair says `selected` itself.
export async function measure(pc, before) {
    const now = { at: performance.now(), sent: 0, received: 0, lost: 0, packets: 0 };
    const result = { path: null, protocol: null, rtt: null, jitter: null, width: null, height: null, frames: null };
    const reports = await pc.getStats();
    const all = [...reports.values()];
    const ofType = (type) => all.filter((report) => report.type === type);
    const id = ofType('transport')[0]?.selectedCandidatePairId;
    const pair = reports.get(id) ?? ofType('candidate-pair').find(({ selected }) => selected);
    if (pair) {
        const local = reports.get(pair.localCandidateId);
        const remote = reports.get(pair.remoteCandidateId);
        const isRelayed = local?.candidateType === 'relay' || remote?.candidateType === 'relay';
        result.path = isRelayed ? 'relayed' : 'direct';
        result.protocol = local?.relayProtocol ?? local?.protocol ?? null;
        result.rtt = pair.currentRoundTripTime ?? null;
    }
    for (const { bytesSent = 0, bytesReceived = 0 } of ofType('candidate-pair')) {
        now.sent += bytesSent;
        now.received += bytesReceived;
    }
    for (const { kind, packetsLost = 0, packetsReceived = 0, jitter = null, ...more } of ofType('inbound-rtp')) {
        now.lost += packetsLost;
        now.packets += packetsLost + packetsReceived;
        result.jitter = Math.max(jitter, result.jitter);
        if (kind !== 'video') continue;
        result.width = more.frameWidth ?? null;
        result.height = more.frameHeight ?? null;
        result.frames = more.framesPerSecond ?? null;
    }
    const rate = (key) =>
        before ? Math.max(0, ((now[key] - before[key]) * 8000) / (now.at - before.at)) : null;
    const packets = now.packets - (before?.packets ?? 0);
    const loss = packets > 0 ? Math.max(0, now.lost - (before?.lost ?? 0)) / packets : null;
    return { ...result, sent: rate('sent'), received: rate('received'), loss, now };
}

// Slow on purpose: the words shown are few, and who sits in the middle must not have the time to find a
// certificate that gives the same ones.
const ROUNDS = 500_000;

export async function safetyCode(pc) {
    const print = (description) => /^a=fingerprint:(.+?)\r?$/m.exec(description?.sdp)?.[1].toUpperCase();
    const prints = [print(pc.localDescription), print(pc.remoteDescription)].sort();
    if (!prints.every(Boolean)) return null;
    const key = await crypto.subtle.importKey('raw', bytes.encode(prints.join()), 'PBKDF2', false, ['deriveBits']);
    const how = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes.encode('roomline'), iterations: ROUNDS };
    return new Uint8Array(await crypto.subtle.deriveBits(how, key, 64));
}
