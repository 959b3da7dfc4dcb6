// Access tokens as a back end would make them, and as an attacker would.
//
//   const token = sign({ room: 'kitchen', sub: 'ann', exp: soon() }, SECRET);
//   const token = sign(claims, ecKey.private, { alg: 'ES256', kid: 'e' });

import { createHmac, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { Peer } from './peer.js';

export const SECRET = 'canary-secret-0123456789abcdefghijklmnopq';

/** Unix time, so many seconds from now. */
export const soon = (seconds = 60) => Math.floor(Date.now() / 1000) + seconds;

/** A server that demands tokens signed with SECRET. */
export const GUARDED = {
    config: { 'auth.mode': 'token', 'auth.clock_skew': '0' },
    env: { ROOMLINE_AUTH_SECRET: SECRET },
};

/** Joins the one room of these claims. */
export const enter = (server, claims, more = {}) =>
    Peer.join(server, { room: claims.room, token: sign({ exp: soon(), ...claims }), ...more });

const encode = (value) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

const SIGNERS = {
    HS256: (text, secret) => createHmac('sha256', secret).update(text).digest('base64url'),
    ES256: (text, key) =>
        signWith('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
    EdDSA: (text, key) => signWith(null, Buffer.from(text), key).toString('base64url'),
    none: () => '',
};

/** A token; `by` is how it is signed, whatever the header says. */
export function sign(claims, key = SECRET, header = {}, by = header.alg ?? 'HS256') {
    const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`;
    return `${text}.${SIGNERS[by](text, key)}`;
}

/** The claims of a token, unverified. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** A fresh key: {private, public, jwk: the public one as JWK, privateJwk}. */
export function makeKey(alg, kid) {
    const { privateKey, publicKey } =
        alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
    const more = { kid, alg, use: 'sig' };
    return {
        alg,
        kid,
        private: privateKey,
        public: publicKey,
        jwk: { ...publicKey.export({ format: 'jwk' }), ...more },
        privateJwk: { ...privateKey.export({ format: 'jwk' }), ...more },
    };
}

/** A shared secret as JWK. */
export const secretJwk = (secret, kid) => ({
    kty: 'oct',
    kid,
    k: Buffer.from(secret).toString('base64url'),
});
