// Small things that every place needs.

import { say, translate } from '../i18n.js';

export const $ = (id) => document.getElementById(id);

const places = ['door', 'prejoin', 'house'];

// One place at a time: home (`door`), the one before entering, the room (`house`).
export function showPlace(id) {
    for (const place of places) $(place).hidden = place !== id;
}

const timers = new Map();

// Shows a notice; without a key hides it. ms: for how long.
export function notice(id, key, values, ms) {
    clearTimeout(timers.get(id));
    say($(id), key, values);
    $(id).hidden = !key;
    if (key && ms) timers.set(id, setTimeout(() => notice(id, null), ms));
}

export function fromTemplate(id) {
    const element = document.importNode($(id).content.firstElementChild, true);
    translate(element);
    return element;
}

export function part(element, name) {
    return element.querySelector(`[data-part=${name}]`);
}

// A click on the button with data-close, or beside the dialog, closes it.
export function watchDialogs() {
    for (const dialog of document.querySelectorAll('dialog[data-light]'))
        dialog.onclick = ({ target }) => {
            if (target === dialog || target.closest('[data-close]')) dialog.close();
        };
}
