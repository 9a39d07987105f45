import type { Clock } from '@confab/core';

export interface SimClockOptions {
  /** Start of the wall clock, ms since the Unix epoch; default: 2001-09-09T01:46:40Z, a round number. */
  readonly wallMs?: number;
  /** Start of the monotonic clock, ms; default: a number that nobody takes for a duration. */
  readonly monotonicMs?: number;
}

/** Virtual time: stands still until the test moves it. */
export class SimClock implements Clock {
  #wallMs: number;
  #monotonicMs: number;

  constructor({ wallMs = 1_000_000_000_000, monotonicMs = 5_000_000 }: SimClockOptions = {}) {
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Let time pass on both clocks. */
  advance(durationMs: number): void {
    if (!(durationMs >= 0)) throw new RangeError(`Time does not pass by ${durationMs} ms`);
    this.#wallMs += durationMs;
    this.#monotonicMs += durationMs;
  }

  /** Somebody sets the machine's clock, forward or back: no time passes. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }
}
