import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { Pacer } from './pacer.ts';

const DATAGRAM = 1_200;
/** 12,000 bytes in 100 ms: 150 bytes each ms at 1.25 windows for each round trip. */
const WINDOW = 12_000;
const RTT_MS = 100;

describe('The pacer', () => {
  it('lets ten packets go at once, and the next ones 8 ms apart', () => {
    const pacer = new Pacer(DATAGRAM);
    const sentAtMs: number[] = [];
    let nowMs = 500;
    for (let count = 0; count < 13; count += 1) {
      nowMs = pacer.readyAtMs(nowMs, DATAGRAM, WINDOW, RTT_MS);
      pacer.onSent(nowMs, DATAGRAM, WINDOW, RTT_MS);
      sentAtMs.push(nowMs);
    }
    assert.deepEqual(sentAtMs, [...Array(10).fill(500), 508, 516, 524]);
  });

  it('saves up no more than ten packets', () => {
    const pacer = new Pacer(DATAGRAM);
    for (let count = 0; count < 10; count += 1) pacer.onSent(0, DATAGRAM, WINDOW, RTT_MS);
    let passed = 0;
    while (pacer.readyAtMs(1e6, DATAGRAM, WINDOW, RTT_MS) === 1e6) {
      pacer.onSent(1e6, DATAGRAM, WINDOW, RTT_MS);
      passed += 1;
    }
    assert.equal(passed, 10);
  });

  it('saves up what passes in 2 ms where that is more', () => {
    const pacer = new Pacer(DATAGRAM);
    // 1.25 × 96,000 bytes in 4 ms: 60,000 in 2 ms.
    let passed = 0;
    while (pacer.readyAtMs(0, DATAGRAM, 96_000, 4) === 0) {
      pacer.onSent(0, DATAGRAM, 96_000, 4);
      passed += 1;
    }
    assert.equal(passed, 50);
  });

  it('follows the window and the round trip', () => {
    const pacer = new Pacer(DATAGRAM);
    for (let count = 0; count < 10; count += 1) pacer.onSent(0, DATAGRAM, WINDOW, RTT_MS);
    assert.equal(pacer.readyAtMs(0, DATAGRAM, WINDOW, RTT_MS), 8);
    assert.equal(pacer.readyAtMs(0, DATAGRAM, WINDOW / 2, RTT_MS), 16);
    assert.equal(pacer.readyAtMs(0, DATAGRAM, WINDOW, RTT_MS / 2), 4);
  });

  it('takes what a probe used out of what comes after it, but never more than one bucket', () => {
    const pacer = new Pacer(DATAGRAM);
    for (let count = 0; count < 100; count += 1) pacer.onSent(0, DATAGRAM, WINDOW, RTT_MS);
    assert.equal(pacer.readyAtMs(0, DATAGRAM, WINDOW, RTT_MS), (12_000 + 1_200) / 150);
  });

  it('lets a packet go that is larger than the bucket, when the bucket is full', () => {
    const pacer = new Pacer(DATAGRAM);
    assert.equal(pacer.readyAtMs(0, 60_000, WINDOW, RTT_MS), 0);
    pacer.onSent(0, 60_000, WINDOW, RTT_MS);
    assert.equal(pacer.readyAtMs(0, 1_200, WINDOW, RTT_MS), (48_000 + 1_200) / 150);
  });

  it('does not wait on a round trip of nothing', () => {
    const pacer = new Pacer(DATAGRAM);
    for (let count = 0; count < 10; count += 1) pacer.onSent(0, DATAGRAM, WINDOW, 0);
    assert.ok(pacer.readyAtMs(0, DATAGRAM, WINDOW, 0) < 0.001);
  });

  it('is ready at the time it gave, and never sends more than the rate and a burst allow', () => {
    const send = fc.record({
      bytes: fc.integer({ min: 30, max: DATAGRAM }),
      waitMs: fc.double({ min: 0, max: 40, noNaN: true }),
    });
    const rtt = fc.double({ min: 0.2, max: 900, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(send, { maxLength: 100 }),
        fc.integer({ min: 2_400, max: 1e6 }),
        rtt,
        (sends, window, rttMs) => {
          const pacer = new Pacer(DATAGRAM);
          const startMs = 5_000_000.3;
          const bytesPerMs = (1.25 * window) / rttMs;
          const burst = Math.max(12_000, 2 * bytesPerMs);
          let nowMs = startMs;
          let total = 0;
          for (const { bytes, waitMs } of sends) {
            nowMs += waitMs;
            const readyMs = pacer.readyAtMs(nowMs, bytes, window, rttMs);
            assert.ok(readyMs >= nowMs);
            assert.equal(pacer.readyAtMs(readyMs, bytes, window, rttMs), readyMs);
            nowMs = readyMs;
            pacer.onSent(nowMs, bytes, window, rttMs);
            total += bytes;
            assert.ok(total <= burst + (nowMs - startMs) * bytesPerMs + sends.length + 1);
          }
        },
      ),
      { numRuns: propertyRuns() },
    );
  });
});
