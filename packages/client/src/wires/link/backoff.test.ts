import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reconnectDelayMs } from './backoff.ts';

describe('The wait before the next attempt to connect', () => {
  it('doubles, up to half a second in the first minute', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 50].map((attempt) => reconnectDelayMs(attempt, 0, 0)),
      [50, 100, 200, 400, 500, 500],
    );
  });

  it('grows with the outage', () => {
    assert.deepEqual(
      [59_999, 60_000, 600_000, 86_400_000].map((outageMs) => reconnectDelayMs(50, outageMs, 0)),
      [500, 5000, 30_000, 30_000],
    );
  });

  it('is shorter by up to half, at random', () => {
    assert.equal(reconnectDelayMs(50, 0, 1), 250);
    assert.equal(reconnectDelayMs(50, 0, 0.5), 375);
  });
});
