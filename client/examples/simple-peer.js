// Bring your own RTCPeerConnection: `signal()` and the event `signal` are all that a library needs which
// makes its connections itself. Here it is simple-peer, as window.SimplePeer.

import { compareIds, join } from '../roomline.js';
import { t, translate } from './words.js';

translate();

const query = new URLSearchParams(location.search);
const room = await join(query.get('room') ?? 'simple-peer');
const connections = new Map(); // peer -> SimplePeer

// Of each pair one side begins, and both know which.
function connect(peer) {
    if (connections.has(peer)) return connections.get(peer);
    const initiator = compareIds(room.peer, peer) < 0;
    const { iceServers } = room;
    const connection = new window.SimplePeer({ initiator, config: { iceServers } });
    connections.set(peer, connection);
    connection.on('signal', (data) => room.signal(peer, data));
    connection.on('connect', showState);
    connection.on('data', (data) => say(new TextDecoder().decode(data)));
    connection.on('error', ({ message }) => say(message));
    connection.on('close', () => {
        if (connections.get(peer) === connection) connections.delete(peer);
        showState();
    });
    return connection;
}

room.on('signal', ({ from, data }) => connect(from).signal(data));
room.on('peer-joined', ({ peer }) => connect(peer));
room.on('peer-left', ({ peer }) => connections.get(peer)?.destroy());
for (const peer of room.peers.keys()) connect(peer);

function say(text) {
    const item = Object.assign(document.createElement('li'), { textContent: text });
    document.getElementById('log').append(item);
}

function showState() {
    const count = [...connections.values()].filter(({ connected }) => connected).length;
    document.getElementById('state').textContent = t('connections', { count });
}

document.getElementById('form').onsubmit = (event) => {
    event.preventDefault();
    const field = document.getElementById('text');
    for (const connection of connections.values()) if (connection.connected) connection.send(field.value);
    say(field.value);
    field.value = '';
};
showState();
