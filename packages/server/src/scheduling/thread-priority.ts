import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/** The lowest priority of setpriority(2). */
const NICE_MAX = 19;

/**
 * Have all other threads go before the calling one. Only Linux knows a priority for a thread (setpriority(2), section
 * "C library/kernel differences"); elsewhere nothing happens. It can only be lowered, which needs no permission.
 *
 * @param nice by how much, 1 to 19; it ends at 19
 * @returns the thread's number in the system; undefined: its priority is as it was
 */
export function lowerThreadPriority(nice: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    // "PID/task/TID", of the thread that asks.
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(NICE_MAX, getPriority(thread) + nice));
    return thread;
  } catch {
    // No /proc: the thread is one among equals.
    return undefined;
  }
}
