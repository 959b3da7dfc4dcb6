// The two buttons that turn microphone and camera off and on, before and in a call.

const kinds = ['audio', 'video'];

// Any number of pairs of them may be on the page: elements with data-switch="audio" or "video".
export function watchSwitches(media) {
    for (const kind of kinds)
        for (const button of buttonsOf(kind)) button.onclick = () => media.toggle(kind);
    media.addEventListener('change', () => show(media));
    show(media);
}

function buttonsOf(kind) {
    return document.querySelectorAll(`[data-switch=${kind}]`);
}

function show(media) {
    for (const kind of kinds)
        for (const button of buttonsOf(kind)) {
            button.disabled = !media.track(kind);
            button.ariaPressed = String(media.isOn(kind));
        }
}
