import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing';
import fc from 'fast-check';
import { placeInSeries } from './series.ts';

test('an id that ends with a number is that number of its series', () => {
  assert.deepEqual(placeInSeries('outbox/17'), { series: 'outbox/', number: 17 });
  assert.deepEqual(placeInSeries('7'), { series: '', number: 7 });
  assert.deepEqual(placeInSeries('a0'), { series: 'a', number: 0 });
  assert.deepEqual(placeInSeries('2b999999999999999'), { series: '2b', number: 999_999_999_999_999 });
});

test('an id that does not, or whose number is written in an unusual way or not exact, is in none', () => {
  for (const clientId of ['', 'a', '17a', 'a007', '00', 'a1234567890123456', 'a٣']) {
    assert.equal(placeInSeries(clientId), undefined, clientId);
  }
});

test('no two ids are the same number of the same series', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', '/', 'ü') }), (clientId) => {
      const place = placeInSeries(clientId);
      if (place !== undefined) assert.equal(place.series + place.number, clientId);
    }),
    { numRuns: propertyRuns() },
  );
});
