import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { REPLAY_WINDOW_NUMBERS, ReplayWindow } from './replay-window.ts';

test('a number is new once, in any order', () => {
  const window = new ReplayWindow();
  for (const number of [0, 5, 3, 1_000, 4]) {
    assert.ok(window.isNew(number), String(number));
    window.add(number);
    assert.ok(!window.isNew(number), String(number));
  }
  assert.equal(window.largest, 1_000);
  assert.ok(window.isNew(999));
});

test('a number that the window has left behind counts as seen', () => {
  const window = new ReplayWindow();
  window.add(REPLAY_WINDOW_NUMBERS);
  assert.ok(!window.isNew(0));
  assert.ok(window.isNew(1));
  window.add(2 ** 50);
  assert.ok(!window.isNew(REPLAY_WINDOW_NUMBERS - 1));
  assert.ok(window.isNew(2 ** 50 - REPLAY_WINDOW_NUMBERS + 1));
});

test('it agrees with a set of all numbers that came', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -40, max: 40 }), fc.boolean()), { maxLength: 120 });
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 2 ** 40), (list, start) => {
      const window = new ReplayWindow(32);
      const seen = new Set<number>();
      let largest = -1;
      let at = start;
      for (const [step, adds] of list) {
        at = Math.max(0, at + step);
        const isNew = !seen.has(at) && at > largest - 32;
        assert.equal(window.isNew(at), isNew);
        if (!adds || !isNew) continue;
        window.add(at);
        seen.add(at);
        largest = Math.max(largest, at);
        assert.equal(window.largest, largest);
      }
    }),
    { numRuns: propertyRuns() },
  );
});

test('it cannot be of a size that is no multiple of 32', () => {
  for (const numbers of [0, 31, 33, 1.5]) assert.throws(() => new ReplayWindow(numbers), RangeError);
});
