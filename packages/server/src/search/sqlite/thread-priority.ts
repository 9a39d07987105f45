import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Have all other threads go before the calling one. Only Linux knows a priority for a thread (setpriority(2), section
 * "C library/kernel differences"); elsewhere nothing happens. It can only be lowered, which needs no permission.
 * @returns the thread's number in the system; undefined: its priority is as it was
 */
export function lowerThreadPriority(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    // "PID/task/TID", of the thread that asks.
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
    return thread;
  } catch {
    // No /proc: the thread is one among equals.
    return undefined;
  }
}
