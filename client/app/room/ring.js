// Somebody calls: a dialog, a ring, and two answers. One at a time.

import { say, t } from '../i18n.js';
import { $ } from '../parts/page.js';
import { paintAvatar } from '../parts/avatar.js';
import { Tone } from './tone.js';

const tone = new Tone();

let ringing = null;

export const isRinging = () => ringing !== null;

// Until it is answered, here or by who calls. onAccept(call), onMissed(name)
export function ring(call, name, { onAccept, onMissed }) {
    const title = document.title;
    ringing = call;
    paintAvatar($('ring-avatar'), name);
    say($('ring-text'), 'incoming', { name });
    document.title = t('incoming', { name });
    $('ring').showModal();
    tone.start();
    $('accept').onclick = () => onAccept(call);
    $('decline').onclick = () => call.decline();
    // The Escape key.
    $('ring').oncancel = (event) => {
        event.preventDefault();
        call.decline();
    };
    const stop = call.on('state', ({ state }) => {
        stop();
        ringing = null;
        tone.stop();
        $('ring').close();
        document.title = title;
        if (state === 'ended' && call.reason !== 'declined' && call.reason !== 'left') onMissed(name);
    });
}
