// A file in the chat: offered, on its way, arrived.

import { label, language, say } from '../i18n.js';
import { fromTemplate, part } from '../parts/page.js';

const words = {
    offered: 'fileOffered',
    declined: 'fileDeclined',
    cancelled: 'fileCancelled',
    failed: 'fileFailed',
};

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

function sizeText(bytes) {
    const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
    const options = { style: 'unit', unit: UNITS[step], unitDisplay: 'short', maximumFractionDigits: 1 };
    return new Intl.NumberFormat(language, options).format(bytes / 1000 ** step);
}

// Returns the element, which follows the transfer.
export function transferItem(transfer) {
    const item = fromTemplate('transfer');
    part(item, 'name').textContent = transfer.name;
    part(item, 'size').textContent = sizeText(transfer.size);
    const bar = part(item, 'bar');
    bar.max = transfer.size || 1;
    bar.ariaLabel = transfer.name;
    transfer.on('progress', ({ bytes }) => (bar.value = bytes));
    part(item, 'accept').onclick = () => take(transfer, item);
    part(item, 'cancel').onclick = () =>
        transfer.incoming && transfer.state === 'offered' ? transfer.decline() : transfer.cancel();
    transfer.on('state', () => show(transfer, item));
    show(transfer, item);
    return item;
}

async function take(transfer, item) {
    try {
        const blob = await transfer.accept();
        // What others send is saved, and never opened as a page of ours.
        const link = part(item, 'save');
        link.href = URL.createObjectURL(blob);
        link.download = transfer.name;
        link.hidden = false;
    } catch {
        // Its state says so already.
    }
}

function show(transfer, item) {
    const { state, incoming } = transfer;
    const isOver = state !== 'offered' && state !== 'active';
    const word = state === 'done' ? (incoming ? 'fileReceived' : 'fileDone') : words[state];
    item.dataset.state = state;
    say(part(item, 'state'), incoming && state === 'offered' ? null : word);
    part(item, 'bar').hidden = state !== 'active';
    part(item, 'accept').hidden = !(incoming && state === 'offered');
    part(item, 'cancel').hidden = isOver;
    label(part(item, 'cancel'), incoming && state === 'offered' ? 'decline' : 'cancel');
}
