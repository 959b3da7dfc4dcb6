// The bytes of one file, in a channel of their own: chunks one way, the count of what was taken in the other.
// No more than WINDOW is ever on the way or in a buffer, so a slow disk over there slows us here.
//
// Both functions take `on`: isActive(); progress(bytes); done(result); stop(state) when it can't go on.

const CHUNK = 64 * 1024; // what every browser takes in one message
const WINDOW = 1024 * 1024;
const ACK_EVERY = WINDOW / 4;

// Returns what ends its waiting.
export function give(channel, blob, on) {
    let taken = 0; // over there
    let wake;

    async function pump() {
        let sent = 0;
        while (sent < blob.size && on.isActive()) {
            const chunk = await blob.slice(sent, sent + CHUNK).arrayBuffer();
            while (sent - taken >= WINDOW && on.isActive()) await new Promise((resolve) => (wake = resolve));
            if (channel.readyState !== 'open') return;
            channel.send(chunk);
            sent += chunk.byteLength;
        }
    }

    channel.onopen = () => pump().catch(() => on.stop('failed')); // the file went away
    channel.onmessage = ({ data }) => {
        taken = Number(data);
        on.progress(taken);
        wake?.();
        if (taken === blob.size) on.done(null);
    };
    return () => wake?.();
}

// Into `writer`, or where there is none into memory.
export function take(channel, { size, type, writer }, on) {
    const parts = [];
    let writes = Promise.resolve(); // those so far
    let arrived = 0;
    let taken = 0;
    let told = 0;

    async function count(bytes) {
        if (!on.isActive()) return;
        taken += bytes;
        on.progress(taken);
        const isAll = taken === size;
        if (isAll) await writer?.close();
        if (!on.isActive() || (!isAll && taken - told < ACK_EVERY)) return;
        told = taken;
        channel.send(String(taken));
        if (isAll) on.done(writer ? null : new Blob(parts, { type }));
    }

    function then(work) {
        writes = writes.then(work).catch(() => on.stop('failed'));
    }

    channel.onmessage = ({ data }) => {
        const { byteLength } = data;
        arrived += byteLength;
        if (!(byteLength > 0) || arrived > size) return on.stop('cancelled');
        if (!writer) parts.push(data);
        then(async () => {
            await writer?.write(new Uint8Array(data));
            await count(byteLength);
        });
    };
    if (size === 0) channel.onopen = () => then(() => count(0));
}
