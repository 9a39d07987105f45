import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeIo } from '@confab/testing/fake-io';
import { PipedScreen } from './piped-screen.ts';
import { ask, askPort, parsePort } from './questions.ts';

test('a port is a number from 1 to 65535, in any width of digits', () => {
  assert.equal(parsePort('9090'), 9090);
  assert.equal(parsePort(' ９０９０ '), 9090);
  for (const text of ['', '0', '65536', '-1', '1e3', '90 90', 'abc', '9090.5'])
    assert.equal(parsePort(text), undefined);
});

test('an empty answer gives the fallback, a blank one without fallback is asked again', async () => {
  const io = new FakeIo({ input: '\n  \n lobby \n' });
  const screen = new PipedScreen(io);
  assert.equal(await ask(screen, 'Host', { fallback: 'here' }), 'here');
  assert.equal(await ask(screen, 'Room'), 'lobby');
  assert.equal(await ask(screen, 'User'), undefined);
  assert.equal(io.stdout.text, 'Host [here]:\nRoom:\nRoom:\nUser:\n');
  assert.equal(io.stderr.text, 'Room must not be empty.\n');
});

test('a port that is none is asked for again', async () => {
  const io = new FakeIo({ input: 'abc\n99999\n１２３\n' });
  assert.equal(await askPort(new PipedScreen(io), 'TCP port', 9090), 123);
  assert.equal(io.stderr.text, 'A port is a number from 1 to 65535.\n'.repeat(2));
});
