// What Room, Call and FileTransfer have in common.

export class Emitter extends EventTarget {
    on(type, listener, options) {
        this.addEventListener(type, listener, options);
        return () => this.removeEventListener(type, listener);
    }

    // Not for users.
    emit(type, fields) {
        this.dispatchEvent(Object.assign(new Event(type), fields));
    }

    close() {}

    // `using room = ...`. Where the symbol is not known, as in Safari, this is a method that nobody calls.
    [Symbol.dispose]() {
        this.close();
    }
}
