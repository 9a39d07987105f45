import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { LossDetector, type LossOptions } from './loss.ts';
import { RttEstimator } from './rtt.ts';
import type { AckNeed, SentPacket } from './sent-packets.ts';

/** A detector whose round-trip time has been measured as 80 ms, many times: PTO is 81 ms, the time threshold 90 ms. */
function steady(options: Partial<LossOptions> = {}): { loss: LossDetector<string>; rtt: RttEstimator } {
  const rtt = new RttEstimator();
  for (let round = 0; round < 400; round += 1) rtt.sample(0, 80, 0);
  return { loss: new LossDetector<string>(rtt, options), rtt };
}

const numbers = (packets: readonly SentPacket<string>[]): number[] => packets.map(({ number }) => number);
const near = (actual: number | undefined, expected: number): void =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-6, `${actual}, not ${expected}`);

function sendAll(loss: LossDetector<string>, nowMs: number, from: number, to: number, need: AckNeed = 'prompt'): void {
  for (let number = from; number <= to; number += 1) loss.sent(nowMs, number, 100, need, `content ${number}`);
}

describe('Loss detection', () => {
  it('gives back what an acknowledged packet carried, once', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 2);
    assert.equal(loss.acknowledge(80, [0, 1], 0), true);
    assert.deepEqual(
      loss.acknowledged.map(({ content }) => content),
      ['content 0', 'content 1'],
    );
    assert.equal(loss.acknowledge(81, [0, 2], 0), true);
    assert.deepEqual(numbers(loss.acknowledged), [2]);
    assert.deepEqual([loss.largestAcked, loss.packetsInFlight], [2, 0]);
  });

  it('declares a packet lost when a third newer one is acknowledged', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 4);
    loss.acknowledge(80, [2, 2], 0);
    assert.deepEqual(numbers(loss.lost), []);
    loss.acknowledge(80, [2, 3], 0);
    assert.deepEqual(numbers(loss.lost), [0]);
    loss.acknowledge(80, [2, 4], 0);
    assert.deepEqual(numbers(loss.lost), [1]);
  });

  it('declares a packet lost 9/8 of the round-trip time after it was sent, and not earlier, once a newer one came', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 0);
    sendAll(loss, 5, 1, 1);
    loss.acknowledge(85, [1, 1], 0);
    assert.deepEqual(numbers(loss.lost), []);
    const dueMs = loss.nextTimeoutMs()!;
    near(dueMs, 90);
    assert.equal(loss.onTimeout(dueMs - 0.001), false);
    assert.deepEqual(numbers(loss.lost), []);
    assert.equal(loss.onTimeout(dueMs), false, 'a loss is no reason to probe');
    assert.deepEqual(numbers(loss.lost), [0]);
    assert.equal(loss.nextTimeoutMs(), undefined);
  });

  it('counts the bytes of what asks for an acknowledgement as in flight, until the fate is known', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 0);
    sendAll(loss, 0, 1, 1, 'none');
    sendAll(loss, 0, 2, 4, 'lazy');
    assert.deepEqual([loss.bytesInFlight, loss.packetsInFlight], [400, 4]);
    loss.acknowledge(80, [3, 4], 0);
    assert.deepEqual(numbers(loss.lost), [0, 1]);
    assert.deepEqual([loss.bytesInFlightBefore, loss.bytesInFlight, loss.packetsInFlight], [400, 100, 1]);
    loss.clear();
    assert.deepEqual([loss.bytesInFlight, loss.packetsInFlight, loss.nextTimeoutMs()], [0, 0, undefined]);
  });

  it('asks for a probe of each packet of a thin stream in its own time, whatever was sent since', () => {
    const { loss } = steady({ thinPtos: 2 });
    for (let number = 0; number < 4; number += 1) sendAll(loss, 50 * number, number, number);
    near(loss.nextTimeoutMs(), 81);
    assert.equal(loss.onTimeout(loss.nextTimeoutMs()!), true);
    near(loss.nextTimeoutMs(), 131);
    assert.equal(loss.onTimeout(loss.nextTimeoutMs()!), true);
    assert.equal(loss.ptoCount, 1, 'what is missing at the same time is one timeout');
    loss.acknowledge(180, [0, 2], 0);
    near(loss.nextTimeoutMs(), 231);
  });

  it('waits for two mean deviations in a thin stream, four in others', () => {
    const rtt = new RttEstimator();
    rtt.sample(0, 80, 0);
    assert.equal(rtt.varMs, 40);
    const thin = new LossDetector<string>(rtt, { thinPtos: 2, promptDelayMsMax: 5 });
    sendAll(thin, 0, 0, 0);
    near(thin.nextTimeoutMs(), 80 + 2 * 40 + 5);
    assert.equal(thin.onTimeout(164.9), false);
    assert.equal(thin.onTimeout(165), true);
    near(thin.nextTimeoutMs(), 165 + 80 + 4 * 40 + 5);
    const other = new LossDetector<string>(rtt, { promptDelayMsMax: 5 });
    sendAll(other, 0, 0, 0);
    near(other.nextTimeoutMs(), 80 + 4 * 40 + 5);
  });

  it('backs off in a thin stream, too, after two timeouts', () => {
    const { loss } = steady({ thinPtos: 2 });
    sendAll(loss, 0, 0, 0);
    let atMs = 0;
    for (const waitMs of [81, 81, 81, 162, 324]) {
      near(loss.nextTimeoutMs(), atMs + waitMs);
      atMs = loss.nextTimeoutMs()!;
      assert.equal(loss.onTimeout(atMs), true);
    }
  });

  it('lets later packets put off the timeout where much is in flight: RFC 9002 §6.2.1', () => {
    const { loss } = steady({ thinPtos: 2 });
    sendAll(loss, 0, 0, 36);
    sendAll(loss, 50, 37, 37);
    near(loss.nextTimeoutMs(), 131);
  });

  it('waits a round trip from the last copy', () => {
    const { loss } = steady({ thinPtos: 2 });
    const packet = loss.sent(0, 0, 100, 'prompt', 'one');
    sendAll(loss, 10, 1, 1, 'lazy');
    loss.copied(10, packet);
    near(loss.nextTimeoutMs(), 91);
  });

  it('waits as long as the peer may for what is not waited for any more', () => {
    const { loss } = steady({ thinPtos: 2, ackDelayMsMax: 200 });
    const packet = loss.sent(0, 0, 100, 'prompt', 'one');
    sendAll(loss, 10, 1, 1, 'lazy');
    loss.relax(packet);
    near(loss.nextTimeoutMs(), 10 + 281);
    loss.acknowledge(90, [0, 1], 0);
    loss.relax(packet);
    assert.deepEqual([loss.packetsInFlight, loss.bytesInFlight], [0, 0]);
  });

  it('asks for a probe after SRTT + 4 RTTVAR, doubles that each time, up to a bound', () => {
    const { loss } = steady({ ptoMsMax: 500 });
    sendAll(loss, 1_000, 0, 0);
    let atMs = 1_000;
    for (const [count, waitMs] of [81, 162, 324, 500, 500].entries()) {
      assert.equal(loss.ptoCount, count);
      near(loss.nextTimeoutMs(), atMs + waitMs);
      assert.equal(loss.onTimeout(loss.nextTimeoutMs()! - 0.001), false);
      atMs = loss.nextTimeoutMs()!;
      assert.equal(loss.onTimeout(atMs), true);
    }
    sendAll(loss, atMs, 1, 1);
    loss.acknowledge(atMs + 80, [1, 1], 0);
    assert.equal(loss.ptoCount, 0);
  });

  it('never shortens a probe timeout that is longer than the bound by itself', () => {
    const { loss } = steady({ ptoMsMax: 50 });
    sendAll(loss, 0, 0, 0);
    loss.onTimeout(loss.nextTimeoutMs()!);
    near(loss.nextTimeoutMs(), 2 * 81);
  });

  it('counts the next probe timeout from the last packet', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 0);
    sendAll(loss, 30, 1, 1);
    near(loss.nextTimeoutMs(), 111);
    loss.onTimeout(111.5);
    sendAll(loss, 112, 2, 2);
    near(loss.nextTimeoutMs(), 112 + 162);
  });

  it('waits longer, by what the peer may wait, when only packets are in flight that it need not acknowledge at once', () => {
    const { loss } = steady({ ackDelayMsMax: 25 });
    sendAll(loss, 0, 0, 0);
    sendAll(loss, 10, 1, 1, 'lazy');
    near(loss.nextTimeoutMs(), 81);
    loss.acknowledge(80, [0, 0], 0);
    near(loss.nextTimeoutMs(), 10 + 81 + 25);
  });

  it('needs no timer for packets that nobody acknowledges by themselves', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 9, 'none');
    assert.equal(loss.nextTimeoutMs(), undefined);
  });

  it('refuses the acknowledgement of what was not sent, and changes nothing', () => {
    const { loss } = steady();
    sendAll(loss, 0, 0, 4);
    assert.equal(loss.acknowledge(80, [0, 5], 0), false);
    assert.deepEqual([loss.acknowledged.length, loss.lost.length, loss.largestAcked], [0, 0, -1]);
    assert.equal(loss.bytesInFlight, 500);
    assert.equal(new LossDetector(new RttEstimator()).acknowledge(0, [0, 0], 0), false);
  });

  it('refuses to send a number twice', () => {
    const { loss } = steady();
    sendAll(loss, 0, 3, 3);
    assert.throws(() => loss.sent(1, 3, 100, 'prompt', ''), RangeError);
  });

  it('passes over numbers that were left out', () => {
    const { loss } = steady();
    for (const number of [0, 4, 9]) loss.sent(0, number, 100, 'prompt', '');
    loss.acknowledge(80, [3, 9], 0);
    assert.deepEqual([numbers(loss.acknowledged), numbers(loss.lost)], [[4, 9], [0]]);
  });

  it('measures the round-trip time by the largest packet alone, when it is new and something asked for it', () => {
    const rtt = new RttEstimator();
    const loss = new LossDetector<string>(rtt, { ackDelayMsMax: 25 });
    sendAll(loss, 8, 0, 1);
    sendAll(loss, 10, 2, 2);
    sendAll(loss, 20, 3, 3, 'none');
    loss.acknowledge(50, [2, 2], 0);
    assert.equal(rtt.latestMs, 40);
    loss.acknowledge(51, [1, 2], 0);
    assert.deepEqual(numbers(loss.acknowledged), [1]);
    assert.equal(rtt.latestMs, 40, 'the largest one was known');
    loss.acknowledge(52, [1, 3], 0);
    assert.equal(rtt.latestMs, 40, 'the only new one did not ask');
  });

  it('believes no longer delay of an acknowledgement than the peer may take', () => {
    const rtt = new RttEstimator();
    const loss = new LossDetector<string>(rtt, { ackDelayMsMax: 25 });
    sendAll(loss, 0, 0, 0);
    loss.acknowledge(40, [0, 0], 0);
    sendAll(loss, 100, 1, 1);
    loss.acknowledge(220, [1, 1], 90);
    assert.equal(rtt.smoothedMs, 40 + (120 - 25 - 40) / 8);
  });

  it('takes the oldest for lost when there are more packets of unknown fate than it keeps', () => {
    const { loss } = steady({ packetsMax: 10 });
    sendAll(loss, 0, 0, 9, 'none');
    assert.equal(loss.nextTimeoutMs(), undefined);
    sendAll(loss, 5, 10, 12, 'none');
    assert.equal(loss.nextTimeoutMs(), 5);
    loss.onTimeout(5);
    assert.deepEqual(numbers(loss.lost), [0, 1, 2]);
    assert.equal(loss.nextTimeoutMs(), undefined);
  });
});

