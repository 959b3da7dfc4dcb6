// The answering half of the tutorial: joins a room and answers whoever calls.

import { translate } from './app/i18n.js';
import { Room } from './roomline.js';

translate();

const query = new URLSearchParams(location.search);
const room = new Room(query.get('room') ?? 'tutorial', { name: 'callee' });
const media = navigator.mediaDevices.getUserMedia({ audio: true, video: true }).catch(() => null);

room.on('call', async ({ call }) => {
    const stream = await media;
    document.getElementById('local').srcObject = stream;
    document.getElementById('remote').srcObject = call.remoteStream;
    call.accept({ stream });
});

await room.join();
document.getElementById('id').textContent = room.peer;
document.getElementById('caller').search = query;
