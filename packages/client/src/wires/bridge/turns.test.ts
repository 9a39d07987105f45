import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { Turns } from './turns.ts';

test('who opens speaks first, and then waits for each answer', () => {
  const turns = new Turns(true, false);
  assert.equal(turns.maySpeak, true);
  turns.speak();
  assert.equal(turns.maySpeak, false);
  turns.hear();
  assert.equal(turns.maySpeak, true);
});

test('who was found speaks second', () => {
  const turns = new Turns(false, false);
  assert.equal(turns.maySpeak, false);
  turns.hear();
  assert.equal(turns.maySpeak, true);
  turns.speak();
  assert.equal(turns.maySpeak, false);
});

test('who does not want to wait does not', () => {
  const turns = new Turns(false, true);
  for (let line = 0; line < 10; line += 1) {
    assert.equal(turns.maySpeak, true);
    turns.speak();
  }
});

test('a peer that says more than it was answered is free, and so are we', () => {
  const opener = new Turns(true, false);
  opener.hear();
  const waiter = new Turns(false, false);
  waiter.hear();
  waiter.hear();
  for (const turns of [opener, waiter]) {
    for (let line = 0; line < 10; line += 1) {
      assert.equal(turns.maySpeak, true);
      turns.speak();
    }
  }
});

/** A program that takes turns: reads once, says one line, reads again; or the other way round when it opens. */
test('a line goes out only when a peer that takes turns is reading, and nobody waits for ever', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.boolean(), { maxLength: 60 }), (isOpener, steps) => {
      const turns = new Turns(isOpener, false);
      let isReading = isOpener;
      for (const isOurs of steps) {
        assert.equal(turns.maySpeak, isReading);
        if (isOurs && turns.maySpeak) {
          turns.speak();
          isReading = false;
        } else if (!isOurs && !isReading) {
          turns.hear();
          isReading = true;
        }
      }
    }),
    { numRuns: propertyRuns() },
  );
});
