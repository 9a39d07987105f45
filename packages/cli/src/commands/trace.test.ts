import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfabProcess, startConfabServer } from '@confab/testing/run-confab';

const tracing = ['--set', 'trace.enabled=true', '--set', 'trace.tcp_port=0'];

test('trace takes apart what passes a running server, with tokens and passwords masked', async (context) => {
  const server = await startConfabServer(context, ['--host', '0.0.0.0', ...tracing]);
  const [, port] = await server.process.sees(/"port":(\d+),"msg":"trace: programs on this machine/, 'stderr');
  const trace = new ConfabProcess(context, ['trace', '--port', port!, '--hex']);
  await trace.sees(/^Watching 127\.0\.0\.1:\d+, tokens and passwords are masked with \*; Ctrl\+C ends\n/, 'stderr');
  const others = new ConfabProcess(context, ['trace', '--port', port!, '--wire', 'tcrp', '--peer', '192.0.2.1']);
  await others.sees(/Watching/, 'stderr');

  const chat = new ConfabProcess(context, ['chat', server.url('lobby'), '--user', 'Ann'], {
    input: 'Hello\n',
    env: { CONFAB_PASSWORD: 'sesame-open' },
  });
  assert.equal(await chat.end(), 0);
  // The last thing that it says is that it leaves.
  await trace.sees(
    /ucrp in {2}<- 127\.0\.0\.1:\d+ {2}\d+ bytes\n(?: .*\n)*?.*message +"__LEAVE__" {2}string dialect: leaves the room\n/,
  );
  assert.match(trace.stdout, /tcrp in {2}<- 127\.0\.0\.1:\d+ {2}\d+ bytes\n {4}0 {5}1 {2}05 .*room length +5\n/);
  assert.match(trace.stdout, /operation +2 {2}join\n/);
  assert.match(trace.stdout, /operation +1 {2}create\n/);
  assert.match(trace.stdout, /payload +"\{\\"username\\": ?\\"Ann\\", ?\\"password\\": ?\\"\*{11}\\"/);
  assert.match(trace.stdout, /tcrp out -> .*\n(?: .*\n)*?.*\\"token\\": ?\\"\*{64}\\"/);
  assert.match(trace.stdout, /token +"\*{64}"\n/);
  assert.match(trace.stdout, /message +"Hello" {2}chat\n/);
  assert.doesNotMatch(trace.stdout, /sesame|73 65 73 61 6d 65/);
  assert.equal(others.stdout, '');

  trace.child.kill('SIGINT');
  assert.equal(await trace.end(), 0);
  server.process.child.kill('SIGTERM');
  assert.equal(await others.end(), 1);
  assert.match(others.stderr, /confab: The server has ended the trace\n$/);
});

test('trace says what to do when nothing is to be watched', async (context) => {
  const server = await startConfabServer(context);
  const trace = new ConfabProcess(context, ['trace', '--port', String(server.udpPort)], { input: '' });
  assert.equal(await trace.end(), 1);
  assert.match(
    trace.stderr,
    /^confab: Cannot watch 127\.0\.0\.1:\d+: nothing listens there; start the server with .*trace\.enabled=true"\n$/,
  );
  const wrong = new ConfabProcess(context, ['trace', '--wire', 'ucpr'], { input: '' });
  assert.equal(await wrong.end(), 2);
  assert.match(wrong.stderr, /^confab: --wire ucpr: none of tcrp, ucrp, /);
});
