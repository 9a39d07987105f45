import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { processEnvironment } from '@confab/testing/process-environment';
import { ConfabProcess, confabProgram, startConfabServer } from '@confab/testing/run-confab';

const noAlternate = ['--set', 'hybrid.alternate.enabled=false'];
const anyPorts = ['--tcp-port', '0', '--udp-port', '0', ...noAlternate];

/** A port that somebody listens on for the length of the test. */
async function busyPort(context: { after(hook: () => void): void }): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterwards(context, () => void server.close());
  return (server.address() as { port: number }).port;
}

test('it says what it is, where it listens and how to join, and stops cleanly', async (context) => {
  const server = await startConfabServer(context);
  const { stdout } = server.process;
  const [head, data, heading, tcrp, ucrp, join_, stop] = stdout.split('\n');
  assert.match(head!, /^Confab \d/);
  assert.equal(data, `Data folder: ${server.data}`);
  assert.match(heading!, /WIRE +PROTOCOL +ADDRESS +PURPOSE/);
  assert.match(tcrp!, /TCRP +tcp +127\.0\.0\.1:\d+ +\w/);
  assert.match(ucrp!, /UCRP +udp +127\.0\.0\.1:\d+ +\w/);
  assert.equal(join_, `Join from another terminal: npx confab chat '${server.url('lobby')}' --user NAME`);
  assert.match(stop!, /Ctrl\+C/);
  server.process.child.kill('SIGTERM');
  assert.equal(await server.process.end(), 0);
  assert.ok(server.process.stdout.endsWith(`\nStopped; rooms and tokens are kept in ${server.data}\n`));
  assert.equal(server.process.stderr, '');
});

test('flags win over the environment, and that over the file', async (context) => {
  const { path } = temporaryDirectory(context);
  const file = join(path, 'confab.toml');
  writeFileSync(file, 'data = "/nowhere/file"\n[hybrid]\ntcp_port = 70000\nudp_port = 0\nalternate.enabled = false\n');
  const confab = new ConfabProcess(context, ['serve', '--config', file, '--data', join(path, 'data')], {
    env: { CONFAB_HYBRID_TCP_PORT: '0', CONFAB_DATA: '/nowhere/environment' },
  });
  await confab.sees(/Ctrl\+C/);
  assert.match(confab.stdout, new RegExp(`Data folder: ${path}/data`));
  confab.child.kill('SIGTERM');
  assert.equal(await confab.end(), 0);
});

test('all addresses are joined at this machine, and the network is warned of', async (context) => {
  const server = await startConfabServer(context, ['--host', '0.0.0.0']);
  assert.match(server.process.stdout, /npx confab chat '?ucrp:\/\/127\.0\.0\.1:\d+\/lobby/);
  await server.process.sees(/open to the network and not encrypted/, 'stderr');
});

test('a store in memory says that nothing is kept', async (context) => {
  const confab = new ConfabProcess(context, ['serve', ...anyPorts, '--set', 'store.kind=memory']);
  await confab.sees(/Data folder: none/);
  await confab.sees(/Ctrl\+C/);
  confab.child.kill('SIGINT');
  assert.equal(await confab.end(), 0);
  assert.match(confab.stdout, /\nStopped\n$/);
});

test('--interactive takes piped answers, full-width too, and asks again for a bad port', async (context) => {
  const { path } = temporaryDirectory(context);
  const port = await busyPort(context);
  const confab = new ConfabProcess(context, ['serve', '-i', '--udp-port', '0', ...noAlternate, '--data', path], {
    input: `\nabc\n${[...String(port)].map((digit) => String.fromCodePoint(digit.codePointAt(0)! + 0xfee0)).join('')}\n`,
  });
  assert.equal(await confab.end(), 1);
  assert.equal(confab.stdout, 'Host name [localhost]:\nTCP port [9090]:\nTCP port [9090]:\n');
  assert.match(confab.stderr, /^A port is a number from 1 to 65535\.\nconfab: [^\n]*port is busy[^\n]*\n$/);
  assert.match(confab.stderr, new RegExp(`tcp 127\\.0\\.0\\.1:${port}`));
});

test('--interactive takes the defaults when its input ends', async (context) => {
  const { path } = temporaryDirectory(context);
  const ports = { CONFAB_HYBRID_TCP_PORT: '0', CONFAB_HYBRID_UDP_PORT: '0' };
  const confab = new ConfabProcess(context, ['serve', '--interactive', ...noAlternate, '--data', path], {
    input: '',
    env: ports,
  });
  await confab.sees(/Host name \[localhost\]:\nTCP port \[0\]:\nUDP port \[0\]:\nConfab /);
  await confab.sees(/Ctrl\+C/);
  confab.child.kill('SIGTERM');
  assert.equal(await confab.end(), 0);
});

test('a reader of its output that goes away does not end it', async (context) => {
  const { path } = temporaryDirectory(context);
  const child = spawn(process.execPath, [confabProgram, 'serve', ...anyPorts, '--data', path, '--host', '0.0.0.0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: processEnvironment(),
  });
  afterwards(context, () => void child.kill('SIGKILL'));
  child.stdout.destroy();
  // The warning comes after the first output, and so from a server that has survived it.
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
