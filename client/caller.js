// The calling half of the tutorial: joins a room, lists who is there, calls the one chosen.

import { translate } from './app/i18n.js';
import { Room } from './roomline.js';

translate();

const query = new URLSearchParams(location.search);
const room = new Room(query.get('room') ?? 'tutorial', { name: 'caller' });
const media = navigator.mediaDevices.getUserMedia({ audio: true, video: true }).catch(() => null);
const [form, peers, hangUp, state] = ['form', 'peers', 'hang-up', 'state'].map((id) =>
    document.getElementById(id),
);

room.on('roster', () => {
    const chosen = peers.value;
    peers.replaceChildren(...[...room.peers.keys()].map((peer) => new Option(peer)));
    if (room.peers.has(chosen)) peers.value = chosen;
});

form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const stream = await media;
    const call = room.call(peers.value, { stream });
    document.getElementById('local').srcObject = stream;
    document.getElementById('remote').srcObject = call.remoteStream;
    hangUp.disabled = false;
    hangUp.onclick = () => call.hangUp();
    state.textContent = call.state;
    call.on('state', () => (state.textContent = call.state));
    call.on('ended', () => (hangUp.disabled = true));
});

await room.join();
state.textContent = room.peer;
document.getElementById('callee').search = query;
