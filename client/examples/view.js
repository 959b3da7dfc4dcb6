// One shows, everybody else watches: each viewer calls the one who shows, and sends nothing.
// A browser sends to each viewer by itself, so this is for a handful of them.

import { join } from '../roomline.js';
import { t, translate } from './words.js';

translate();

const query = new URLSearchParams(location.search);
const video = document.getElementById('video');
const state = document.getElementById('state');
const room = await join(query.get('room') ?? 'view', { info: { shows: false } });
let stream = null;

document.getElementById('show').onclick = async () => {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    video.srcObject = stream;
    room.info = { shows: true };
    showState();
};

room.on('call', ({ call }) => {
    if (!stream) return call.decline();
    call.accept({ stream });
    call.on('state', showState);
    showState();
});

// Whoever shows is called; so is one who comes back after a call was lost.
function watch() {
    const shower = [...room.peers.values()].find(({ info, state }) => info.shows && state === 'here');
    if (stream || !shower || room.calls.size > 0) return showState();
    const call = room.call(shower.peer);
    video.srcObject = call.remoteStream;
    call.on('state', showState);
    call.on('ended', ({ reason }) => reason !== 'declined' && setTimeout(watch, 1_000));
    showState();
}

function showState() {
    if (stream) state.textContent = t('watched', { count: room.calls.size });
    else state.textContent = t([...room.calls.values()][0]?.state ?? 'waiting');
}

room.on('roster', watch);
watch();
