import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LossDetector } from './loss.ts';
import { PersistentCongestion } from './persistent-congestion.ts';
import { RttEstimator } from './rtt.ts';
import { type AckNeed, SentPacket } from './sent-packets.ts';

const PTO_MS = 2_000;

const packet = (
  number: number,
  sentMs: number,
  {
    previous = number - 1,
    need = 'prompt',
    isMtuProbe = false,
  }: { previous?: number; need?: AckNeed; isMtuProbe?: boolean } = {},
) => new SentPacket(number, previous, sentMs, 100, need, isMtuProbe, undefined);

/** Whether any of these losses, in turn, establishes it. */
const establishes = (packets: readonly SentPacket<undefined>[], firstSampleAtMs?: number): boolean => {
  const congestion = new PersistentCongestion();
  return packets.map((each) => congestion.onLost(each, firstSampleAtMs, PTO_MS)).includes(true);
};

describe('Persistent congestion', () => {
  // RFC 9002 §7.6.3: packets 2 to 8, sent at seconds 1 to 6 and 8, are lost; 8 − 1 is more than 3 × 2.
  const example = [2, 3, 4, 5, 6, 7].map((number) => packet(number, (number - 1) * 1_000));

  it('is established by the example of RFC 9002, section 7.6.3', () => {
    assert.equal(establishes([...example, packet(8, 8_000)], 0), true);
  });

  it('is not established by a period of just three probe timeouts', () => {
    assert.equal(establishes([...example, packet(8, 7_000)], 0), false);
  });

  it('is not established when one between was acknowledged', () => {
    assert.equal(establishes(example.filter(({ number }) => number !== 5).concat(packet(8, 8_000)), 0), false);
  });

  it('does not count what was sent before the first sample', () => {
    assert.equal(establishes([...example, packet(8, 8_000)], 1_000), false);
    assert.equal(establishes([...example, packet(8, 8_001)], 1_000), true, 'from 2,000 to 8,001 ms');
    assert.equal(establishes([...example, packet(8, 8_000)]), false, 'nothing was measured');
  });

  it('passes over numbers that were never sent', () => {
    assert.equal(establishes([packet(2, 1_000), packet(40, 8_000, { previous: 2 })], 0), true);
  });

  it('begins and ends with packets that asked for an acknowledgement and are no MTU probes', () => {
    const first = packet(2, 1_000, { need: 'none' });
    assert.equal(establishes([first, packet(3, 2_000), packet(4, 8_000)], 0), false);
    assert.equal(establishes([packet(2, 1_000), packet(3, 9_000, { need: 'none' })], 0), false);
    assert.equal(establishes([packet(2, 1_000), packet(3, 9_000, { isMtuProbe: true })], 0), false);
    assert.equal(establishes([packet(2, 1_000), packet(3, 4_000, { need: 'none' }), packet(4, 8_000)], 0), true);
  });

  it('is established once for each period', () => {
    const congestion = new PersistentCongestion();
    assert.equal(congestion.onLost(packet(1, 1_000), 0, PTO_MS), false);
    assert.equal(congestion.onLost(packet(2, 8_000), 0, PTO_MS), true);
    assert.equal(congestion.onLost(packet(3, 9_000), 0, PTO_MS), false);
  });

  it('is not established when a packet of the period was not lost after all', () => {
    const congestion = new PersistentCongestion();
    congestion.onLost(packet(1, 1_000), 0, PTO_MS);
    congestion.onLost(packet(2, 2_000), 0, PTO_MS);
    congestion.onSpurious(1);
    assert.equal(congestion.onLost(packet(3, 8_000), 0, PTO_MS), false);
  });

  it('is told by the loss detector, also when the losses are found one after the other', () => {
    const rtt = new RttEstimator();
    rtt.sample(0, 40, 0);
    const loss = new LossDetector<undefined>(rtt, { ackDelayMsMax: 0 });
    const periodMs = 6 * rtt.ptoMs(0);
    loss.sent(1, 0, 100, 'prompt', undefined);
    loss.sent(1 + periodMs / 2, 1, 100, 'prompt', undefined);
    loss.sent(periodMs + 2, 2, 100, 'prompt', undefined);
    for (const number of [3, 4, 5]) loss.sent(periodMs + 10, number, 100, 'prompt', undefined);
    loss.acknowledge(periodMs + 20, [3, 3], 0);
    assert.equal(loss.lost.length, 2);
    assert.equal(loss.isCongestionPersistent, false);
    loss.acknowledge(periodMs + 20, [3, 5], 0);
    assert.equal(loss.lost.length, 1);
    assert.equal(loss.isCongestionPersistent, true);
    loss.acknowledge(periodMs + 21, [3, 5], 0);
    assert.equal(loss.isCongestionPersistent, false);
  });
});
