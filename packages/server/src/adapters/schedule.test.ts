import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSchedule } from './schedule.ts';

describe('createSchedule', () => {
  it('runs a task after the present turn, before any timer', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        setTimeout(() => {
          order.push('timer');
          resolve();
        });
        createSchedule()(() => order.push('task'), false);
        order.push('turn');
      });
    });
    assert.deepEqual(order, ['turn', 'task', 'timer']);
  });

  it('lets a task that follows another closely wait while requests trickle in, and only then', async () => {
    let nowMs = 0;
    const delays: number[] = [];
    const schedule = createSchedule(
      () => nowMs,
      (task, delayMs) => {
        delays.push(delayMs);
        task();
      },
    );
    const run = (isTrickling: boolean) => new Promise<void>((resolve) => schedule(resolve, isTrickling));
    await run(true);
    await run(false);
    assert.deepEqual(delays, []);
    nowMs = 1.5;
    await run(true);
    assert.deepEqual(delays, [2]);
    nowMs = 4;
    await run(true);
    assert.deepEqual(delays, [2]);
  });
});
