import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { RangeSet } from './ranges.ts';

/** The ranges as pairs, highest first. */
const fromTop = (set: RangeSet): number[][] =>
  Array.from({ length: set.count }, (_, index) => [set.firstOf(index), set.lastOf(index)]);

/** The same of a plain set, by looking at every number. */
function naiveRanges(numbers: ReadonlySet<number>): number[][] {
  const ranges: number[][] = [];
  for (const number of [...numbers].sort((a, b) => b - a)) {
    const lowest = ranges.at(-1);
    if (lowest !== undefined && lowest[0] === number + 1) lowest[0] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

describe('A set of ranges', () => {
  it('joins neighbours into one range, in any order', () => {
    const set = new RangeSet(8);
    for (const number of [5, 3, 4, 9, 1, 2]) assert.equal(set.add(number), true);
    assert.deepEqual(fromTop(set), [
      [9, 9],
      [1, 5],
    ]);
    assert.deepEqual([set.size, set.smallest, set.largest], [6, 1, 9]);
  });

  it('knows what it has already', () => {
    const set = new RangeSet(8);
    set.addRange(10, 20);
    assert.equal(set.add(15), false);
    assert.equal(set.add(21), true);
    assert.equal(set.size, 12);
  });

  it('is empty at first', () => {
    const set = new RangeSet(1);
    assert.deepEqual([set.count, set.size, set.smallest, set.largest, set.has(0)], [0, 0, undefined, undefined, false]);
    assert.equal(set.firstGap(7), 7);
  });

  it('forgets the lowest range when there is one too many', () => {
    const set = new RangeSet(2);
    for (const number of [1, 3]) set.add(number);
    assert.equal(set.add(5), true);
    assert.deepEqual(fromTop(set), [
      [5, 5],
      [3, 3],
    ]);
    assert.equal(set.size, 2);
  });

  it('does not take a number that would be the lowest of too many ranges', () => {
    const set = new RangeSet(2);
    for (const number of [5, 3]) set.add(number);
    assert.equal(set.add(1), false);
    assert.equal(set.has(1), false);
    assert.equal(set.add(2), true, 'what makes a range longer needs no further one');
  });

  it('refuses a bound or a range that is none', () => {
    for (const bound of [0, -1, 1.5, Number.NaN]) assert.throws(() => new RangeSet(bound), RangeError);
    assert.throws(() => new RangeSet(2).addRange(4, 3), RangeError);
  });

  it('takes the highest numbers there are', () => {
    const set = new RangeSet(2);
    set.add(Number.MAX_SAFE_INTEGER - 1);
    assert.equal(set.has(Number.MAX_SAFE_INTEGER - 1), true);
    assert.equal(set.firstGap(Number.MAX_SAFE_INTEGER - 1), Number.MAX_SAFE_INTEGER);
  });

  it('does what a plain set does', () => {
    const number = fc.nat({ max: 60 });
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), at: number }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('range' as const), at: number, more: fc.nat({ max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('below' as const), at: number }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, rangesMax) => {
        const set = new RangeSet(rangesMax);
        let model = new Set<number>();
        for (const next of steps) {
          const before = new Set(model);
          if (next.do === 'below') model = new Set([...model].filter((held) => held >= next.at));
          else
            for (let held = next.at; held <= next.at + (next.do === 'range' ? next.more : 0); held += 1)
              model.add(held);
          for (const [first, last] of naiveRanges(model).slice(rangesMax))
            for (let lost = first!; lost <= last!; lost += 1) model.delete(lost);

          if (next.do === 'add') assert.equal(set.add(next.at), model.has(next.at) && !before.has(next.at));
          else if (next.do === 'range') set.addRange(next.at, next.at + next.more);
          else set.removeBelow(next.at);
          assert.deepEqual(fromTop(set), naiveRanges(model));
          assert.equal(set.size, model.size);
        }
        for (let probe = 0; probe <= 72; probe += 1) {
          assert.equal(set.has(probe), model.has(probe));
          let gap = probe;
          while (model.has(gap)) gap += 1;
          assert.equal(set.firstGap(probe), gap);
        }
      }),
      { numRuns: propertyRuns() },
    );
  });
});
