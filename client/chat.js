// The chat of one call: what was said, and a line to say more.

export class Chat {
    #log;
    #field;
    #send;

    // send(text) returns whether it could be sent
    constructor(form, log, field, send) {
        this.#log = log;
        this.#field = field;
        this.#send = send;
        form.onsubmit = (event) => {
            event.preventDefault();
            this.#say();
        };
    }

    #say() {
        const text = this.#field.value.trim();
        if (!text || !this.#send(text)) return;
        this.add('mine', text);
        this.#field.value = '';
    }

    // whose: 'mine' or 'theirs'
    add(whose, text) {
        const item = document.createElement('li');
        item.className = whose;
        item.textContent = String(text).slice(0, 2000);
        this.#log.append(item);
        this.#log.scrollTop = this.#log.scrollHeight;
    }

    clear() {
        this.#log.replaceChildren();
        this.#field.value = '';
    }
}
