import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfabProcess, sharedConfabServer, startConfabServer } from '@confab/testing/run-confab';

const shared = sharedConfabServer();

test('two processes in one room hear each other, and the log has it all', async (context) => {
  const server = await startConfabServer(context);
  const url = server.url('café ☕');
  const ann = new ConfabProcess(context, ['chat', url, '--user', 'Ann', '--create']);
  await ann.sees(/Joined "café ☕" as Ann \(host\)/, 'stderr');
  const bob = new ConfabProcess(context, ['chat', url, '--user', 'Bob👍', '--join']);
  await bob.sees(/Joined/, 'stderr');
  await ann.sees(/\* Bob👍 joined\n/);
  bob.type('hello 日本\n');
  await ann.sees(/Bob👍: hello 日本\n/);
  ann.type('hi\n');
  await bob.sees(/Ann: hi\n/);

  const rooms = new ConfabProcess(context, ['log', '--data', server.data], { input: '' });
  assert.equal(await rooms.end(), 0);
  assert.match(rooms.stdout, /^ROOM +STATE +EVENTS +MEMBERS\ncafé ☕ +open \(hosted\) +4 +2\n$/);
  const events = new ConfabProcess(context, ['log', 'café ☕', '--json', '--data', server.data], { input: '' });
  assert.equal(await events.end(), 0);
  const logged = events.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    logged.map(({ seq, kind, user, text }) => [seq, kind, user, text]),
    [
      [1, 2, 'Ann', ''],
      [2, 2, 'Bob👍', ''],
      [3, 1, 'Bob👍', 'hello 日本'],
      [4, 1, 'Ann', 'hi'],
    ],
  );

  ann.child.stdin.end();
  assert.equal(await ann.end(), 0);
  assert.equal(await bob.end(), 3);
  assert.match(bob.stdout, /\* .*closed.*\n$/);
  const closed = new ConfabProcess(context, ['log', 'café ☕', '--data', server.data], { input: '' });
  assert.equal(await closed.end(), 0);
  assert.match(closed.stdout, /^1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}\* Ann joined\n/);
  assert.match(closed.stdout, /\* the room was closed\n$/);
});

test('a piped file arrives whole and in order', async (context) => {
  const server = shared();
  const host = new ConfabProcess(context, ['chat', server.url('pipe'), '--user', 'Ann', '--listen'], { input: '' });
  await host.sees(/Joined/, 'stderr');
  const lines = Array.from({ length: 300 }, (_, index) => `line ${index + 1}`);
  const pipe = new ConfabProcess(context, ['chat', server.url('pipe'), '--user', 'Bob'], { input: lines.join('\n') });
  assert.equal(await pipe.end(), 0);
  const expected = lines.map((line) => `Bob: ${line}\n`).join('');
  assert.equal(pipe.stdout, expected);
  await host.sees(/\* Bob left\n/);
  assert.equal(host.stdout, `* Bob joined\n${expected}* Bob left\n`);
});

test('what is too long is told of, and the rest goes through', async (context) => {
  const server = shared();
  const confab = new ConfabProcess(context, ['chat', server.url('long'), '--user', 'Ann'], {
    input: `${'x'.repeat(5000)}\nfine\n`,
  });
  assert.equal(await confab.end(), 4);
  assert.equal(confab.stdout, 'Ann: fine\n');
  assert.match(confab.stderr, /! Not sent: 5000 bytes exceed \d+ .*: "x+…"\n/);
});

test('nobody listening is exit code 1, with a line that says what to do', async (context) => {
  const confab = new ConfabProcess(context, ['chat', 'ucrp://127.0.0.1:1/lobby', '--user', 'Ann'], { input: '' });
  assert.equal(await confab.end(), 1);
  assert.match(confab.stderr, /^confab: Cannot reach 127\.0\.0\.1:1: connection refused; [^\n]+\n$/);
});

test('a refusal is exit code 1 with its reason', async (context) => {
  const server = shared();
  const confab = new ConfabProcess(context, ['chat', server.url('refused'), '--user', 'Ann', '--join'], { input: '' });
  assert.equal(await confab.end(), 1);
  assert.match(confab.stderr, /^confab: [^\n]*does not exist[^\n]*\n$/);
});

test('an interrupt leaves the room properly', async (context) => {
  const server = shared();
  const host = new ConfabProcess(context, ['chat', server.url('interrupted'), '--user', 'Ann']);
  await host.sees(/Joined/, 'stderr');
  const guest = new ConfabProcess(context, ['chat', server.url('interrupted'), '--user', 'Bob']);
  await guest.sees(/Joined/, 'stderr');
  guest.child.kill('SIGINT');
  assert.equal(await guest.end(), 130);
  await host.sees(/\* Bob left\n/);
});

test('a password opens the room, another does not', async (context) => {
  const server = shared();
  const host = new ConfabProcess(context, ['chat', server.url('locked'), '--user', 'Ann'], {
    env: { CONFAB_PASSWORD: 'geheim' },
  });
  await host.sees(/Joined/, 'stderr');
  const enter = (password: string): Promise<number> =>
    new ConfabProcess(context, ['chat', server.url('locked'), '--user', 'Bob', '--join'], {
      input: 'hello\n',
      env: { CONFAB_PASSWORD: password },
    }).end();
  assert.equal(await enter('wrong'), 1);
  assert.equal(await enter('geheim'), 0);
  await host.sees(/Bob: hello/);
});

test('a reader of the conversation that goes away does not keep lines from being sent', async (context) => {
  const server = shared();
  const host = new ConfabProcess(context, ['chat', server.url('deaf'), '--user', 'Ann']);
  await host.sees(/Joined/, 'stderr');
  const guest = new ConfabProcess(context, ['chat', server.url('deaf'), '--user', 'Bob']);
  await guest.sees(/Joined/, 'stderr');
  guest.child.stdout.destroy();
  guest.type('one\n');
  await host.sees(/Bob: one/);
  guest.type('two\n');
  guest.child.stdin.end();
  await host.sees(/Bob: two/);
  assert.equal(await guest.end(), 0);
});

test('the menu client takes its answers and messages from a pipe', async (context) => {
  const server = shared();
  const { tcpPort, udpPort } = server;
  const host = new ConfabProcess(context, ['chat', server.url('menu'), '--user', 'Ann']);
  await host.sees(/Joined/, 'stderr');
  const client = new ConfabProcess(context, ['client'], {
    input: `\n${tcpPort}\n${udpPort}\n2\nmenu\nBob\nhello\nexit\nunsent\n`,
  });
  assert.equal(await client.end(), 0);
  assert.equal(client.stderr, '');
  assert.match(
    client.stdout,
    /TCP: connected .*\nTCP: admitted as member.*\nTCP: disconnected\nUDP: in room "menu" as Bob \(member\), own address /,
  );
  assert.match(client.stdout, /\nBob: hello\n(\* .*\n)*You have left the room\. Goodbye\.\n$/);
  await host.sees(/Bob: hello\n\* Bob left\n/);
  assert.doesNotMatch(host.stdout, /unsent|exit/);
});
