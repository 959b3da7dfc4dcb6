// The chat of one talk: what was said, a line to say more, files by button or by drop.

import { label, say } from '../i18n.js';
import { $, notice } from '../parts/page.js';
import { nameOf } from '../parts/avatar.js';
import { transferItem } from './transfer.js';

const MAX_TEXT = 2_000;
const MAX_ITEMS = 500;
const NOTICE_TIME = 4_000; // ms

export class Chat {
    #talk;
    #unread = 0;

    constructor(room, talk) {
        this.#talk = talk;
        const nameIn = (peer) => nameOf(room.peers.get(peer));
        const { signal } = talk.until;
        talk.on('begin', () => this.#begin());
        talk.on('end', () => this.#end());
        talk.on('change', () => this.#show());
        talk.on('call', ({ call }) => {
            call.on('message', ({ text }) => this.#add(textItem('theirs', text, this.#from(nameIn(call.peer)))));
            call.on('file', ({ file }) => this.#add(fileItem('theirs', file, this.#from(nameIn(call.peer)))));
        });
        $('chat-form').onsubmit = (event) => {
            event.preventDefault();
            this.#say();
        };
        $('attach').onclick = () => $('attach-files').click();
        $('attach-files').onchange = ({ target }) => {
            this.#sendFiles([...target.files]);
            target.value = '';
        };
        watchDrop((files) => this.#sendFiles(files), () => this.#isOpen, signal);
        addEventListener('focus', () => this.#read(), { signal });
        this.#show();
    }

    // Where only one can have said it nobody is named.
    #from(name) {
        return this.#talk.size > 1 ? name : null;
    }

    get #isOpen() {
        return this.#talk.peers().some((peer) => this.#talk.isWith(peer));
    }

    #begin() {
        $('chat-log').replaceChildren();
        $('chat-field').value = '';
        this.#count(0);
    }

    #end() {
        for (const link of $('chat-log').querySelectorAll('a[href]')) URL.revokeObjectURL(link.href);
    }

    #show() {
        $('chat').hidden = $('chat-toggle').hidden = !this.#isOpen;
    }

    #say() {
        const text = $('chat-field').value.trim();
        if (!text) return;
        if (!this.#talk.send(text)) return notice('chat-notice', 'chatFailed', {}, NOTICE_TIME);
        this.#add(textItem('mine', text));
        $('chat-field').value = '';
    }

    // To each of the others on its own way.
    async #sendFiles(files) {
        const transfers = this.#talk.calls().flatMap((call) => files.map((file) => call.sendFile(file)));
        for (const { value } of await Promise.allSettled(transfers)) {
            if (value) this.#add(fileItem('mine', value));
            else notice('chat-notice', 'chatFailed', {}, NOTICE_TIME);
        }
    }

    #add(item) {
        const log = $('chat-log');
        log.append(item);
        while (log.children.length > MAX_ITEMS) log.firstElementChild.remove();
        log.scrollTop = log.scrollHeight;
        if (item.className !== 'mine' && !isSeen()) this.#count(this.#unread + 1);
    }

    #count(unread) {
        this.#unread = unread;
        $('unread').textContent = unread > 0 ? String(unread) : '';
        $('unread').hidden = unread === 0;
        if (unread > 0) label($('chat-toggle'), 'chatUnread', { count: unread });
        else label($('chat-toggle'), 'chat');
    }

    #read() {
        if (isSeen()) this.#count(0);
    }

    shown() {
        this.#read();
        $('chat-log').scrollTop = $('chat-log').scrollHeight;
    }
}

function isSeen() {
    return $('chat').checkVisibility?.() !== false && document.hasFocus();
}

function textItem(whose, text, from) {
    const item = document.createElement('li');
    item.className = whose;
    item.append(...sender(from), String(text).slice(0, MAX_TEXT));
    return item;
}

function fileItem(whose, transfer, from) {
    const item = transferItem(transfer);
    item.className = whose;
    item.prepend(...sender(from));
    return item;
}

function sender(name) {
    if (!name) return [];
    const element = document.createElement('b');
    element.textContent = name;
    return [element];
}

function watchDrop(send, isOpen, signal) {
    const hasFiles = (event) => isOpen() && [...(event.dataTransfer?.types ?? [])].includes('Files');
    const show = (yes) => ($('drop').hidden = !yes);
    const over = (event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        show(true);
    };
    const drop = (event) => {
        show(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        send([...event.dataTransfer.files]);
    };
    say($('drop-text'), 'dropHere');
    addEventListener('dragover', over, { signal });
    addEventListener('dragleave', (event) => event.relatedTarget || show(false), { signal });
    addEventListener('drop', drop, { signal });
}
