import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { RECENT_MS, RttEstimator } from './rtt.ts';

/** Equal but for the rounding of a sum. */
function assertNear(actual: number | undefined, expected: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${what}: ${actual}, not ${expected}`);
}

describe('The round-trip time', () => {
  it('is taken for 333 ms before anything was measured', () => {
    const rtt = new RttEstimator();
    assert.deepEqual([rtt.smoothedMs, rtt.varMs, rtt.latestMs, rtt.minMs], [333, 166.5, undefined, undefined]);
    assert.equal(rtt.ptoMs(0), 999);
  });

  it('follows the formulas of RFC 9002, section 5.3, worked out by hand, but for delays that are not believed whole', () => {
    const rtt = new RttEstimator();
    // sample, ack delay → min, var = ¾ var + ¼ |smoothed − adjusted|, smoothed = ⅞ smoothed + ⅛ adjusted
    const table: readonly (readonly [number, number, number, number, number])[] = [
      [100, 20, 100, 50, 100], // the first: its delay plays no part
      [140, 20, 100, 42.5, 102.5], // adjusted 120
      [110, 20, 100, 32.5, 102.1875], // adjusted 100, not 90: no less than the least
      [80, 0, 80, 29.921875, 99.4140625],
      [130, 25, 80, 23.837890625, 100.1123046875], // adjusted 105
    ];
    for (const [sampleMs, ackDelayMs, minMs, varMs, smoothedMs] of table) {
      rtt.sample(0, sampleMs, ackDelayMs);
      assert.equal(rtt.latestMs, sampleMs);
      assert.equal(rtt.minMs, minMs);
      assertNear(rtt.varMs, varMs, `var after ${sampleMs}`);
      assertNear(rtt.smoothedMs, smoothedMs, `smoothed after ${sampleMs}`);
    }
  });

  it('is not raised by a delay of the peer that is a trifle too long for the least sample', () => {
    const rtt = new RttEstimator();
    for (let round = 0; round < 100; round += 1) rtt.sample(0, 41, 0);
    rtt.sample(0, 40.9 + 245, 245);
    assertNear(rtt.smoothedMs, 41, 'smoothed');
    assertNear(rtt.ptoMs(0), 42, 'the probe timeout');
    assertNear(rtt.lossDelayMs(9 / 8), (41 * 9) / 8, 'the time threshold');
  });

  it('gives the probe timeout of section 6.2.1', () => {
    const rtt = new RttEstimator();
    rtt.sample(0, 40, 0);
    assert.equal(rtt.ptoMs(25), 40 + 4 * 20 + 25);
    for (let round = 0; round < 200; round += 1) rtt.sample(0, 40, 0);
    assertNear(rtt.ptoMs(0), 41, 'a steady path is left at least 1 ms');
  });

  it('gives the time threshold of section 6.1.2', () => {
    const rtt = new RttEstimator();
    assertNear(rtt.lossDelayMs(9 / 8), (333 * 9) / 8, 'before a sample');
    rtt.sample(0, 80, 0);
    rtt.sample(0, 160, 0);
    assertNear(rtt.lossDelayMs(9 / 8), 180, 'the latest is above the smoothed one');
    rtt.sample(0, 8, 0);
    assertNear(rtt.lossDelayMs(9 / 8), (79.75 * 9) / 8, 'the smoothed one is above the latest');
    const fast = new RttEstimator();
    fast.sample(0, 0.2, 0);
    assert.equal(fast.lossDelayMs(9 / 8), 1);
  });

  it('takes the newest sample for the minimum after persistent congestion', () => {
    const rtt = new RttEstimator();
    rtt.sample(0, 40, 0);
    rtt.sample(0, 200, 30);
    rtt.restartMin();
    assert.equal(rtt.minMs, 200);
    rtt.sample(0, 150, 0);
    assert.equal(rtt.minMs, 150);
  });

  it('forgets everything on another path', () => {
    const rtt = new RttEstimator(50);
    rtt.sample(5, 400, 0);
    rtt.reset();
    assert.deepEqual(
      [rtt.smoothedMs, rtt.varMs, rtt.latestMs, rtt.minMs, rtt.recentMinMs],
      [50, 25, undefined, undefined, undefined],
    );
    assert.equal(rtt.firstSampleAtMs, undefined);
    rtt.sample(9, 70, 0);
    assert.deepEqual([rtt.minMs, rtt.recentMinMs, rtt.firstSampleAtMs], [70, 70, 9]);
  });

  it('knows the lowest of the last half minute to minute, when the path has become longer', () => {
    const rtt = new RttEstimator();
    rtt.sample(0, 20, 0);
    rtt.sample(RECENT_MS - 1, 90, 0);
    assert.equal(rtt.recentMinMs, 20);
    rtt.sample(RECENT_MS, 90, 0);
    assert.equal(rtt.recentMinMs, 20);
    rtt.sample(2 * RECENT_MS, 90, 0);
    assert.deepEqual([rtt.recentMinMs, rtt.minMs], [90, 20]);
    rtt.sample(10 * RECENT_MS, 200, 0);
    assert.equal(rtt.recentMinMs, 200, 'nothing recent but this one');
  });

  it('stays between the lowest and the highest sample', () => {
    const sample = fc.record({ ms: fc.double({ min: 0.01, max: 5_000, noNaN: true }), delay: fc.nat({ max: 25 }) });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 40 }), (samples) => {
        const rtt = new RttEstimator();
        for (const { ms, delay } of samples) rtt.sample(0, ms, delay);
        const least = Math.min(...samples.map(({ ms }) => ms));
        const most = Math.max(...samples.map(({ ms }) => ms));
        assert.equal(rtt.minMs, least);
        assert.ok(rtt.smoothedMs >= least - 1e-9 && rtt.smoothedMs <= most + 1e-9);
        assert.ok(rtt.varMs >= 0 && rtt.varMs <= Math.max(most - least, most / 2) + 1e-9);
      }),
      { numRuns: propertyRuns() },
    );
  });
});
