/** Wait before the first new attempt, ms; doubled each time that one fails, too, up to the most. */
export const REVIVAL_MS_MIN = 1_000;
export const REVIVAL_MS_MAX = 60_000;

/** How long to wait before something that died is begun again. One that lived as long as the longest wait counts as well. */
export class Revival {
  readonly #nowMs: () => number;
  #begunMs = Number.NEGATIVE_INFINITY;
  #waitMs = REVIVAL_MS_MIN;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  begun(): void {
    this.#begunMs = this.#nowMs();
  }

  /** @returns ms to wait now that it died */
  died(): number {
    if (this.#nowMs() - this.#begunMs >= REVIVAL_MS_MAX) this.#waitMs = REVIVAL_MS_MIN;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(2 * waitMs, REVIVAL_MS_MAX);
    return waitMs;
  }
}
