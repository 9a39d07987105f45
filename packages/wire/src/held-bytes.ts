const CAPACITY_BYTES_MIN = 512;
const NOTHING = new Uint8Array(0);

/**
 * The bytes of an unfinished frame. Room doubles as bytes come, so each byte is copied a bounded number of times however
 * small the chunks are, and nothing is allocated because a peer declared it.
 */
export class HeldBytes {
  readonly #bytesMax: number;
  #storage = NOTHING;
  #length = 0;

  /** @param bytesMax The most that will ever be held, bytes; callers append no more. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  /** What is held; a view that the next `append` or `clear` makes stale. */
  get bytes(): Uint8Array {
    return this.#storage.subarray(0, this.#length);
  }

  append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#storage.length) {
      const doubled = Math.max(this.#storage.length * 2, CAPACITY_BYTES_MIN);
      const grown = new Uint8Array(Math.max(needed, Math.min(doubled, this.#bytesMax)));
      grown.set(this.bytes);
      this.#storage = grown;
    }
    this.#storage.set(chunk, this.#length);
    this.#length = needed;
  }

  /** Forget everything and give the memory back. */
  clear(): void {
    this.#storage = NOTHING;
    this.#length = 0;
  }
}
