// Who is here and the chat, beside the pictures or, on a phone in a call, over them.

import { $ } from '../parts/page.js';

const panels = { chat: 'chat-toggle', people: 'people-toggle' };

// onShow(panel): 'chat' or 'people'. On a wide page the chat is there from the start of a call.
export function watchSide(talk, onShow) {
    const show = (panel) => {
        $('house').dataset.side = panel;
        $('controls').removeAttribute('data-more'); // one thing at a time, on a phone
        $('more').ariaExpanded = 'false';
        for (const [name, id] of Object.entries(panels)) $(id).ariaExpanded = String(name === panel);
        if (panel) onShow(panel);
    };
    for (const [name, id] of Object.entries(panels))
        $(id).onclick = () => {
            show($('house').dataset.side === name ? '' : name);
            if (name === 'chat' && $('house').dataset.side) $('chat-field').focus();
        };
    talk.on('begin', () => show(matchMedia('(min-width: 860px)').matches ? 'chat' : ''));
    talk.on('end', () => show(''));
    show('');
}
