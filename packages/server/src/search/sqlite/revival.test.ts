import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REVIVAL_MS_MAX, Revival } from './revival.ts';

test('what dies again and again is begun again after twice the time, up to a minute', () => {
  const revival = new Revival(() => 0);
  const waits = Array.from({ length: 9 }, () => {
    revival.begun();
    return revival.died();
  });
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('one that has lived long enough is begun again soon', () => {
  let nowMs = 0;
  const revival = new Revival(() => nowMs);
  const liveFor = (ms: number): number => {
    revival.begun();
    nowMs += ms;
    return revival.died();
  };
  assert.deepEqual([0, 0, REVIVAL_MS_MAX - 1, REVIVAL_MS_MAX, 0].map(liveFor), [1000, 2000, 4000, 1000, 2000]);
});
