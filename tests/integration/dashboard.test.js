// The dashboard's files on the admin listener: to whom, with what headers, and from what folder. What the
// pages do is in e2e.

import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { WITH_ADMIN, ask } from '../support/admin.js';
import { temporaryFolder } from '../support/certificate.js';
import { runServer } from '../support/command.js';
import { PLAIN, ownServer, suite } from '../support/suite.js';

const FILES = fileURLToPath(new URL('../../client/dashboard', import.meta.url));
const HOUSE = '/dashboard/';
const config = { 'admin.dashboard': FILES };

const get = (server, path, options) => ask(server, 'GET', path, { token: null, ...options });

suite('dashboard', [PLAIN], { ...WITH_ADMIN, config }, (on) => {
    test('the entrances lead to it', async () => {
        for (const path of ['/', '/dashboard']) {
            const { status, headers } = await get(on.server, path);
            assert.deepEqual([status, headers.location], [302, HOUSE], path);
        }
    });

    test('its files are for everybody, and its policy lets in nothing else', async () => {
        const { status, headers, body } = await get(on.server, HOUSE);
        assert.equal(status, 200);
        assert.match(String(body), /id="sign-in"/);
        assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'; /);
        assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*|ws:|data:/);
        assert.match(headers['permissions-policy'], /camera=\(\)/);
        assert.equal(headers['x-content-type-options'], 'nosniff');
        const again = await get(on.server, HOUSE, { headers: { 'If-None-Match': headers.etag } });
        assert.equal(again.status, 304);
    });

    test('there is nothing but its files, and nothing to be done to them', async () => {
        for (const path of ['/dashboard/%2e%2e/app.js', '/dashboard/../../index.html', '/dashboard/none', '/dashboardx'])
            assert.equal((await get(on.server, path)).status, 404, path);
        const { status, headers } = await ask(on.server, 'POST', HOUSE, { token: null });
        assert.deepEqual([status, headers.allow], [405, 'GET, HEAD']);
    });

    test('the API is behind a token as before', async () => {
        assert.equal((await get(on.server, '/v1/rooms')).status, 401);
        assert.equal((await get(on.server, '/v1/rooms', { token: undefined })).status, 200);
    });
});

test('without a token configured it says what to do, to this machine alone', async (t) => {
    const server = await ownServer(t, { admin: true, config });
    assert.match(String((await get(server, HOUSE)).body), /id="setup"/);
    const stranger = await get(server, HOUSE, { headers: { Host: 'page.example' } });
    assert.deepEqual([stranger.status, stranger.json.code], [403, 'no-token-configured']);
});

test('without admin.dashboard there is none', async (t) => {
    const server = await ownServer(t, WITH_ADMIN);
    for (const path of ['/', HOUSE]) assert.equal((await get(server, path)).status, 404);
});

test('its folder is read again on SIGHUP, and a missing one keeps it from starting', async (t) => {
    const folder = mkdtempSync(join(temporaryFolder(), 'dashboard-'));
    writeFileSync(join(folder, 'index.html'), 'first');
    const server = await ownServer(t, { ...WITH_ADMIN, config: { 'admin.dashboard': folder } });
    assert.equal(String((await get(server, HOUSE)).body), 'first');
    writeFileSync(join(folder, 'index.html'), 'second');
    server.signal('SIGHUP');
    for (let body = 'first'; body !== 'second'; ) body = String((await get(server, HOUSE)).body);
    const { code, stderr } = await runServer(['--check', '--set', `admin.dashboard=${folder}/none`]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /admin\.dashboard: .*none: No such file/);
});
