// The safety code: eight pictures with their words, one for each byte of `call.safetyCode()`, which is a
// slow SHA-256 of both sides' DTLS fingerprints. That is 64 bits, all of them shown.
//
// Why so many: who sits between chooses two certificates, one for each side, and wins with any pair
// that gives one code, so half of the bits is all the work there is. The words are loaded when they
// are asked for.

import { language, say } from '../i18n.js';
import { $ } from '../parts/page.js';

let shown = null; // the call whose code is asked for

export async function showSafety(call, name) {
    shown = call;
    say($('safety-title'), 'safety', { name });
    show('safetyWorking');
    $('safety').showModal();
    const { state, items } = await codeOf(call);
    if (shown === call) show(state, items);
}

async function codeOf(call) {
    try {
        const [code, { signs }] = await Promise.all([call.safetyCode(), import('./signs.js')]);
        return code ? { items: [...code].map((byte) => item(signs[byte])) } : { state: 'safetyNone' };
    } catch {
        return { state: 'safetyFailed' }; // as on a page that came over plain http
    }
}

function show(state, items = []) {
    say($('safety-state'), state);
    $('safety-code').replaceChildren(...items);
}

function item(sign) {
    const element = document.createElement('li');
    const picture = document.createElement('span');
    picture.textContent = sign.picture;
    picture.ariaHidden = 'true';
    const word = document.createElement('b');
    word.textContent = sign[language];
    element.append(picture, word);
    return element;
}
