// Who somebody is, where there is no picture: a letter on a colour that goes with the name.

export function nameOf(entry) {
    return String(entry?.info?.name ?? entry?.peer ?? '').slice(0, 40);
}

export function paintAvatar(element, name) {
    element.textContent = [...name.trim()][0]?.toUpperCase() ?? '·';
    let hash = 0;
    for (const unit of name) hash = (hash * 31 + unit.codePointAt(0)) % 6;
    element.dataset.tint = String(hash);
}
