// The list of who is in the room, with a call button each.

import { t } from './i18n.js';

export function nameOf(entry) {
    return String(entry?.info?.name ?? entry?.peer ?? '').slice(0, 40);
}

export function paintAvatar(element, name) {
    element.textContent = [...name.trim()][0]?.toUpperCase() ?? '·';
    let hash = 0;
    for (const unit of name) hash = (hash * 31 + unit.codePointAt(0)) % 6;
    element.dataset.tint = hash;
}

export class People {
    #list;
    #template;
    #onCall;

    constructor(list, template, onCall) {
        this.#list = list;
        this.#template = template;
        this.#onCall = onCall;
    }

    // canCall: whether I am free to call anybody
    show(peers, canCall) {
        const entries = [...peers.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
        this.#list.replaceChildren(...entries.map((entry) => this.#row(entry, canCall)));
    }

    #row(entry, canCall) {
        const row = this.#template.content.firstElementChild.cloneNode(true);
        const part = (name) => row.querySelector(`[data-part=${name}]`);
        const name = nameOf(entry);
        const status = entry.state === 'away' ? 'away' : entry.info?.busy ? 'busy' : 'here';
        row.dataset.status = status;
        row.dataset.peer = entry.peer;
        paintAvatar(part('avatar'), name);
        part('name').textContent = name;
        part('status').textContent = t(status);
        const button = part('call');
        button.querySelector('span').textContent = t('call');
        button.ariaLabel = t('callName', { name });
        button.disabled = !canCall || status !== 'here';
        button.onclick = () => this.#onCall(entry.peer);
        return row;
    }
}
