import type { SimClock } from './sim-clock.ts';

interface ManualTimer {
  readonly atMs: number;
  readonly task: () => void;
}

/** Timers that ring when the test lets time pass on its `SimClock`. */
export class ManualTimers {
  readonly #clock: SimClock;
  readonly #timers = new Set<ManualTimer>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  set(delayMs: number, task: () => void): ManualTimer {
    const timer = { atMs: this.#clock.monotonicMs() + delayMs, task };
    this.#timers.add(timer);
    return timer;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as ManualTimer);
  }

  /** Let time pass, and run what comes due on the way, each at its time. */
  advance(durationMs: number): void {
    const endMs = this.#clock.monotonicMs() + durationMs;
    for (;;) {
      let next: ManualTimer | undefined;
      for (const timer of this.#timers)
        if (timer.atMs <= endMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#clock.advance(Math.max(0, next.atMs - this.#clock.monotonicMs()));
      next.task();
    }
    this.#clock.advance(endMs - this.#clock.monotonicMs());
  }
}
