/** Lines at once, and then per second: within what a server allows one member by default (1000, then 100 a second). */
const BURST = 500;
const PER_SECOND = 80;

/** Keeps a script that pipes in a long file from being refused for its speed. */
export class Pace {
  #allowance = BURST;
  #lastMs = performance.now();

  /** Fulfils when the next line may go. One caller at a time. */
  async turn(): Promise<void> {
    const nowMs = performance.now();
    this.#allowance = Math.min(BURST, this.#allowance + ((nowMs - this.#lastMs) / 1000) * PER_SECOND);
    this.#lastMs = nowMs;
    this.#allowance -= 1;
    if (this.#allowance >= 0) return;
    const waitMs = (-this.#allowance / PER_SECOND) * 1000;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
