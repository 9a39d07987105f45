import type { Schedule } from '@confab/core';

/** Least time between the starts of two tasks, ms. */
const GAP_MS = 2;

/**
 * Runs a task in the check phase of the event loop: after everything that this turn's sockets brought. Alone it waits
 * for nothing else; one that follows another too closely waits a moment. A commit costs about as much as twenty messages,
 * however few it writes (two threads are woken, a transaction is begun and ended): a busy server pays that a few hundred
 * times a second and not a few thousand, and has the time for its members.
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
