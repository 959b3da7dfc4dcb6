// The pages' words. `?lang=ko` or `?lang=en` overrides what was chosen before, and that the browser's languages.

import { en } from './words/en.js';
import { ko } from './words/ko.js';

export const words = { en, ko };

const CHOSEN = 'roomline.language';

const wanted = [
    new URLSearchParams(location.search).get('lang'),
    localStorage.getItem(CHOSEN),
    ...navigator.languages,
];

export let language =
    wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => Object.hasOwn(words, tag)) ??
    'en';

export const has = (key) => Object.hasOwn(words[language], key);

export function t(key, values = {}) {
    return words[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Says `key` in an element, now and after each change of the language. No key: nothing.
export function say(element, key, values = {}) {
    element.dataset.t = key ?? '';
    element.dataset.tValues = JSON.stringify(values);
    element.textContent = key ? t(key, values) : '';
}

// The same for its accessible name.
export function label(element, key, values = {}) {
    element.dataset.tLabel = key;
    element.dataset.tLabelValues = JSON.stringify(values);
    element.ariaLabel = element.title = t(key, values);
}

const valuesOf = (text) => (text ? JSON.parse(text) : {});

// Fills in elements with data-t (text), data-t-label (accessible name) and data-t-placeholder.
export function translate(root = document) {
    document.documentElement.lang = language;
    for (const element of root.querySelectorAll('[data-t]')) {
        const { t: key, tValues } = element.dataset;
        element.textContent = key ? t(key, valuesOf(tValues)) : '';
    }
    for (const element of root.querySelectorAll('[data-t-label]')) {
        const { tLabel, tLabelValues } = element.dataset;
        element.ariaLabel = element.title = t(tLabel, valuesOf(tLabelValues));
    }
    for (const element of root.querySelectorAll('[data-t-placeholder]'))
        element.placeholder = t(element.dataset.tPlaceholder);
}

export function setLanguage(tag) {
    language = tag;
    localStorage.setItem(CHOSEN, tag);
    translate();
}

// Each of these switches to the other language, and says so in that one.
export function watchSwitches() {
    for (const button of document.querySelectorAll('[data-language-switch]'))
        button.onclick = () => setLanguage(language === 'ko' ? 'en' : 'ko');
}
