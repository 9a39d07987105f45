import { setTimeout as sleep } from 'node:timers/promises';
import { readProcess } from './proc.ts';

/** A process rests when it uses no more of a core than this. */
const RESTING_SHARE = 0.02;
/** Nobody is waited for longer, unless it is said otherwise, ms. */
const PATIENCE_MS = 60_000;

/**
 * Wait until a process has done what it put off until nothing else is to be done, which it would otherwise do on the core, and at
 * the cost, of what is measured next.
 * @param beginsMs it has begun with that by then, ms
 * @param patienceMs it is not waited for longer, ms
 * @returns CPU time that it took, seconds, and whether it was done in time
 */
export async function untilAtRest(
  pid: number,
  beginsMs: number,
  patienceMs = PATIENCE_MS,
): Promise<{ readonly cpuSeconds: number; readonly isAtRest: boolean }> {
  const startMs = performance.now();
  const first = cpuSecondsOf(pid);
  for (let before = first; ; ) {
    await sleep(beginsMs);
    const now = cpuSecondsOf(pid);
    const isAtRest = (now - before) / (beginsMs / 1000) <= RESTING_SHARE;
    if (isAtRest || performance.now() - startMs > patienceMs) return { cpuSeconds: now - first, isAtRest };
    before = now;
  }
}

function cpuSecondsOf(pid: number): number {
  return readProcess(pid).cpuSeconds;
}
