import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeIo } from '@confab/testing/fake-io';
import { ConfabProcess, startConfabServer } from '@confab/testing/run-confab';
import { ExitCode } from '../exit-codes.ts';
import { run } from '../program.ts';

const serverArgs = ['bridge.enabled=true', 'bridge.tcp_port=0', 'bridge.udp_port=0'].flatMap((set) => ['--set', set]);

for (const mode of ['tcp', 'udp'] as const) {
  test(`two processes find each other and talk, ${mode}`, async (context) => {
    const server = await startConfabServer(context, serverArgs);
    const port = (await server.process.sees(new RegExp(`Bridge +${mode} +\\S+:(\\d+)`)))[1]!;
    const url = `bridge://127.0.0.1:${port}`;
    const ann = new ConfabProcess(context, ['bridge', url, '--id', 'ann']);
    await ann.sees(new RegExp(`Connected in ${mode.toUpperCase()} mode`), 'stderr');
    ann.type('/register\n/bridge\n/chat\nhello ☕\n');
    await ann.sees(/Registered as ann/, 'stderr');
    const bob = new ConfabProcess(context, ['bridge', url, '--id', 'bob', '--chat', '--stay'], { input: '' });
    const code = (await bob.sees(/\* Talking to "ann" directly .*: ([\d ]+)\n/))[1];
    assert.equal((await ann.sees(/\* Talking to "bob" directly .*: ([\d ]+)\n/))[1], code);
    await bob.sees(/ann: hello ☕\n/);
    ann.child.stdin.end();
    assert.equal(await ann.end(), 0);
    assert.match(ann.stdout, /\nann: hello ☕\n$/);
    assert.equal(await bob.end(), 0);
    assert.match(bob.stdout, /\* "ann" has left the conversation\n$/);
  });
}

test('through the server, and piped in, it works the same', async (context) => {
  const server = await startConfabServer(context, serverArgs);
  const port = (await server.process.sees(/Bridge +udp +\S+:(\d+)/))[1]!;
  const url = `bridge://127.0.0.1:${port}`;
  const listener = new ConfabProcess(context, ['bridge', url, '--id', 'ann', '--chat', '--stay', '--path', 'relay'], {
    input: '',
  });
  await listener.sees(/Registered as ann/, 'stderr');
  const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`);
  const pipe = new ConfabProcess(context, ['bridge', url, '--id', 'bob', '--chat', '--path', 'relay'], {
    input: lines.join('\n'),
  });
  assert.equal(await pipe.end(), 0);
  assert.equal(await listener.end(), 0);
  assert.match(listener.stdout, /^\* Talking to "bob" through the server/);
  assert.deepEqual(
    listener.stdout.split('\n').filter((line) => line.startsWith('bob: ')),
    lines.map((line) => `bob: ${line}`),
  );
});

test('nobody listening is exit code 1, wrong usage 2, and help is there', async () => {
  const io = new FakeIo({ input: '' });
  assert.equal(await run(['bridge', 'bridge://127.0.0.1:1', '--id', 'ann'], io), ExitCode.FAILED);
  assert.match(io.stderr.text, /^confab: Cannot reach 127\.0\.0\.1:1: it answers neither/);
  for (const args of [
    ['bridge', 'ucrp://127.0.0.1:1'],
    ['bridge', 'bridge://127.0.0.1:1', '--listen', 'here'],
    ['bridge', 'bridge://127.0.0.1:1', '--sealed', '--plain'],
    ['bridge'],
  ]) {
    assert.equal(await run(args, new FakeIo({ input: '' })), ExitCode.USAGE, args.join(' '));
  }
  const help = new FakeIo({ input: '' });
  assert.equal(await run(['bridge', '--help'], help), ExitCode.OK);
  assert.match(help.stdout.text, /Examples:\n[\s\S]*Exit codes: 0 /);
});
