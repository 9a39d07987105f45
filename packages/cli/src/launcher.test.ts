import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '@confab/testing';
import { ConfabProcess, confabProgram, startConfabServer } from '@confab/testing/run-confab';

/** Makes the Node that loads it say that it is an old one. */
const oldNode = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
)}`;

function runOld(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', oldNode, program, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

test('nothing but the answer is printed', async (context) => {
  const confab = new ConfabProcess(context, ['--version'], { input: '' });
  assert.equal(await confab.end(), 0);
  assert.match(confab.stdout, /^confab \S+\n$/);
  assert.equal(confab.stderr, '');
});

test('an old Node hands over to the one that the workspace brings along', () => {
  const { status, stdout, stderr } = runOld(confabProgram, ['--version']);
  assert.equal(stderr, '');
  assert.match(stdout, /^confab \S+\n$/);
  assert.equal(status, 0);
});

test('the exit code is passed on', () => {
  const { status, stderr } = runOld(confabProgram, ['nonsense']);
  assert.equal(status, 2);
  assert.match(stderr, /^confab: unknown command/);
});

test('an old Node alone says in one line what to do', (context) => {
  const { path } = temporaryDirectory(context);
  mkdirSync(join(path, 'bin'));
  cpSync(confabProgram, join(path, 'bin', 'confab.js'));
  writeFileSync(join(path, 'package.json'), '{"type":"module"}');
  const { status, stdout, stderr } = runOld(join(path, 'bin', 'confab.js'), ['--version']);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^confab: Node 20\.20\.2 is too old; run "npm ci" with install scripts allowed, or use Node 24\.15 or later\n$/,
  );
  assert.equal(status, 1);
});

test('a brought-along Node that is too old as well does not start yet another', () => {
  const { status, stderr } = runOld(confabProgram, ['--version'], { CONFAB_RELAUNCHED: '1' });
  assert.equal(status, 1);
  assert.match(stderr, /^confab: Node 20\.20\.2 is too old/);
});

test('signals are passed on, and one that arrives twice is one', async (context) => {
  const server = await startConfabServer(context, [], { nodeArgs: ['--import', oldNode] });
  server.process.child.kill('SIGINT');
  server.process.child.kill('SIGINT');
  assert.equal(await server.process.end(), 0);
  assert.match(server.process.stdout, /\nStopped; rooms and tokens are kept in .*\n$/);
});
