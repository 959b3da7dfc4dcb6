// Files from browser to browser: calls that carry data only.
// Open it in two windows; choose a file, or drop one anywhere.

import { join } from '../roomline.js';
import { t, translate } from './words.js';

translate();

const query = new URLSearchParams(location.search);
const room = await join(query.get('room') ?? 'drop', { store: sessionStorage });

const showCount = () => (document.getElementById('count').textContent = String(room.peers.size));
room.on('roster', showCount);
showCount();

// One data-only call with each peer, made when it is needed.
room.on('call', ({ call }) => receive(call).accept());

function callTo(peer) {
    return room.calls.get(peer) ?? receive(room.call(peer, { receive: false }));
}

function receive(call) {
    call.on('file', ({ file }) => show(file, file.accept()));
    return call;
}

async function send(files) {
    for (const peer of room.peers.keys()) {
        for (const file of files) {
            const transfer = await callTo(peer).sendFile(file);
            show(transfer, transfer.done);
        }
    }
}

async function show(transfer, done) {
    const item = document.createElement('li');
    const bar = Object.assign(document.createElement('progress'), { max: transfer.size || 1, value: 0 });
    bar.ariaLabel = transfer.name;
    const state = document.createElement('span');
    item.append(`${transfer.name} `, bar, ' ', state);
    document.getElementById('transfers').append(item);
    transfer.on('progress', ({ bytes }) => (bar.value = bytes));
    try {
        const blob = await done;
        bar.value = bar.max;
        state.textContent = t(blob ? 'received' : 'sent');
        if (blob) state.append(' ', download(blob, transfer.name));
    } catch (error) {
        state.textContent = t(error.code);
    }
}

// A link that saves: what strangers send is never opened as a page of ours.
function download(blob, name) {
    const href = URL.createObjectURL(blob);
    return Object.assign(document.createElement('a'), { href, download: name, textContent: t('save') });
}

document.getElementById('files').onchange = ({ target }) => send([...target.files]);
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
    event.preventDefault();
    send([...event.dataTransfer.files]);
});
