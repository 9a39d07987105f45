import { setTimeout as sleep } from 'node:timers/promises';

const [seconds, nanoseconds] = process.hrtime();
const originUs = seconds * 1e6 + nanoseconds / 1e3 - performance.now() * 1e3;

/** Microseconds of the machine's monotonic clock, the same in all its processes. */
export function nowUs(): number {
  return performance.now() * 1e3 + originUs;
}

/** Fulfils at this time or soon after, never before. */
export async function sleepUntil(timeUs: number): Promise<void> {
  for (let restUs = timeUs - nowUs(); restUs > 0; restUs = timeUs - nowUs()) await sleep(restUs / 1000);
}
