import { setTimeout as sleep } from 'node:timers/promises';

/** Microseconds of the machine's monotonic clock, the same in all its processes. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1e3;
}

/** Fulfils at this time or soon after, never before. */
export async function sleepUntil(timeUs: number): Promise<void> {
  for (let restUs = timeUs - nowUs(); restUs > 0; restUs = timeUs - nowUs()) await sleep(restUs / 1000);
}
