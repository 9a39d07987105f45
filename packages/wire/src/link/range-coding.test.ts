import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { decodeAckRanges, decodeCursorRanges, encodeAckRanges, encodeCursorRanges } from './range-coding.ts';
import { RangeSet } from './ranges.ts';

const RANGES_MAX = 32;

function setOf(...ranges: readonly (readonly [number, number])[]): RangeSet {
  const set = new RangeSet(1_000);
  for (const [first, last] of ranges) set.addRange(first, last);
  return set;
}

const ack = (set: RangeSet, rangesMax = RANGES_MAX): number[] => {
  const out = [99];
  encodeAckRanges(set, rangesMax, out);
  return out;
};
const cursor = (set: RangeSet, next: number, rangesMax = RANGES_MAX): number[] => {
  const out = [99];
  encodeCursorRanges(set, next, rangesMax, out);
  return out;
};

const someNumbers = fc.array(fc.nat({ max: 300 }), { maxLength: 80 });

describe("ACK's ranges", () => {
  it('are counted as in RFC 9000, section 19.3.1', () => {
    // 10–12 and 5–7 and 0: three, two and one below the highest of each; 8–9 are two missing, 1–4 four.
    assert.deepEqual(ack(setOf([10, 12], [5, 7], [0, 0])), [12, 2, 1, 2, 3, 0]);
  });

  it('say nothing of an empty set', () => {
    assert.deepEqual(ack(setOf()), []);
  });

  it('leave out the oldest ones beyond the bound', () => {
    assert.deepEqual(ack(setOf([10, 12], [5, 7], [0, 0]), 2), [12, 2, 1, 2]);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(someNumbers, fc.integer({ min: 1, max: RANGES_MAX }), (numbers, rangesMax) => {
        const set = new RangeSet(1_000);
        for (const number of numbers) set.add(number);
        const [largest, first, ...pairs] = ack(set, rangesMax);
        if (largest === undefined || first === undefined) return assert.equal(set.count, 0);
        const out = [99];
        assert.equal(decodeAckRanges(largest, first, pairs, out), true);
        const expected: number[] = [];
        for (let index = 0; index < Math.min(set.count, rangesMax); index += 1)
          expected.push(set.firstOf(index), set.lastOf(index));
        assert.deepEqual(out, expected);
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('are refused when they go below nought or end in half a pair', () => {
    const out: number[] = [];
    assert.equal(decodeAckRanges(3, 4, [], out), false);
    assert.equal(decodeAckRanges(3, 0, [2, 0], out), false, 'a gap that reaches below nought');
    assert.equal(decodeAckRanges(9, 0, [2, 6], out), false, 'a range that reaches below nought');
    assert.equal(decodeAckRanges(9, 0, [2], out), false);
    assert.deepEqual(out, []);
    assert.equal(decodeAckRanges(3, 3, [], out), true);
    assert.equal(decodeAckRanges(3, 0, [1, 0], out), true);
  });

  it('of any numbers are disjoint and descending, or refused', () => {
    const anyNumber = fc.oneof(fc.nat({ max: 20 }), fc.maxSafeNat());
    fc.assert(
      fc.property(anyNumber, anyNumber, fc.array(anyNumber, { maxLength: 12 }), (largest, first, pairs) => {
        const out: number[] = [];
        if (!decodeAckRanges(largest, first, pairs, out)) return assert.deepEqual(out, []);
        let above = Number.POSITIVE_INFINITY;
        for (let index = 0; index < out.length; index += 2) {
          const [low, high] = [out[index]!, out[index + 1]!];
          assert.ok(low >= 0 && low <= high && high < above - 1);
          above = low;
        }
      }),
      { numRuns: propertyRuns() },
    );
  });
});

describe("CURSOR's ranges", () => {
  it('count what is missing and what is held, upward from the first gap', () => {
    assert.deepEqual(cursor(setOf([10, 12], [7, 7]), 5), [2, 1, 2, 3]);
  });

  it('leave out what is below the first gap', () => {
    assert.deepEqual(cursor(setOf([1, 4], [7, 7]), 5), [2, 1]);
    assert.deepEqual(cursor(setOf([1, 4]), 5), []);
  });

  it('leave out the oldest ones beyond the bound, as if they were missing', () => {
    assert.deepEqual(cursor(setOf([10, 12], [7, 7]), 5, 1), [5, 3]);
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(someNumbers, (numbers) => {
        const set = new RangeSet(1_000);
        for (const number of numbers) set.add(number);
        const next = set.firstGap(0);
        const out = [99];
        assert.equal(decodeCursorRanges(next, cursor(set, next, 1_000), out), true);
        const expected: number[] = [];
        for (let index = set.count - 1; index >= 0; index -= 1)
          if (set.firstOf(index) > next) expected.push(set.firstOf(index), set.lastOf(index));
        assert.deepEqual(out, expected);
      }),
      { numRuns: propertyRuns() },
    );
  });

  it('are refused when a count is nought or a number is too large', () => {
    const out: number[] = [];
    for (const pairs of [[0, 1], [1, 0], [1], [Number.MAX_SAFE_INTEGER, 1], [1, Number.MAX_SAFE_INTEGER]])
      assert.equal(decodeCursorRanges(1, pairs, out), false, String(pairs));
    assert.deepEqual(out, []);
    assert.equal(decodeCursorRanges(1, [1, 1], out), true);
    assert.deepEqual(out, [2, 2]);
  });
});
