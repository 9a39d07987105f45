/** How many of the newest packet numbers are told apart; what is older counts as seen. */
export const REPLAY_WINDOW_NUMBERS = 1_024;

/** Which packet numbers have come: the newest ones exactly, all older ones as seen (RFC 9000 §12.3; RFC 4303 §3.4.3). */
export class ReplayWindow {
  /** A bit for each number, at the number modulo their count. */
  readonly #bits: Uint32Array;
  readonly #size: number;
  #largest = -1;

  /** @param numbers a multiple of 32 above 0 @throws {RangeError} another number */
  constructor(numbers = REPLAY_WINDOW_NUMBERS) {
    if (!Number.isInteger(numbers) || numbers < 32 || numbers % 32 !== 0)
      throw new RangeError(`A replay window of ${numbers} numbers is not a multiple of 32`);
    this.#size = numbers;
    this.#bits = new Uint32Array(numbers / 32);
  }

  /** The largest number that came, −1 before the first. */
  get largest(): number {
    return this.#largest;
  }

  /** Whether this number is new: neither seen nor too old to tell. */
  isNew(number: number): boolean {
    if (number > this.#largest) return true;
    if (number <= this.#largest - this.#size) return false;
    const slot = number % this.#size;
    return (this.#bits[slot >>> 5]! & (1 << (slot & 31))) === 0;
  }

  /** It came. Only for numbers that are new, and of packets that are authentic. */
  add(number: number): void {
    if (number > this.#largest) this.#advance(number);
    const slot = number % this.#size;
    this.#bits[slot >>> 5]! |= 1 << (slot & 31);
  }

  /** Forget what the window leaves behind. */
  #advance(number: number): void {
    if (number - this.#largest >= this.#size) {
      this.#bits.fill(0);
    } else {
      for (let gone = this.#largest + 1; gone < number; gone += 1) this.#clear(gone % this.#size);
      this.#clear(number % this.#size);
    }
    this.#largest = number;
  }

  #clear(slot: number): void {
    this.#bits[slot >>> 5]! &= ~(1 << (slot & 31));
  }
}