describe('A loss that was none', () => {
  /** Packet `late` is overtaken by as many as it takes to be declared lost, and then acknowledged. */
  function overtake(loss: LossDetector<string>, nowMs: number, from: number, by: number): void {
    sendAll(loss, nowMs, from, from + by);
    loss.acknowledge(nowMs + 80, [from + 1, from + by], 0);
    loss.acknowledge(nowMs + 81, [from, from + by], 0);
  }

  it('is noted, and gives back what the packet carried', () => {
    const { loss } = steady();
    overtake(loss, 0, 0, 3);
    assert.deepEqual(numbers(loss.acknowledged), [0]);
    assert.equal(loss.acknowledged[0]!.wasLost, true);
    assert.equal(loss.spuriousLosses, 1);
    assert.equal(loss.bytesInFlight, 0);
    loss.acknowledge(82, [0, 3], 0);
    assert.deepEqual(numbers(loss.acknowledged), [], 'once');
  });

  it('makes it wait for as many packets as overtook that one', () => {
    const { loss } = steady();
    overtake(loss, 0, 0, 5);
    assert.equal(loss.reordering.packetThreshold, 6);
    sendAll(loss, 100, 6, 12);
    loss.acknowledge(180, [7, 11], 0);
    assert.deepEqual(numbers(loss.lost), []);
    loss.acknowledge(180, [7, 12], 0);
    assert.deepEqual(numbers(loss.lost), [6]);
  });

  it('makes it wait for no more than 16 packets, and forgets after a thousand without another', () => {
    const { loss } = steady();
    overtake(loss, 0, 0, 60);
    assert.equal(loss.reordering.packetThreshold, 16);
    sendAll(loss, 200, 61, 1_059);
    loss.acknowledge(280, [0, 1_059], 0);
    assert.equal(loss.reordering.packetThreshold, 16);
    sendAll(loss, 300, 1_060, 1_060);
    loss.acknowledge(380, [0, 1_060], 0);
    assert.equal(loss.reordering.packetThreshold, 3);
  });

  it('by time makes it wait longer, for no more than two round trips', () => {
    const { loss } = steady();
    let number = 0;
    for (let round = 0; round < 12; round += 1) {
      const startMs = round * 1_000;
      sendAll(loss, startMs, number, number + 1);
      loss.acknowledge(startMs + 80, [number + 1, number + 1], 0);
      loss.onTimeout(loss.nextTimeoutMs()!);
      assert.deepEqual(numbers(loss.lost), [number]);
      loss.acknowledge(startMs + 200, [number, number + 1], 0);
      assert.equal(loss.reordering.timeThreshold, Math.min(2, 9 / 8 + (round + 1) / 8));
      number += 2;
    }
    assert.equal(loss.reordering.packetThreshold, 3);
  });

  it('is not remembered for ever, nor without bound', () => {
    const { loss } = steady({ lostKeptMax: 4 });
    sendAll(loss, 0, 0, 9);
    loss.acknowledge(80, [9, 9], 0);
    assert.deepEqual(numbers(loss.lost), [0, 1, 2, 3, 4, 5, 6]);
    loss.acknowledge(81, [0, 9], 0);
    assert.deepEqual(numbers(loss.acknowledged), [7, 8, 3, 4, 5, 6]);

    sendAll(loss, 100, 10, 13);
    loss.acknowledge(180, [11, 13], 0);
    assert.equal(loss.lost.length, 0, 'the threshold was raised');
    loss.onTimeout(loss.nextTimeoutMs()!);
    assert.deepEqual(numbers(loss.lost), [10]);
    loss.acknowledge(1_000, [11, 13], 0);
    loss.acknowledge(1_000, [10, 13], 0);
    assert.deepEqual(numbers(loss.acknowledged), []);
  });
});

