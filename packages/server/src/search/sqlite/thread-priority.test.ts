import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants, getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const program = `
import { getPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
const { lowerThreadPriority } = await import(${JSON.stringify(import.meta.resolve('./thread-priority.ts'))});
const thread = lowerThreadPriority();
parentPort.postMessage({ thread, priority: thread === undefined ? undefined : getPriority(thread) });
`;

test('a thread lets others go first, and no other thread changes', { skip: process.platform !== 'linux' }, async () => {
  const before = getPriority();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  const [{ thread, priority }] = (await once(worker, 'message')) as [{ thread: number; priority: number }];
  assert.notEqual(thread, process.pid);
  assert.equal(priority, Math.max(before, constants.priority.PRIORITY_BELOW_NORMAL));
  assert.equal(getPriority(), before);
  await worker.terminate();
});
