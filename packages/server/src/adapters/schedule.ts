import type { Schedule } from '@confab/core';

/** Least time between the starts of two tasks, ms. */
const GAP_MS = Number(process.env.TMP_GAP ?? 1);

/**
 * Runs a task in the check phase of the event loop: after everything that this turn's sockets brought. Alone it waits
 * for nothing else; one that follows another within a millisecond waits for the rest of it. What a task costs however
 * little there is to do (for a commit, waking a thread twice and a transaction) is then paid at most a thousand times a
 * second, and in return for the millisecond a busy server writes some twenty messages at a time and not three.
 */
export function createSchedule(): Schedule {
  let startedMs = Number.NEGATIVE_INFINITY;
  const run = (task: () => void): void => {
    startedMs = performance.now();
    task();
  };
  return (task) => {
    if (performance.now() - startedMs >= GAP_MS) setImmediate(run, task);
    else setTimeout(run, GAP_MS, task);
  };
}
