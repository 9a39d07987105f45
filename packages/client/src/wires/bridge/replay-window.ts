/** Frames that may overtake each other by so many; older ones are taken for repetitions. */
const WINDOW = 1024;

/** Tells frames that were here before, by their counters (as RFC 4303 §3.4.3 does). Constant memory. */
export class ReplayWindow {
  readonly #seen = new Uint8Array(WINDOW);
  #highest = -1;

  /** Whether a frame with this counter may be new. */
  isFresh(counter: number): boolean {
    if (counter > this.#highest) return true;
    return this.#highest - counter < WINDOW && this.#seen[counter % WINDOW] === 0;
  }

  /** It was genuine: it is not fresh any more. */
  note(counter: number): void {
    if (counter > this.#highest) {
      const skipped = Math.min(counter - this.#highest, WINDOW);
      for (let step = 0; step < skipped; step += 1) this.#seen[(counter - step) % WINDOW] = 0;
      this.#highest = counter;
    }
    this.#seen[counter % WINDOW] = 1;
  }
}
