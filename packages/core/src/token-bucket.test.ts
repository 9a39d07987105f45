import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns } from '@confab/testing';
import fc from 'fast-check';
import { KeyedBuckets, TokenBucket } from './token-bucket.ts';

const rate = { perSecond: 10, burst: 3 };

test('a bucket starts full, gives its burst and then nothing', () => {
  const bucket = new TokenBucket(rate, 1000);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take(1000)),
    [true, true, true, false],
  );
});

test('a token comes back after the time the rate says, not before', () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.take(0, 3);
  assert.equal(bucket.take(99), false);
  assert.equal(bucket.take(100), true);
  assert.equal(bucket.take(100), false);
});

test('many small steps of time give the same as one long one', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 5 }, 0);
  bucket.take(0, 5);
  for (let nowMs = 1; nowMs < 2001; nowMs += 1) bucket.hasToken(nowMs);
  assert.equal(bucket.take(2001), true);
  assert.equal(bucket.take(2001), true);
  assert.equal(bucket.take(2001), false);
});

test('a long rest fills the bucket to its burst and no further', () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.take(0, 3);
  assert.equal(bucket.take(1e9, 4), false);
  assert.equal(bucket.take(1e9, 3), true);
});

test('what cannot be taken whole is not taken in part', () => {
  const bucket = new TokenBucket(rate, 0);
  assert.equal(bucket.take(0, 2), true);
  assert.equal(bucket.take(0, 2), false);
  assert.equal(bucket.take(0, 1), true);
});

test('of several tokens, as many are taken as there are whole ones', () => {
  const bucket = new TokenBucket(rate, 0);
  assert.deepEqual([bucket.takeUpTo(0, 2), bucket.takeUpTo(0, 5), bucket.takeUpTo(0, 5)], [2, 1, 0]);
  assert.equal(bucket.takeUpTo(199, 5), 1);
  assert.equal(bucket.takeUpTo(200, 5), 1);
});

test('draining takes what is there, down to nothing', () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.drain(0, 2);
  assert.equal(bucket.hasToken(0), true);
  bucket.drain(0, 2);
  assert.equal(bucket.hasToken(0), false);
  assert.equal(bucket.take(100), true);
});

test('over any stretch of time a bucket gives at most its burst and what the rate adds', () => {
  fc.assert(
    fc.property(
      fc.record({ perSecond: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) }),
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 100 }),
      (anyRate, stepsMs) => {
        const bucket = new TokenBucket(anyRate, 0);
        let nowMs = 0;
        let taken = 0;
        for (const stepMs of stepsMs) {
          nowMs += stepMs;
          if (bucket.take(nowMs)) taken += 1;
        }
        assert.ok(taken <= anyRate.burst + (nowMs / 1000) * anyRate.perSecond + 1e-6);
      },
    ),
    { numRuns: propertyRuns() },
  );
});

test('each key has a bucket of its own', () => {
  const buckets = new KeyedBuckets({ perSecond: 1, burst: 1 }, 10);
  assert.equal(buckets.take('a', 0), true);
  assert.equal(buckets.take('a', 0), false);
  assert.equal(buckets.take('b', 0), true);
});

test('a full table forgets the key that has been there longest, and never grows beyond its bound', () => {
  const buckets = new KeyedBuckets({ perSecond: 0, burst: 1 }, 2);
  buckets.take('a', 0);
  buckets.take('b', 0);
  buckets.take('c', 0);
  assert.equal(buckets.size, 2);
  assert.equal(buckets.take('b', 0), false, 'b is still remembered');
  assert.equal(buckets.take('a', 0), true, 'a was forgotten, and took the place of b');
  assert.equal(buckets.take('c', 0), false, 'c is still remembered');
  for (let key = 0; key < 1000; key += 1) buckets.take(`forged ${key}`, 0);
  assert.equal(buckets.size, 2);
});

test('asking whether a key is exhausted remembers nothing', () => {
  const buckets = new KeyedBuckets({ perSecond: 1, burst: 2 }, 10);
  assert.equal(buckets.isExhausted('a', 0), false);
  assert.equal(buckets.size, 0);
});

test('a key that is charged more than it has left is exhausted until tokens come back', () => {
  const buckets = new KeyedBuckets({ perSecond: 1, burst: 8 }, 10);
  for (let fault = 0; fault < 3; fault += 1) buckets.drain('a', 0, 3);
  assert.equal(buckets.isExhausted('a', 0), true);
  assert.equal(buckets.isExhausted('a', 999), true);
  assert.equal(buckets.isExhausted('a', 1000), false);
});
