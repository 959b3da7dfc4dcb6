// docs/access.md: what it shows for making tokens makes good ones, and its keys are good.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { textOf } from '../lint/files.js';
import { temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { Peer } from '../support/peer.js';
import { ownServer } from '../support/suite.js';
import { SECRET } from '../support/token.js';

const ACCESS = textOf('docs/access.md');
const code = (language) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(ACCESS)[1];

function has(command) {
    try {
        execFileSync(command, ['--version'], { stdio: 'ignore' });
        return true;
    } catch {
        return false;
    }
}

async function expectGood(t, token) {
    const env = { ROOMLINE_AUTH_SECRET: SECRET };
    const server = await ownServer(t, { config: { 'auth.mode': 'token' }, env });
    const peer = await Peer.join(server, { room: 'kitchen', token: token.trim() });
    assert.equal(peer.id, 'ann');
    assert.ok(peer.joined.tokenExpiresIn > 3500);
}

const options = { env: { ...process.env, SECRET }, encoding: 'utf8' };

test('the lines for Node make a token that is taken', async (t) => {
    await expectGood(t, execFileSync(process.execPath, ['--input-type=module', '-e', code('js')], options));
});

test('the lines for Python do', { skip: !has('python3') && 'there is no Python' }, async (t) => {
    await expectGood(t, execFileSync('python3', ['-c', code('python')], options));
});

test('the command for a shell does', async (t) => {
    const [, line] = /ROOMLINE_AUTH_SECRET=\.\.\. roomline (token .*)/.exec(ACCESS);
    const { stdout } = await runServer(line.split(' '), { env: { ROOMLINE_AUTH_SECRET: SECRET } });
    await expectGood(t, stdout);
});

test('the keys that it shows are good', async () => {
    const path = join(temporaryFolder(), 'keys.json');
    writeFileSync(path, code('json'));
    const args = ['--check', '--set', 'auth.mode=token', '--set', `auth.keys_file=${path}`];
    const { code: exit, stderr } = await runServer(args);
    assert.equal(exit, 0, stderr);
});

test('the claims that it lists are those that the program reads', () => {
    const [, list] = /names\[CLAIM_COUNT\] = \{([^}]*)\}/.exec(textOf('src/api/token.c'));
    const read = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name);
    const rows = [...ACCESS.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].map(([, cell]) => cell);
    const told = rows.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    assert.deepEqual(told.sort(), read.sort());
});
