#!/usr/bin/env node
// Runs on any Node, so that it can say what is needed, or get it: Confab itself needs Node 24.15 or later, and the
// workspace brings one along (the npm package "node").
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = [24, 15];
/** Set for the Node that this one starts, so that one which is too old again does not start yet another. */
const RELAUNCHED = 'CONFAB_RELAUNCHED';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  delete process.env[RELAUNCHED];
  const { main } = await import('../src/main.ts');
  await main();
} else {
  const pinned = process.env[RELAUNCHED] === undefined ? pinnedNode() : undefined;
  if (pinned === undefined) {
    console.error(
      `confab: Node ${process.versions.node} is too old; run "npm ci" with install scripts allowed, ` +
        `or use Node ${NEEDED.join('.')} or later`,
    );
    process.exitCode = 1;
  } else {
    relaunch(pinned);
  }
}

/** The Node of the npm package, if its install script was allowed to put it there. */
function pinnedNode() {
  try {
    const program = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

/** Run this same file with another Node, as if it had been started instead. */
function relaunch(program) {
  const child = spawn(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [RELAUNCHED]: '1' },
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'];
  const passOn = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, passOn);
  child.on('error', (error) => {
    console.error(`confab: Cannot start ${program}: ${error.message}; run "npm ci" with install scripts allowed`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of signals) process.off(name, passOn);
    // As a shell tells it, since dying of the same signal may be held up.
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
