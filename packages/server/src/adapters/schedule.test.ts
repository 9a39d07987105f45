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
        createSchedule()(() => order.push('task'));
        order.push('turn');
      });
    });
    assert.deepEqual(order, ['turn', 'task', 'timer']);
  });

  it('starts tasks that follow each other closely some milliseconds apart', async () => {
    const schedule = createSchedule();
    const starts: number[] = [];
    while (starts.length < 5) {
      await new Promise<void>((resolve) => {
        schedule(() => {
          starts.push(performance.now());
          resolve();
        });
      });
    }
    // Timers count whole milliseconds of the event loop's own clock, so one of them may look a little short.
    for (let index = 1; index < starts.length; index += 1) {
      const gapMs = starts[index]! - starts[index - 1]!;
      assert.ok(gapMs > 1, `${gapMs} ms between two tasks`);
    }
  });
});
