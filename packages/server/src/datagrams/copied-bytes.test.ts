import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopiedBytes } from './copied-bytes.ts';

test('what was added is found until all is cleared', () => {
  const pool = Array.from({ length: 40 }, () => new Uint8Array(1));
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.nat({ max: pool.length - 1 }) },
    { weight: 1, arbitrary: fc.constant('clear' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const copied = new CopiedBytes();
      const expected = new Map<Uint8Array, number>();
      for (const [index, one] of steps.entries()) {
        if (one === 'clear') {
          copied.clear();
          expected.clear();
          continue;
        }
        const bytes = pool[one]!;
        assert.equal(copied.find(bytes), expected.get(bytes));
        if (expected.has(bytes)) continue;
        copied.add(bytes, index);
        expected.set(bytes, index);
      }
    }),
  );
});

test('equal bytes in another object are not the same', () => {
  const copied = new CopiedBytes();
  copied.add(Uint8Array.of(1), 7);
  assert.equal(copied.find(Uint8Array.of(1)), undefined);
});

test('a run of many datagrams is found again in its order and from its beginning, but not forever far back', () => {
  const copied = new CopiedBytes();
  const run = Array.from({ length: 300 }, () => new Uint8Array(1));
  for (const [place, bytes] of run.entries()) copied.add(bytes, place);
  assert.deepEqual(
    run.slice(44).map((bytes) => copied.find(bytes)),
    run.slice(44).map((_, index) => index + 44),
  );
  assert.equal(copied.find(run[44]!), 44);
  assert.equal(copied.find(run[0]!), undefined);
});
