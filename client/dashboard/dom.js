// Elements. Whatever strangers named gets into the page as text, never as markup.

export const $ = (id) => document.getElementById(id);

/** h('li', { className: 'x', onclick: f }, 'text', element) */
export function h(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
}

/**
 * Makes the list's children those of `items`, in order. The child of an item that stays is kept, so
 * that neither focus nor a click under way is lost: make(item) makes one, update(element, item) fills
 * it in. `key` tells items apart.
 */
export function sync(list, items, key, make, update) {
    const kept = new Map([...list.children].map((child) => [child.dataset.key, child]));
    items.forEach((item, at) => {
        const name = key(item);
        const element = kept.get(name) ?? make(item);
        kept.delete(name);
        element.dataset.key = name;
        update(element, item);
        if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
    for (const element of kept.values()) element.remove();
}

/** Sets text only where it changes: selections and screen readers are left alone. */
export function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
}
