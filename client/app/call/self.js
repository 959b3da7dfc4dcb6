// My own picture. In a call it is small and can be moved: it goes to the corner next to where it is
// let go, or where the arrow keys send it.

import { $ } from '../parts/page.js';
import { paintAvatar } from '../parts/avatar.js';

const keys = {
    ArrowUp: { y: 'top' },
    ArrowDown: { y: 'bottom' },
    ArrowLeft: { x: 'left' },
    ArrowRight: { x: 'right' },
};

export function watchSelf(media) {
    const element = $('self');
    Object.assign(element.dataset, { x: 'right', y: 'top' });
    element.onkeydown = (event) => {
        if (!keys[event.key]) return;
        event.preventDefault();
        Object.assign(element.dataset, keys[event.key]);
    };
    element.onpointerdown = drag;
    media.addEventListener('change', () => show(media));
}

function isSmall() {
    return $('stage').dataset.call !== 'idle';
}

function drag({ clientX, clientY, pointerId, currentTarget: element }) {
    if (!isSmall()) return;
    element.setPointerCapture(pointerId);
    element.onpointermove = (event) => {
        element.style.translate = `${event.clientX - clientX}px ${event.clientY - clientY}px`;
    };
    element.onpointerup = element.onpointercancel = (event) => {
        const stage = $('stage').getBoundingClientRect();
        element.onpointermove = element.onpointerup = element.onpointercancel = null;
        element.style.translate = '';
        if (event.type === 'pointercancel') return;
        element.dataset.x = event.clientX < stage.left + stage.width / 2 ? 'left' : 'right';
        element.dataset.y = event.clientY < stage.top + stage.height / 2 ? 'top' : 'bottom';
    };
}

export function nameSelf(name) {
    paintAvatar($('self-avatar'), name);
}

function show(media) {
    const isOn = media.isOn('video');
    if ($('local').srcObject !== media.stream) $('local').srcObject = media.stream;
    $('local').hidden = !isOn;
    $('local').toggleAttribute('data-mirrored', media.isMirrored);
    $('self-avatar').hidden = isOn;
}
