// The application, from its places: home, before entering, room. Each is a folder here; what is
// said in a call is in call/, camera and microphone are in media/. What a room or a call does is the SDK's.

import { translate, watchSwitches as watchLanguage, say } from './i18n.js';
import { $, watchDialogs } from './parts/page.js';
import { nameOf } from './parts/avatar.js';
import { rememberMe, showHome, startHome } from './home/home.js';
import { Media } from './media/media.js';
import { watchSwitches } from './media/switches.js';
import { Prejoin } from './prejoin/prejoin.js';
import { watchSelf } from './call/self.js';
import { RoomPlace, closedNotice } from './room/room.js';
import { Room, RoomError } from '../roomline.js';

const IN = 'roomline.in'; // the room that this tab is in, for after a reload

let me = null; // { name, room }
let room = null;

const media = new Media();
const prejoin = new Prejoin(media, enter, goBack);

translate();
watchLanguage();
watchDialogs();
watchSwitches(media);
watchSelf(media);
startHome((name, roomName) => {
    me = { name, room: roomName };
    prejoin.open(name, roomName);
});
showHome();

// After a reload: straight back in.
if (sessionStorage.getItem(IN) === $('room').value && $('name').value) {
    me = { name: $('name').value, room: $('room').value };
    enter();
}

async function enter() {
    if (room) return;
    setEntering(true);
    try {
        room = new Room(me.room, { info: { name: me.name }, store: sessionStorage });
        const place = new RoomPlace(room, media, left);
        await room.join();
        rememberMe(me.name, me.room);
        if (nameIsTaken()) return turnAway();
        sessionStorage.setItem(IN, me.room);
        prejoin.close();
        place.open(me.name);
    } catch (error) {
        if (!(error instanceof RoomError)) throw error;
        left(error.code); // where the room has not said it itself
    } finally {
        setEntering(false);
    }
}

// Also while the server has not answered yet.
function goBack() {
    if (room) room.leave();
    else showHome();
}

function setEntering(yes) {
    for (const id of ['join', 'enter-room']) $(id).disabled = yes;
    say($('enter-room'), yes ? 'entering' : 'enter');
}

// reason: of the SDK; how: for home, in place of what goes with the reason
function left(reason, how = closedNotice(reason)) {
    if (!room) return;
    room = null;
    prejoin.close();
    media.close();
    sessionStorage.removeItem(IN);
    showHome(how);
}

// Of two people with one name the later one finds the other in the roster. Somebody who is away
// may be my own past, cut off before it could say good-bye.
function nameIsTaken() {
    return [...room.peers.values()].some(
        (entry) => entry.state === 'here' && nameOf(entry) === me.name,
    );
}

function turnAway() {
    const taken = new Set([...room.peers.values()].map(nameOf));
    let number = 2;
    while (taken.has(`${me.name} ${number}`)) number++;
    const leaving = room;
    left('', { key: 'closed-name-taken', values: { name: me.name }, name: `${me.name} ${number}` });
    leaving.leave();
}
