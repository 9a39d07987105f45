import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 2;

/** How late this process itself is: what its event loop's timers come too late by. */
export class Lag {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  restart(): void {
    this.#delay.reset();
  }

  /** One timer in a thousand was later than this, µs. */
  get p999Us(): number {
    return Math.max(0, this.#delay.percentile(99.9) / 1000 - 1000 * RESOLUTION_MS);
  }
}
