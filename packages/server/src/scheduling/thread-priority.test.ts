import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const program = `
import { getPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
const { lowerThreadPriority } = await import(${JSON.stringify(import.meta.resolve('./thread-priority.ts'))});
const thread = lowerThreadPriority(7);
parentPort.postMessage({ thread, priority: thread === undefined ? undefined : getPriority(thread) });
`;

test('a thread lets others go first, and no other thread changes', { skip: process.platform !== 'linux' }, async () => {
  const before = getPriority();
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  const [{ thread, priority }] = (await once(worker, 'message')) as [{ thread: number; priority: number }];
  assert.notEqual(thread, process.pid);
  assert.equal(priority, Math.min(19, before + 7));
  assert.equal(getPriority(), before);
  await worker.terminate();
});