describe('The book of sent packets', () => {
  it('tells each fate once, and never loses count', () => {
    const action = fc.oneof(
      fc.record({
        do: fc.constant('send' as const),
        need: fc.constantFrom<AckNeed>('prompt', 'lazy', 'none'),
        waitMs: fc.nat({ max: 30 }),
      }),
      fc.record({
        do: fc.constant('ack' as const),
        of: fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 6 })), { minLength: 1, maxLength: 4 }),
        waitMs: fc.nat({ max: 60 }),
      }),
      fc.record({ do: fc.constant('timeout' as const) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
        const { loss, rtt } = steady({ packetsMax: 40, lostKeptMax: 8 });
        const flying = new Map<number, SentPacket<string>>();
        const declared = new Set<number>();
        let nowMs = 0;
        let next = 0;
        let largest = -1;
        for (const act of actions) {
          if (act.do === 'send') {
            nowMs += act.waitMs;
            flying.set(next, loss.sent(nowMs, next, 10 + (next % 7), act.need, `content ${next}`));
            next += 1;
            continue;
          }
          if (act.do === 'ack') {
            nowMs += act.waitMs;
            if (next === 0) continue;
            const seen = new Set<number>();
            for (const [below, more] of act.of)
              for (
                let number = Math.max(0, next - 1 - below - more);
                number <= Math.max(0, next - 1 - below);
                number += 1
              )
                seen.add(number);
            const spans: number[] = [];
            for (const number of [...seen].sort((a, b) => b - a))
              if (spans.at(-2) === number + 1) spans[spans.length - 2] = number;
              else spans.push(number, number);
            largest = Math.max(largest, spans[1]!);
            assert.equal(loss.acknowledge(nowMs, spans, 0), true);
            for (const packet of loss.acknowledged) {
              assert.ok(seen.has(packet.number));
              assert.equal(packet.wasLost, declared.delete(packet.number));
              assert.equal(flying.delete(packet.number), !packet.wasLost);
            }
            for (const number of seen) assert.equal(flying.has(number), false);
          } else {
            const dueMs = loss.nextTimeoutMs();
            if (dueMs === undefined) continue;
            nowMs = Math.max(nowMs, dueMs);
            const isProbe = loss.onTimeout(nowMs);
            assert.equal(isProbe, loss.lost.length === 0, 'a timer does one thing or the other');
          }
          const { packetThreshold, timeThreshold } = loss.reordering;
          const isOverdue = (packet: SentPacket<string>): boolean =>
            packet.number <= largest &&
            (largest - packet.number >= packetThreshold || packet.sentMs + rtt.lossDelayMs(timeThreshold) <= nowMs);
          for (const packet of loss.lost) {
            assert.equal(flying.delete(packet.number), true);
            declared.add(packet.number);
            assert.ok(isOverdue(packet) || flying.size >= 40);
          }
          for (const packet of flying.values()) assert.equal(isOverdue(packet), false);
          const inFlight = [...flying.values()].filter(({ need }) => need !== 'none');
          assert.equal(loss.packetsInFlight, inFlight.length);
          assert.equal(
            loss.bytesInFlight,
            inFlight.reduce((sum, { bytes }) => sum + bytes, 0),
          );
          if (inFlight.length > 0) assert.notEqual(loss.nextTimeoutMs(), undefined);
        }
      }),
      { numRuns: propertyRuns() },
    );
  });
});
