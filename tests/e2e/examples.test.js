// client/examples, as somebody who opens them sees them, and the package in a project of its own.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../support/certificate.js';
import { startServer } from '../support/server.js';
import { site, wrongSizes } from './bare.js';
import { CLIENT, Person, closeBrowsers } from './browser.js';
import { accessible } from './look.js';
import { PLAIN, suite } from './suite.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const SIMPLE_PEER = readFileSync(here('../node_modules/simple-peer/simplepeer.min.js'), 'utf8');

suite('examples', PLAIN, { args: site({ 'examples/simplepeer.min.js': SIMPLE_PEER }) }, (on) => {
    const arrive = (t, path, ...names) =>
        Promise.all(
            names.map(async (name) => {
                const options = name === 'Haneul' ? { locale: 'ko-KR' } : {};
                const person = await Person.arrive(t, on.url, { name, ...options });
                await person.open(path);
                return person;
            }),
        );

    test('drop: a file goes to everybody who is there', async (t) => {
        const people = await arrive(t, '/examples/drop.html', 'Ann', 'Ben', 'Haneul');
        const [ann, ...others] = people;
        await Promise.all(people.map(({ page }) => page.locator('#count', { hasText: '2' }).waitFor()));
        const buffer = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
        const name = 'photo.bin';
        await ann.page.setInputFiles('#files', { name, mimeType: 'application/x-test', buffer });
        for (const { page, name: who } of others) {
            const link = page.getByRole('link', { name: who === 'Haneul' ? '저장' : 'Save' });
            const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
            assert.equal(download.suggestedFilename(), name);
            assert.deepEqual(readFileSync(await download.path()), buffer);
        }
        await ann.page.getByText('sent').nth(1).waitFor();
        await accessible(ann.page, 'drop');
        await accessible(others[1].page, 'drop in Korean');
        await others[1].photo('example-drop-ko');
    });

    test('view: one shows, two watch, and one who comes later', async (t) => {
        const [ann, ben] = await arrive(t, '/examples/view.html', 'Ann', 'Ben');
        await ben.page.getByText('Nobody shows anything yet.').waitFor();
        await ann.page.click('#show');
        await ben.seesMotion('#video');
        const [haneul] = await arrive(t, '/examples/view.html', 'Haneul');
        await haneul.seesMotion('#video');
        await ann.page.getByText('Watched by 2').waitFor();
        await haneul.page.getByText('보는 중').waitFor();
        for (const { name, page } of [ann, haneul]) await accessible(page, `view by ${name}`);
        assert.deepEqual(await Promise.all([ann, ben, haneul].map((who) => who.connections())), [2, 1, 1]);
    });

    test('simple-peer: its connections, our signals', async (t) => {
        const people = await arrive(t, '/examples/simple-peer.html', 'Ann', 'Ben');
        await Promise.all(people.map(({ page }) => page.getByText('Connected with 1').waitFor()));
        const [ann, ben] = people;
        await ann.page.fill('#text', 'hello over simple-peer');
        await ann.page.click('.good');
        await ben.page.locator('#log li', { hasText: 'hello over simple-peer' }).waitFor();
        await accessible(ann.page, 'simple-peer');
        await ben.page.close();
        await ann.page.getByText('Connected with 0').waitFor();
    });
});

describe('the package', () => {
    let server, url, minified;

    // An empty project, into which the package is installed as npm would publish it.
    before(async () => {
        const project = mkdtempSync(join(temporaryFolder(), 'project-'));
        const npm = (folder, ...args) =>
            execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], {
                cwd: folder,
                encoding: 'utf8',
                stdio: ['ignore', 'pipe', 'pipe'],
            });
        const source = join(project, 'source');
        cpSync(CLIENT, source, { recursive: true });
        symlinkSync(here('../node_modules'), join(source, 'node_modules')); // for its build
        const said = npm(source, 'pack', '--silent', '--pack-destination', project);
        writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
        npm(project, 'install', join(project, said.trim().split('\n').at(-1)));
        const pages = join(project, 'public');
        // The server serves no folder of npm's.
        cpSync(join(project, 'node_modules/roomline'), join(pages, 'roomline'), { recursive: true });
        minified = readFileSync(createRequire(join(project, 'page.js')).resolve('roomline/min'));
        writeFileSync(join(pages, 'index.html'), PAGE);
        writeFileSync(join(pages, 'page.js'), SCRIPT);
        writeFileSync(join(project, 'typed.ts'), TYPED);
        const options = [
            ...['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom,dom.iterable'],
            ...['--module', 'nodenext', '--moduleResolution', 'nodenext', 'typed.ts'],
        ];
        const tsc = spawnSync(here('../node_modules/.bin/tsc'), options, {
            cwd: project,
            encoding: 'utf8',
        });
        assert.equal(tsc.status, 0, tsc.stdout);
        server = await startServer({ workers: 1, args: ['--client', pages] });
        url = server.url.replace('127.0.0.1', 'localhost');
    });

    after(async () => {
        await closeBrowsers();
        await server?.stop();
    });

    test('npm pack, npm install, a type check, and a call between its two forms', async (t) => {
        const [ann, ben] = await Promise.all(['ann', 'ben'].map((name) => Person.arrive(t, url, { name })));
        await ben.open('/?ben');
        await ben.page.getByText('in', { exact: true }).waitFor();
        await ann.open('/?ann');
        await Promise.all([ann, ben].map(({ page }) => page.getByText('hello from the package, and a file').waitFor()));
    });

    test('minified it is one small module, with a source map', () => {
        const bytes = gzipSync(minified, { level: 9 }).length;
        assert.ok(bytes < 12_000, `${bytes} bytes`);
        assert.deepEqual(wrongSizes('`roomline/min`', [bytes]), []);
        assert.match(minified.toString(), /\n\/\/# sourceMappingURL=roomline\.min\.js\.map\n$/);
        assert.doesNotMatch(minified.toString(), /\bimport\b/);
    });
});

const PAGE = `<!doctype html>
<title>project</title>
<link rel="icon" href="data:,">
<script type="module" src="page.js"></script>
<p id="state"></p>
`;

// Ann's is minified, Ben's is not.
const SCRIPT = `
const me = location.search.slice(1);
const { join } = await import(me === 'ann' ? './roomline/dist/roomline.min.js' : './roomline/roomline.js');

const room = await join('project', { peer: me });
room.on('call', ({ call }) => {
  talk(call);
  call.accept();
});
document.getElementById('state').textContent = 'in';
if (me === 'ann') talk(room.call('ben', { receive: false }));

function talk(call) {
  const text = new Promise((resolve) => call.on('message', ({ text }) => resolve(text)));
  call.on('open', async () => {
    call.send('hello from the package');
    await call.sendFile(new Blob([', and a file']));
  });
  call.on('file', async ({ file }) => {
    const more = await (await file.accept()).text();
    await call.stats();
    document.getElementById('state').textContent = (await text) + more;
  });
}
`;

const TYPED = `import { join, type Call, type Room } from 'roomline';
import { compareIds } from 'roomline/min';

export async function main(): Promise<Room> {
  const room = await join('project', { peer: 'ann', token: async () => 'text' });
  room.on('call', ({ call }: { call: Call }) => call.accept());
  if (compareIds('a', 'b') < 0) room.call('ben', { receive: false }).on('message', ({ text }) => text.length);
  return room;
}
`;
