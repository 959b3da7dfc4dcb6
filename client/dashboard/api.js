// The admin API, with the token that was typed in. It is kept for this tab only, and goes nowhere but
// into the Authorization header.

const KEY = 'roomline-admin-token';
const TIMEOUT = 10_000; // ms

export const token = {
    get: () => sessionStorage.getItem(KEY),
    set: (value) => sessionStorage.setItem(KEY, value),
    forget: () => sessionStorage.removeItem(KEY),
};

/** What the server said no with: `status`, and `code`, the problem in one word. */
export class Refused extends Error {
    constructor(status, code, detail) {
        super(detail);
        Object.assign(this, { status, code });
    }
}

async function reach(path, options) {
    const plain = { cache: 'no-store', credentials: 'omit', redirect: 'error' };
    try {
        return await fetch(path, { ...plain, signal: AbortSignal.timeout(TIMEOUT), ...options });
    } catch (error) {
        throw new Refused(0, 'network', String(error));
    }
}

/** Whether this page came from an admin listener: no other has such a path. Sends no token. */
export async function isAdmin() {
    return (await reach('/v1/rooms', { method: 'OPTIONS' })).status === 204;
}

/** The answer: of JSON the value, else the text. Rejects with Refused. */
export async function ask(path, { method = 'GET', body } = {}) {
    const bearer = token.get();
    if (!/^[\w\-.~+/]+=*$/.test(bearer)) throw new Refused(401, 'unauthorized', 'This is no token.');
    const headers = { Authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const response = await reach(path, { method, headers, body: body && JSON.stringify(body) });
    const isJson = /[/+]json\b/.test(response.headers.get('Content-Type'));
    const answer = await (isJson ? response.json() : response.text()).catch(() => {
        throw new Refused(0, 'network', 'The answer was cut off.');
    });
    if (response.ok) return answer;
    throw new Refused(response.status, answer.code, answer.detail ?? String(response.status));
}

/** Builds a path of encoded parts. */
export const path = (...parts) => `/${parts.map(encodeURIComponent).join('/')}`;
