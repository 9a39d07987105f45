/** How long to wait before the next attempt to connect. */
export interface BackoffStep {
  /** Until the outage has lasted so long, ms … */
  readonly untilMs: number;
  /** … attempts are at most so far apart, ms. */
  readonly delayMsMax: number;
}

/** A server that is started again is met within half a second; one that stays away is not asked all the time. */
export const BACKOFF_STEPS: readonly BackoffStep[] = [
  { untilMs: 60_000, delayMsMax: 500 },
  { untilMs: 600_000, delayMsMax: 5000 },
  { untilMs: Number.POSITIVE_INFINITY, delayMsMax: 30_000 },
];

const FIRST_DELAY_MS = 50;

/**
 * Doubles from 50 ms up to what the outage's length allows. A random half of it is taken away, so that the clients of a
 * server that comes back do not all come at once.
 * @param attempt how many have failed in this outage
 * @param random 0–1
 */
export function reconnectDelayMs(attempt: number, outageMs: number, random: number): number {
  const { delayMsMax } = BACKOFF_STEPS.find(({ untilMs }) => outageMs < untilMs)!;
  const fullMs = Math.min(delayMsMax, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  return fullMs * (1 - random / 2);
}
