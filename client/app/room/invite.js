// The invitation to a room: its link to copy, to share, to scan.

import { say } from '../i18n.js';
import { $ } from '../parts/page.js';

const COPIED_FOR = 2_000; // ms

export function linkTo(room) {
    const url = new URL('./', location.href);
    url.searchParams.set('room', room);
    return url.href;
}

export async function openInvitation(room) {
    const url = linkTo(room);
    say($('invite-text'), 'inviteHint', { room });
    $('invite-link').value = url;
    $('copy-link').hidden = !navigator.clipboard; // as on a page that came over plain http
    $('copy-link').onclick = () => copy(url);
    $('share-link').hidden = !navigator.share;
    // Whoever closes the sheet without choosing has not failed.
    $('share-link').onclick = () => navigator.share({ title: 'roomline', url }).catch(() => {});
    $('invite').showModal();
    const { drawCode } = await import('./qr.js');
    drawCode($('invite-code'), url);
}

async function copy(url) {
    const text = $('copy-link').querySelector('span');
    try {
        await navigator.clipboard.writeText(url);
    } catch {
        return $('invite-link').select(); // refused
    }
    say(text, 'copied');
    setTimeout(() => say(text, 'copyLink'), COPIED_FOR);
}
