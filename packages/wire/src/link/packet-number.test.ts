import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { packetNumberBytes, recoverPacketNumber } from './packet-number.ts';

test('a number is cut as in the examples of RFC 9000, appendix A.2', () => {
  assert.equal(packetNumberBytes(0xac5c02, 0xabe8b3), 2);
  assert.equal(packetNumberBytes(0xace8fe, 0xabe8b3), 3);
});

test('a number is recovered as in the example of RFC 9000, appendix A.3', () => {
  assert.equal(recoverPacketNumber(0xa82f30ea, 0x9b32, 2), 0xa82f9b32);
});

test('one byte serves while at most 128 packets are not acknowledged', () => {
  assert.equal(packetNumberBytes(0, -1), 1);
  assert.equal(packetNumberBytes(127, -1), 1);
  assert.equal(packetNumberBytes(128, -1), 2);
  assert.equal(packetNumberBytes(1_128, 1_000), 1);
  assert.equal(packetNumberBytes(1_129, 1_000), 2);
  assert.equal(packetNumberBytes(2 ** 31 - 1, -1), 4);
  assert.equal(packetNumberBytes(2 ** 31, -1), 5, 'more than four bytes can tell');
});

test('a number that was cut is recovered wherever the receiver is, as far as it can be from the sender', () => {
  const acked = fc
    .oneof(fc.nat({ max: 1_000 }), fc.nat({ max: 2 ** 31 - 1 }), fc.maxSafeNat())
    .map((number) => number - 1);
  fc.assert(
    fc.property(
      acked,
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (largestAcked, ahead, share) => {
        const number = Math.min(largestAcked + ahead, Number.MAX_SAFE_INTEGER - 2 ** 33);
        if (number <= largestAcked) return;
        const bytes = packetNumberBytes(number, largestAcked);
        // The receiver has acknowledged `largestAcked`; it may have got anything up to the number itself.
        const largest = largestAcked + Math.floor(share * (number - 1 - largestAcked));
        assert.equal(recoverPacketNumber(largest, number % 2 ** (8 * bytes), bytes), number);
      },
    ),
    { numRuns: propertyRuns() },
  );
});
