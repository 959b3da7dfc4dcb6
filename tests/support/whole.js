// Whether a cluster is whole: each roster is right everywhere, and signals go from each to each.

import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import { Peer } from './peer.js';

let rounds = 0;

/**
 * peers      all of one room, of which none is away
 * Resolves once all of it is so at the same time; fails where that takes longer than `within` ms.
 */
export async function becomesWhole(cluster, peers, within = 5000) {
    const began = Date.now();
    let problem;
    do {
        problem = await findProblem(cluster, peers);
        if (!problem) return Date.now() - began;
        await passed(50);
    } while (Date.now() - began < within);
    return assert.fail(`not whole within ${within} ms: ${problem}`);
}

async function findProblem(cluster, peers) {
    return findStranger(peers) ?? (await findDeaf(peers)) ?? (await findOddRoster(cluster, peers));
}

const show = (roster) =>
    [...roster.values()]
        .map(({ peer, state }) => `${peer} ${state}`)
        .sort()
        .join(', ');

const right = (peers, but) =>
    peers
        .filter(({ id }) => id !== but)
        .map(({ id }) => `${id} here`)
        .sort()
        .join(', ');

/** By what each was told as it went. */
function findStranger(peers) {
    for (const peer of peers) {
        if (peer.ws.closed) return `${peer.id} was closed (${peer.ws.closeFrame?.code})`;
        const is = show(peer.roster);
        if (is !== right(peers, peer.id)) return `${peer.id} knows of ${is}`;
    }
    return null;
}

async function findDeaf(peers) {
    const round = `whole ${++rounds}`;
    for (const from of peers) for (const to of peers) from.signal(to.id, round, round);
    const deaf = [];
    for (const to of peers) {
        for (const from of peers) {
            const mine = (m) =>
                (m.type === 'signal' && m.data === round && m.from === from.id) ||
                (m.type === 'error' && m.id === round);
            const got = await to.inbox.take(mine, 1000).catch(() => null);
            if (got?.type !== 'signal') deaf.push(`${from.id} > ${to.id} (${got?.code ?? 'silence'})`);
        }
    }
    return deaf.length ? deaf.join(', ') : null;
}

/** By what a newcomer is told on each instance. */
async function findOddRoster(cluster, peers) {
    for (const [n, server] of cluster.servers.entries()) {
        if (!server || server.exit) continue;
        const probe = await Peer.join(server, { room: peers[0].room }).catch(({ message }) => message);
        if (typeof probe === 'string') return `instance ${n}: ${probe}`;
        const is = show(probe.roster);
        await probe.leave();
        for (const peer of peers) await peer.until('peer-left', { peer: probe.id }, 1000).catch(() => {});
        if (is !== right(peers)) return `instance ${n} knows of ${is}`;
    }
    return null;
}
