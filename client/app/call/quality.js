// How a call goes: three bars, and the numbers behind them.

import { language, label, say, t } from '../i18n.js';

const EVERY = 2_000; // ms

// What the ear and the eye notice: above the first it is fair, above the second poor.
const LOSS = [0.02, 0.08];
const RTT = [0.3, 0.7]; // seconds

export function levelOf(stats) {
    if (!stats?.path) return 'unknown';
    const worse = (limit) => (stats.loss ?? 0) > LOSS[limit] || (stats.rtt ?? 0) > RTT[limit];
    if (worse(1)) return 'bad';
    return worse(0) ? 'fair' : 'good';
}

function number(value, options) {
    return new Intl.NumberFormat(language, { maximumFractionDigits: 1, ...options }).format(value);
}

function rate(bits) {
    return bits === null ? null : `${number(bits / 1000, { maximumFractionDigits: 0 })} kbit/s`;
}

// Word and text of each; those that are not known are left out.
function rowsOf(stats) {
    const { path, protocol, loss, rtt, width, height, frames } = stats;
    return [
        ['path', path && [t(path), protocol?.toUpperCase()].filter(Boolean).join(', ')],
        ['received', rate(stats.received)],
        ['sent', rate(stats.sent)],
        ['loss', loss === null ? null : number(loss, { style: 'percent' })],
        ['rtt', rtt === null ? null : `${number(rtt * 1000, { maximumFractionDigits: 0 })} ms`],
        ['picture', width && `${width} × ${height}${frames ? `, ${number(frames)}/s` : ''}`],
    ].filter(([, text]) => text);
}

// button: the bars; list: a <dl>, shown by pressing them
export function watchQuality(call, name, button, list) {
    const show = async () => {
        const stats = await call.stats().catch(() => null);
        if (call.state === 'ended') return;
        const level = levelOf(stats);
        button.dataset.level = level;
        label(button, 'quality', { name, level: t(`level-${level}`) });
        list.replaceChildren(...(stats ? rowsOf(stats) : []).flatMap(([word, text]) => row(word, text)));
    };
    button.onclick = () => {
        list.hidden = !list.hidden;
        button.ariaExpanded = String(!list.hidden);
    };
    const timer = setInterval(show, EVERY);
    call.on('ended', () => clearInterval(timer));
    show();
}

function row(word, text) {
    const term = document.createElement('dt');
    say(term, word);
    const detail = document.createElement('dd');
    detail.textContent = text;
    return [term, detail];
}
