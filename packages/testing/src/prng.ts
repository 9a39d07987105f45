/** Seeded pseudo-random numbers for tests: the same seed gives the same run. Not for secrets. */
export interface Prng {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True with the given probability, 0–1. */
  chance(probability: number): boolean;
  /** One of the items; the list must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  bytes(count: number): Uint8Array;
  /** An independent sequence, so that one part of a test may draw more without moving the others. */
  fork(): Prng;
}

/** The sfc32 generator (Chris Doty-Humphrey, PractRand), seeded with one number. */
export function prng(seed: number): Prng {
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 0x1_0000_0000) | 0;
  let counter = 1;
  const uint32 = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  for (let round = 0; round < 12; round += 1) uint32();
  const self: Prng = {
    next: () => uint32() / 0x1_0000_0000,
    int: (min, max) => min + Math.floor(self.next() * (max - min + 1)),
    chance: (probability) => self.next() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('Cannot pick from an empty list');
      return items[self.int(0, items.length - 1)]!;
    },
    bytes: (count) => {
      const bytes = new Uint8Array(count);
      for (let index = 0; index < count; index += 1) bytes[index] = uint32() & 0xff;
      return bytes;
    },
    fork: () => prng(uint32()),
  };
  return self;
}
