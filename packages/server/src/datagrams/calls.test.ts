import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBatching } from './calls.ts';

test('turned off, they are not looked for', () => {
  assert.equal(loadBatching('off').reason, 'turned off by net.batch_datagrams');
});

test('a call on what is no socket is refused by the system', (context) => {
  const { calls } = loadBatching('auto');
  if (calls === undefined) return context.skip('no batches here');
  const memory = new ArrayBuffer(4096);
  assert.equal(calls.sendMany(-1, calls.addressOf(memory), 1), -1);
  assert.equal(calls.receiveMany(-1, calls.addressOf(memory), 1), -1);
  assert.equal(calls.setOption(-1, 0, 10, 3), false);
  assert.equal(calls.nameOf(-1, calls.addressOf(memory), calls.addressOf(memory)), -1);
});
