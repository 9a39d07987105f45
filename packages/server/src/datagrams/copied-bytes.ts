/** How far back it is looked for something that is not where it is expected. */
const LOOK_BACK_MAX = 256;

/**
 * Remembers where bytes were copied to, by the object that they came in.
 *
 * Not a `Map`: each time one is emptied it gets a new table, which the old one refers to. When a table has once become old,
 * the garbage collector (of V8) takes all that followed for alive until it looks through everything, and with it all keys.
 */
export class CopiedBytes {
  readonly #keys: (Uint8Array | undefined)[] = [];
  readonly #places: number[] = [];
  #count = 0;
  /** Where something was found, or added, last. */
  #last = 0;

  find(bytes: Uint8Array): number | undefined {
    const keys = this.#keys;
    // Who gets several datagrams gets them in the order in which the one before got them.
    const next = this.#last + 1;
    if (keys[this.#last] === bytes) return this.#places[this.#last];
    if (next < this.#count && keys[next] === bytes) return this.#found(next);
    const oldest = Math.max(0, this.#count - LOOK_BACK_MAX);
    for (let index = this.#count - 1; index >= oldest; index -= 1) if (keys[index] === bytes) return this.#found(index);
    return undefined;
  }

  /** `bytes` were not found. */
  add(bytes: Uint8Array, place: number): void {
    this.#keys[this.#count] = bytes;
    this.#places[this.#count] = place;
    this.#last = this.#count;
    this.#count += 1;
  }

  clear(): void {
    for (let index = 0; index < this.#count; index += 1) this.#keys[index] = undefined;
    this.#count = 0;
    this.#last = 0;
  }

  #found(index: number): number {
    this.#last = index;
    return this.#places[index]!;
  }
}
