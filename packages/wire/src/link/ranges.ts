/**
 * A set of whole numbers, kept as ranges: packet numbers that came, records held beyond a gap. Numbers are 0 to 2^53 − 1.
 *
 * At most `rangesMax` ranges are kept. When one more would be needed the lowest one is forgotten, as if its numbers had
 * never been added: whoever sends them will send them again, and what is newest is known best.
 */
export class RangeSet {
  readonly #rangesMax: number;
  /** First and last of each range in turn, ascending; ranges neither touch nor overlap. */
  readonly #bounds: number[] = [];
  #size = 0;

  /** @throws {RangeError} `rangesMax` is not a whole number above 0 */
  constructor(rangesMax: number) {
    if (!Number.isSafeInteger(rangesMax) || rangesMax < 1)
      throw new RangeError(`A set of ranges cannot be bounded by ${rangesMax}`);
    this.#rangesMax = rangesMax;
  }

  /** Number of ranges. */
  get count(): number {
    return this.#bounds.length / 2;
  }

  /** Number of numbers. */
  get size(): number {
    return this.#size;
  }

  /** The highest number, undefined when there is none. */
  get largest(): number | undefined {
    return this.#bounds.at(-1);
  }

  get smallest(): number | undefined {
    return this.#bounds[0];
  }

  /** First number of a range; 0 is the highest range, `count − 1` the lowest. */
  firstOf(fromTop: number): number {
    return this.#bounds[this.#bounds.length - 2 - 2 * fromTop]!;
  }

  /** Last number of a range; 0 is the highest range. */
  lastOf(fromTop: number): number {
    return this.#bounds[this.#bounds.length - 1 - 2 * fromTop]!;
  }

  has(number: number): boolean {
    const at = this.#lowestEndingFrom(number);
    return at < this.#bounds.length && this.#bounds[at]! <= number;
  }

  /** The lowest number that is at least `from` and not in the set. */
  firstGap(from: number): number {
    const at = this.#lowestEndingFrom(from);
    if (at === this.#bounds.length || this.#bounds[at]! > from) return from;
    return this.#bounds[at + 1]! + 1;
  }

  /** @returns whether it is in the set now and was not before */
  add(number: number): boolean {
    const bounds = this.#bounds;
    const end = bounds.length - 1;
    // Nearly every number is the next one.
    if (end >= 0 && number === bounds[end]! + 1) {
      bounds[end] = number;
      this.#size += 1;
      return true;
    }
    if (this.has(number)) return false;
    this.addRange(number, number);
    return this.has(number);
  }

  /**
   * Add `first` to `last`, both included.
   * @throws {RangeError} `last` is below `first`
   */
  addRange(first: number, last: number): void {
    if (!(first <= last)) throw new RangeError(`${first} to ${last} is not a range`);
    const bounds = this.#bounds;
    // The ranges that this one touches become one with it.
    const at = this.#lowestEndingFrom(first - 1);
    let end = at;
    let low = first;
    let high = last;
    while (end < bounds.length && bounds[end]! <= last + 1) {
      low = Math.min(low, bounds[end]!);
      high = Math.max(high, bounds[end + 1]!);
      this.#size -= bounds[end + 1]! - bounds[end]! + 1;
      end += 2;
    }
    bounds.splice(at, end - at, low, high);
    this.#size += high - low + 1;
    if (this.count > this.#rangesMax) this.#dropLowest();
  }

  /** Take out everything below `number`. */
  removeBelow(number: number): void {
    const bounds = this.#bounds;
    const at = this.#lowestEndingFrom(number);
    for (let index = 0; index < at; index += 2) this.#size -= bounds[index + 1]! - bounds[index]! + 1;
    if (at > 0) bounds.splice(0, at);
    if (bounds.length > 0 && bounds[0]! < number) {
      this.#size -= number - bounds[0]!;
      bounds[0] = number;
    }
  }

  clear(): void {
    this.#bounds.length = 0;
    this.#size = 0;
  }

  #dropLowest(): void {
    this.#size -= this.#bounds[1]! - this.#bounds[0]! + 1;
    this.#bounds.splice(0, 2);
  }

  /** Index in `#bounds` of the lowest range whose last number is at least `number`; the length when there is none. */
  #lowestEndingFrom(number: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[2 * middle + 1]! < number) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}
