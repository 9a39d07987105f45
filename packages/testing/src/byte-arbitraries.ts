import fc from 'fast-check';

const encoder = new TextEncoder();

/** Well-formed text of any characters that is `min`–`max` bytes of UTF-8; short more often than long. */
export function utf8Text(min: number, max: number): fc.Arbitrary<string> {
  const unit = fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }) },
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  const mostly = fc.string({ unit, minLength: min, maxLength: Math.min(max, 40) });
  const long = fc.string({ unit, minLength: min, maxLength: max });
  return fc.oneof({ weight: 9, arbitrary: mostly }, long).map((text) => fitting(text, max));
}

/** The longest beginning of `text` that is at most `max` bytes of UTF-8. */
function fitting(text: string, max: number): string {
  const target = new Uint8Array(max);
  const { read } = encoder.encodeInto(text, target);
  return text.slice(0, read);
}

/** Sizes of the chunks that a stream comes in; see {@link chunksOf}. */
export function chunkSizes(): fc.Arbitrary<number[]> {
  return fc.oneof(
    fc.constant<number[]>([1]),
    fc
      .array(fc.integer({ min: 0, max: 70 }), { minLength: 1, maxLength: 12 })
      .filter((sizes) => sizes.some((size) => size > 0)),
  );
}

/** Cut a stream into chunks of these sizes, over and over until it ends. The chunks are copies. */
export function chunksOf(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0, turn = 0; start < stream.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(stream.slice(start, start + size));
    start += size;
  }
  return chunks;
}

/** Bytes with faults in them: some bits flipped, then perhaps cut short, then perhaps something after the end. */
export function mangled(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const faults = fc.record({
    flips: fc.array(fc.record({ at: fc.nat(), bit: fc.nat({ max: 7 }) }), { maxLength: 4 }),
    cut: fc.option(fc.nat(), { freq: 2 }),
    tail: fc.oneof({ weight: 2, arbitrary: fc.constant(new Uint8Array(0)) }, fc.uint8Array({ maxLength: 40 })),
  });
  return fc.tuple(bytes, faults).map(([whole, { flips, cut, tail }]) => {
    const flipped = whole.slice();
    for (const { at, bit } of flips) {
      // Faults in the first bytes, where the header is, matter most; an odd `at` falls there.
      const index = (at >>> 1) % Math.max(1, at % 2 === 1 ? Math.min(40, flipped.length) : flipped.length);
      if (flipped.length > 0) flipped[index]! ^= 1 << bit;
    }
    const kept = cut === null ? flipped : flipped.subarray(0, cut % (flipped.length + 1));
    const result = new Uint8Array(kept.length + tail.length);
    result.set(kept);
    result.set(tail, kept.length);
    return result;
  });
}
