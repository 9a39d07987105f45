/** SIGHUP with and without a terminal: processes in a real one, which goes away. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { afterwards, temporaryDirectory } from '@confab/testing';
import { processEnvironment } from '@confab/testing/process-environment';
import { confabProgram } from '@confab/testing/run-confab';
import { Tmux, withoutTmux } from '@confab/testing/tmux';
import { withoutProc } from '../support/process-memory.ts';
import { eventually } from '../support/wait.ts';

const skip = withoutTmux ?? withoutProc ?? false;
const anyPorts = ['--tcp-port', '0', '--udp-port', '0'];

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended and that nobody has asked about yet is still there.
  return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** `confab serve` in a terminal, started by `starter`, such as `nohup`. */
async function serveInTerminal(context: TestContext, starter: readonly string[]) {
  const { path } = temporaryDirectory(context);
  const [pidFile, log, output] = [join(path, 'pid'), join(path, 'log'), join(path, 'output')];
  const serve = [process.execPath, confabProgram, 'serve', ...anyPorts, '--data', join(path, 'data')];
  const settings = ['--set', `log.file=${log}`, '--set', 'log.level=debug'];
  const script = starter.length === 0 ? 'echo $$ > "$0"; exec "$@"' : `echo $$ > "$0"; exec "$@" > '${output}' 2>&1`;
  const terminal = await Tmux.start(context, ['sh', '-c', script, pidFile, ...starter, ...serve, ...settings]);
  if (starter.length === 0) await terminal.sees(/Ctrl\+C/);
  else
    await eventually(
      () => existsSync(output) && readFileSync(output, 'utf8').includes('Ctrl+C'),
      'the server to listen',
    );
  const pid = Number(readFileSync(pidFile, 'utf8'));
  afterwards(context, () => {
    if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  const logged = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  return { terminal, pid, logged, data: join(path, 'data') };
}

/** The mark that a run which was stopped properly leaves in its data folder: no write-ahead log. */
const wasClosed = (data: string): boolean =>
  existsSync(join(data, 'confab.db')) && !existsSync(join(data, 'confab.db-wal'));

test('a server whose terminal goes away stops, in good order', { skip }, async (context) => {
  const { terminal, pid, data, logged } = await serveInTerminal(context, []);
  assert.ok(isRunning(pid) && !wasClosed(data));
  await terminal.close();
  await eventually(() => !isRunning(pid), 'the server to end');
  assert.ok(wasClosed(data));
  assert.doesNotMatch(logged(), /reload/);
});

test('at a terminal that is still there SIGHUP reads the configuration again', {
  skip: withoutTmux ?? false,
}, async (context) => {
  const { pid, logged } = await serveInTerminal(context, []);
  process.kill(pid, 'SIGHUP');
  await eventually(() => logged().includes('configuration read again'), 'the reload');
  assert.ok(isRunning(pid));
});

test('a server that nohup started outlives its terminal', { skip }, async (context) => {
  const { terminal, pid, data, logged } = await serveInTerminal(context, ['nohup']);
  await terminal.close();
  await eventually(
    () => logged().includes('configuration read again'),
    'the hang-up to be taken for a request to reload',
  );
  process.kill(pid, 'SIGHUP');
  await eventually(() => logged().split('configuration read again').length === 3, 'another reload');
  assert.ok(isRunning(pid));
  process.kill(pid, 'SIGTERM');
  await eventually(() => !isRunning(pid), 'the server to end');
  assert.ok(wasClosed(data));
});

test('a server that never had a terminal reads its configuration again', async (context) => {
  const { path } = temporaryDirectory(context);
  const child: ChildProcess = spawn(
    process.execPath,
    [confabProgram, 'serve', ...anyPorts, '--data', path, '--log-level', 'info'],
    // A session of its own, which has no terminal.
    { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: processEnvironment() },
  );
  afterwards(context, () => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await eventually(() => output.includes('Ctrl+C'), 'the server to listen');
  child.kill('SIGHUP');
  await eventually(() => output.includes('configuration read again'), 'the reload');
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});
