/** Lines that wait at most. */
export const HELD_LINES_MAX = 256;

/**
 * When a line may go to a peer that takes turns and reads once for each: it must be reading, or two lines could come out of
 * one read, and one of them be lost. The side that opens speaks first, so as many reads have begun as the peer has said
 * lines, and one more if it was we who opened.
 *
 * A peer that says more than it was answered does not take turns, and need not be waited for.
 */
export class Turns {
  readonly #isOpener: boolean;
  #said = 0;
  #heard = 0;
  #isFree: boolean;

  constructor(isOpener: boolean, isFree: boolean) {
    this.#isOpener = isOpener;
    this.#isFree = isFree;
  }

  get maySpeak(): boolean {
    return this.#isFree || this.#said < this.#heard + (this.#isOpener ? 1 : 0);
  }

  speak(): void {
    this.#said += 1;
  }

  hear(): void {
    this.#heard += 1;
    if (this.#heard > this.#said + (this.#isOpener ? 0 : 1)) this.#isFree = true;
  }
}
