// A copy of one script among commands that only pretend.
//
//   const script = fakeScript(t, 'script/bootstrap', { 'apt-get': 'exit 100' });
//   const { code, lines } = script.run('test');

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from '../lint/files.js';

// Real commands that scripts may use; all others are there only if pretended.
const REAL = ['bash', 'cat', 'cut', 'dirname', 'env', 'grep', 'head', 'mktemp', 'rm', 'sed', 'sort', 'touch', 'tr'];

export function fakeScript(t, path, commands) {
    const folder = mkdtempSync(join(tmpdir(), 'roomline-script-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const bin = join(folder, 'bin');
    mkdirSync(join(folder, 'script'));
    mkdirSync(bin);
    const copy = join(folder, 'script', basename(path));
    copyFileSync(join(ROOT, path), copy);
    chmodSync(copy, 0o755);
    for (const name of REAL) {
        const { stdout } = spawnSync('bash', ['-c', `command -v ${name}`], { encoding: 'utf8' });
        symlinkSync(stdout.trim(), join(bin, name));
    }
    for (const [name, body] of Object.entries(commands)) {
        writeFileSync(join(bin, name), `#!/usr/bin/env bash\n${body}\n`, { mode: 0o755 });
    }
    const run = (...args) => {
        const { status, stdout, stderr } = spawnSync(copy, args, {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
            env: { PATH: bin, TMPDIR: folder, HOME: folder },
        });
        return { code: status, lines: stderr.trimEnd().split('\n'), stdout };
    };
    return { run, folder };
}
