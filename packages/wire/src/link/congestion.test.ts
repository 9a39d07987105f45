import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { CongestionWindow, initialWindowBytes } from './congestion.ts';
import type { AckNeed } from './sent-packets.ts';

const DATAGRAM = 1_200;
/** More than any window: it is in use. */
const FULL = Number.POSITIVE_INFINITY;

interface Traits {
  readonly bytes?: number;
  readonly need?: AckNeed;
  readonly wasLost?: boolean;
  readonly isMtuProbe?: boolean;
}
const packet = (
  sentMs: number,
  { bytes = DATAGRAM, need = 'prompt', wasLost = false, isMtuProbe = false }: Traits = {},
) => ({
  sentMs,
  bytes,
  need,
  wasLost,
  isMtuProbe,
});

describe('The congestion window', () => {
  it('begins with ten packets, at most 14,720 bytes or two packets (RFC 9002, section 7.2)', () => {
    assert.equal(initialWindowBytes(1_200), 12_000);
    assert.equal(initialWindowBytes(1_472), 14_720);
    assert.equal(initialWindowBytes(4_096), 14_720);
    assert.equal(initialWindowBytes(9_000), 18_000);
    assert.equal(new CongestionWindow(1_200).bytes, 12_000);
  });

  it('grows by what is acknowledged in slow start, by a packet each window after it', () => {
    const window = new CongestionWindow(DATAGRAM);
    for (let round = 0; round < 10; round += 1) window.onAcknowledged(packet(0), FULL);
    assert.deepEqual([window.bytes, window.isSlowStart], [24_000, true]);
    window.onLost(packet(0), 100);
    assert.deepEqual([window.bytes, window.thresholdBytes, window.isSlowStart], [12_000, 12_000, false]);
    window.onAcknowledged(packet(101), FULL);
    assert.equal(window.bytes, 12_000 + (1_200 * 1_200) / 12_000);
  });

  it('halves once for all that was sent before the loss was found', () => {
    const window = new CongestionWindow(DATAGRAM);
    window.onLost(packet(10), 100);
    window.onLost(packet(99), 120);
    window.onLost(packet(100), 130);
    assert.equal(window.bytes, 6_000);
    window.onAcknowledged(packet(100), FULL);
    assert.equal(window.bytes, 6_000, 'no growth in recovery');
    window.onLost(packet(101), 200);
    assert.equal(window.bytes, 3_000);
  });

  it('is never less than two packets', () => {
    const window = new CongestionWindow(DATAGRAM);
    for (let round = 1; round < 9; round += 1) window.onLost(packet(round * 10), round * 10);
    assert.equal(window.bytes, 2_400);
    window.setDatagramBytes(1_472);
    assert.equal(window.bytes, 2_944);
  });

  it('falls to two packets in persistent congestion, and may be halved and grow at once', () => {
    const window = new CongestionWindow(DATAGRAM);
    window.onLost(packet(10), 100);
    window.onPersistentCongestion();
    assert.deepEqual([window.bytes, window.isSlowStart], [2_400, true]);
    window.onAcknowledged(packet(50), FULL);
    assert.equal(window.bytes, 3_600);
  });

  it('does not grow while it is not used (section 7.8)', () => {
    const window = new CongestionWindow(DATAGRAM);
    window.onAcknowledged(packet(0), 6_000);
    assert.equal(window.bytes, 12_000);
    window.onAcknowledged(packet(0), 6_001);
    assert.equal(window.bytes, 13_200, 'more than half of it, in slow start');
    window.onLost(packet(0), 1);
    window.onAcknowledged(packet(2), 6_600 - 3_601);
    assert.equal(window.bytes, 6_600);
    window.onAcknowledged(packet(2), 6_600 - 3_600);
    assert.ok(window.bytes > 6_600, 'no more than three packets are left of it');
  });

  it('is not moved by packets of acknowledgements alone, MTU probes and spurious losses', () => {
    const window = new CongestionWindow(DATAGRAM);
    window.onLost(packet(5, { need: 'none' }), 10);
    window.onLost(packet(5, { isMtuProbe: true }), 10);
    window.onAcknowledged(packet(5, { need: 'none' }), FULL);
    window.onAcknowledged(packet(5, { wasLost: true }), FULL);
    assert.equal(window.bytes, 12_000);
  });

  it('is at most the initial one after a probe timeout with nothing in flight', () => {
    const window = new CongestionWindow(DATAGRAM);
    for (let round = 0; round < 20; round += 1) window.onAcknowledged(packet(0), FULL);
    window.onSend(1_000, 0, 100);
    assert.equal(window.bytes, 12_000, 'nothing was ever sent');
    for (let round = 0; round < 20; round += 1) window.onAcknowledged(packet(1_000), FULL);
    window.onSend(1_100, 0, 100);
    assert.equal(window.bytes, 36_000, 'not longer than the timeout');
    window.onSend(1_300, 1, 100);
    assert.equal(window.bytes, 36_000, 'something is in flight');
    window.onSend(1_401, 0, 100);
    assert.equal(window.bytes, 12_000);
    window.onLost(packet(1_401), 1_402);
    window.onSend(2_000, 0, 100);
    assert.equal(window.bytes, 6_000, 'it never grows by idling');
  });

  it('begins anew on another path', () => {
    const window = new CongestionWindow(DATAGRAM);
    window.onLost(packet(10), 100);
    window.reset(1_400);
    assert.deepEqual([window.bytes, window.isSlowStart], [14_000, true]);
    window.onLost(packet(50), 60);
    assert.equal(window.bytes, 7_000);
  });

  it('stays between two packets and what was acknowledged, whatever happens', () => {
    const step = fc.record({
      isLost: fc.boolean(),
      waitMs: fc.nat({ max: 50 }),
      ageMs: fc.nat({ max: 200 }),
      bytes: fc.integer({ min: 30, max: DATAGRAM }),
      inFlight: fc.nat({ max: 60_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const window = new CongestionWindow(DATAGRAM);
        let nowMs = 1_000;
        let mostBytes = window.bytes;
        for (const { isLost, waitMs, ageMs, bytes, inFlight } of steps) {
          nowMs += waitMs;
          if (isLost) window.onLost(packet(nowMs - ageMs), nowMs);
          else window.onAcknowledged(packet(nowMs - ageMs, { bytes }), inFlight);
          mostBytes += isLost ? 0 : bytes;
          assert.ok(window.bytes >= 2_400 && window.bytes <= mostBytes);
        }
      }),
      { numRuns: propertyRuns() },
    );
  });
});
