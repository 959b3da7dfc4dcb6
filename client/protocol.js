// The decisions of the client side of the protocol, without any I/O: docs/protocol.md sections 1, 4, 5.

// What to do when the socket closes.
//   no     it is over
//   yes    connect again and resume
//   slow   the same, but start far up the back-off: the server asked for relief
//   token  the same, once, if a new token can be had
export const closeCodes = {
    1000: { reason: 'left', reconnect: 'no' },
    1002: { reason: 'bad-message', reconnect: 'no' },
    1003: { reason: 'bad-message', reconnect: 'no' },
    1007: { reason: 'bad-message', reconnect: 'no' },
    1009: { reason: 'too-large', reconnect: 'no' },
    1012: { reason: 'draining', reconnect: 'yes' },
    1013: { reason: 'unavailable', reconnect: 'slow' },
    4000: { reason: 'bad-message', reconnect: 'no' },
    4001: { reason: 'unauthorized', reconnect: 'token' },
    4003: { reason: 'forbidden', reconnect: 'no' },
    4004: { reason: 'room-closed', reconnect: 'no' },
    4005: { reason: 'kicked', reconnect: 'no' },
    4006: { reason: 'room-full', reconnect: 'no' },
    4007: { reason: 'room-locked', reconnect: 'no' },
    4008: { reason: 'timeout', reconnect: 'yes' },
    4009: { reason: 'moved', reconnect: 'no' },
    4010: { reason: 'peer-taken', reconnect: 'no' },
    4029: { reason: 'rate-limited', reconnect: 'slow' },
};

// Codes outside the table: the network's own (1001, 1006, ...) are worth another try; an unknown
// 4xxx is a refusal that a newer server knows and we don't.
export function closeRule(code) {
    return (
        closeCodes[code] ??
        (code >= 4000
            ? { reason: 'refused', reconnect: 'no' }
            : { reason: 'lost', reconnect: 'yes' })
    );
}

const RETRYABLE = /^(unavailable|internal|rate-limited|peer-busy|timeout|draining|lost|not-connected)$/;

export class RoomError extends Error {
    name = 'RoomError';

    constructor(code, message = code, more = {}) {
        super(message);
        Object.assign(this, more, { code, retryable: RETRYABLE.test(code) });
    }
}

const BACKOFF_BASE = 300; // ms
const BACKOFF_CAP = 10_000; // ms, well inside the server's 30 s resume window
export const SLOW_ATTEMPT = 4; // where 'slow' starts

// Exponential back-off with full jitter: after an outage every client comes back at its own time.
export function backoff(attempt, random = Math.random()) {
    return random * Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** attempt);
}

const utf8 = new TextEncoder();

// Byte order of UTF-8, which is not the order of JavaScript's `<` (UTF-16 code units).
export function compareIds(a, b) {
    const x = utf8.encode(a),
        y = utf8.encode(b);
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
        if (x[i] !== y[i]) return x[i] - y[i];
    }
    return x.length - y.length;
}

// 1 to `max` bytes and no control characters; a room, being a part of a path, has no slash either.
function isName(text, max) {
    return (
        typeof text === 'string' &&
        text !== '' &&
        utf8.encode(text).length <= max &&
        !/[\u0000-\u001f\u007f-\u009f]/.test(text)
    );
}
export const isPeerId = (text) => isName(text, 64);
export const isRoomName = (text) => isName(text, 128) && !text.includes('/');

// `base` is any URL of the server: http(s) becomes ws(s), its path is replaced.
export function roomUrl(base, room) {
    const url = new URL(`/v1/rooms/${encodeURIComponent(room)}/ws`, base);
    url.protocol = url.protocol.replace('http', 'ws');
    return url.href;
}

const MAX_UNACKNOWLEDGED = 128; // resent in one burst, so less than the server's rate limit allows

// The bookkeeping of a membership that outlives its socket, after XEP-0198: both sides count the
// signals they received, and each keeps what it sent until the other's count covers it.
export class Ledger {
    #log = []; // sent and not acknowledged, oldest first
    #acknowledged; // the server's count so far; null when a reloaded page has forgotten it

    constructor({ received = 0, restored = false } = {}) {
        this.received = received;
        this.#acknowledged = restored ? null : 0;
    }

    get pending() {
        return this.#log.length;
    }

    // Returns false, and keeps nothing, when the server has been silent for too long.
    sent(message) {
        if (this.#log.length >= MAX_UNACKNOWLEDGED) return false;
        this.#log.push(message);
        return true;
    }

    acknowledge(count) {
        if (!Number.isSafeInteger(count)) return;
        this.#acknowledged ??= count;
        const covered = count - this.#acknowledged;
        if (covered <= 0) return;
        this.#log.splice(0, covered);
        this.#acknowledged = count;
    }

    // The membership lives on: returns what the server has not received, to be sent again.
    resume(count) {
        this.acknowledge(count);
        return [...this.#log];
    }

    // A new membership: both counts start at 0, and what was under way belongs to the old one.
    reset() {
        this.received = 0;
        this.#acknowledged = 0;
        this.#log = [];
    }
}
