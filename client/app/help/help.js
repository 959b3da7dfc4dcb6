// The page for when calls fail: runs the checks, says in plain words what is blocked, and makes a
// report to send to somebody who can help. It holds no address, no token and no name.

import { say, translate, watchSwitches } from '../i18n.js';
import { $, fromTemplate, part } from '../parts/page.js';
import { rounds } from './checks.js';

translate();
watchSwitches();
$('start').onclick = run;
$('copy').onclick = copy;

async function run() {
    $('start').disabled = true;
    $('verdict').hidden = $('copy').hidden = $('report').hidden = true;
    $('checks').replaceChildren();
    const found = {};
    const outcomes = [];
    for (const checks of rounds)
        outcomes.push(...(await Promise.all(checks.map(([name, check]) => show(name, check(found))))));
    finish(outcomes);
}

// A line of the page, from the question to the answer.
async function show(name, asked) {
    const item = fromTemplate('check');
    say(part(item, 'name'), `check-${name}`);
    say(part(item, 'text'), 'result-running');
    $('checks').append(item);
    const outcome = await asked;
    item.dataset.result = outcome.result;
    say(part(item, 'text'), outcome.text);
    return { name, ...outcome };
}

function verdictOf(outcomes) {
    const failures = outcomes.filter(({ result }) => result === 'failed').map(({ name }) => name);
    if (failures.includes('webrtc')) return 'verdict-browser';
    const isNetwork = (name) => /^(websocket|stun|turn)/.test(name);
    // With one relay in reach it does not matter that others are not.
    const isRelayed = outcomes.some(({ name, result }) => name.startsWith('turn') && result === 'ok');
    if (failures.includes('websocket') || (!isRelayed && failures.some(isNetwork))) return 'verdict-network';
    return failures.every(isNetwork) ? 'verdict-ok' : 'verdict-devices';
}

function finish(outcomes) {
    say($('verdict'), verdictOf(outcomes));
    $('report').value = [
        `roomline ${new Date().toISOString()}`,
        navigator.userAgent,
        ...outcomes.map(({ name, result, details }) => `${name}: ${result}${details && ` (${details})`}`),
    ].join('\n');
    say($('start'), 'helpAgain');
    say($('copy').querySelector('span'), 'helpCopy');
    $('start').disabled = false;
    $('verdict').hidden = $('copy').hidden = $('report').hidden = false;
}

async function copy() {
    try {
        await navigator.clipboard.writeText($('report').value);
        say($('copy').querySelector('span'), 'helpCopied');
    } catch {
        $('report').select(); // refused, or a page that came over plain http
    }
}
