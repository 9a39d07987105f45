import type { Schedule } from '@confab/core';

/** Least time between the starts of two tasks while requests trickle in, ms. */
const GAP_MS = 2;

/**
 * Runs a task in the check phase of the event loop: after everything that this turn's sockets brought. Only while requests
 * trickle in does a task that follows another too closely wait a moment. A commit costs about as much as twenty messages,
 * however few it writes (two threads are woken, a transaction is begun and ended): a busy server pays that a few hundred
 * times a second and not a few thousand, and has the time for its members.
 */
export function createSchedule(
  nowMs: () => number = () => performance.now(),
  later: (task: () => void, delayMs: number) => unknown = setTimeout,
): Schedule {
  let startedMs = Number.NEGATIVE_INFINITY;
  const run = (task: () => void): void => {
    startedMs = nowMs();
    task();
  };
  return (task, isTrickling) => {
    if (isTrickling && nowMs() - startedMs < GAP_MS) later(() => run(task), GAP_MS);
    else setImmediate(run, task);
  };
}
