import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Prng, prng } from '@confab/testing';
import { CongestionWindow } from './congestion.ts';
import { CopyPolicy } from './copies.ts';
import { LossDetector } from './loss.ts';
import { LossRate } from './loss-rate.ts';
import { Pacer } from './pacer.ts';
import { decodeAckRanges, encodeAckRanges } from './range-coding.ts';
import { RangeSet } from './ranges.ts';
import { RttEstimator } from './rtt.ts';

/*
 * The units together, on a path of one bottleneck in virtual time: a sender that always has something to send, a queue that
 * drops what does not fit, and a receiver that acknowledges each packet.
 */

const DATAGRAM = 1_200;
/** 256 kbit/s, as bytes for each ms. */
const RATE = 32;
const ONE_WAY_MS = 20;

interface PathOptions {
  readonly seed?: number;
  /** Share of packets that are lost at random, each way, 0–1. */
  readonly loss?: number;
  /** Packets the bottleneck holds. */
  readonly queuePackets: number;
  /** Nothing passes from the first to the second of these times, either way. */
  readonly outageMs?: readonly [number, number];
  /** The sender stops when so many records were delivered. */
  readonly records?: number;
}

/** Things to do at times, in order. */
class Agenda {
  nowMs = 0;
  readonly #entries: { readonly atMs: number; readonly run: () => void }[] = [];

  at(atMs: number, run: () => void): void {
    let index = this.#entries.length;
    while (index > 0 && this.#entries[index - 1]!.atMs > atMs) index -= 1;
    this.#entries.splice(index, 0, { atMs, run });
  }

  /** Do what is next, if that is before the end. */
  step(endMs: number): boolean {
    const next = this.#entries[0];
    if (next === undefined || next.atMs > endMs) return false;
    this.#entries.shift();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }
}

class Bottleneck {
  readonly #agenda: Agenda;
  readonly #options: PathOptions;
  readonly #random: Prng;
  #busyUntilMs = 0;
  overflows = 0;

  constructor(agenda: Agenda, options: PathOptions) {
    this.#agenda = agenda;
    this.#options = options;
    this.#random = prng(options.seed ?? 1);
  }

  /** A large packet on the way out waits its turn; acknowledgements on the way back do not. */
  send(bytes: number, isRated: boolean, arrive: () => void): void {
    const { nowMs } = this.#agenda;
    const [outageFromMs, outageToMs] = this.#options.outageMs ?? [0, 0];
    let leavesMs = nowMs;
    if (isRated) {
      const waitingBytes = Math.max(this.#busyUntilMs - nowMs, 0) * RATE;
      if (waitingBytes + bytes > this.#options.queuePackets * DATAGRAM) {
        this.overflows += 1;
        return;
      }
      this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs) + bytes / RATE;
      leavesMs = this.#busyUntilMs;
    }
    if (leavesMs >= outageFromMs && leavesMs < outageToMs) return;
    if (this.#random.chance(this.#options.loss ?? 0)) return;
    this.#agenda.at(leavesMs + ONE_WAY_MS, arrive);
  }
}

class Bulk {
  readonly agenda = new Agenda();
  readonly path: Bottleneck;
  readonly rtt = new RttEstimator();
  readonly loss = new LossDetector<number>(this.rtt);
  readonly window = new CongestionWindow(DATAGRAM);
  readonly pacer = new Pacer(DATAGRAM);
  readonly lossRate = new LossRate();
  readonly copies = new CopyPolicy();
  readonly delivered = new Set<number>();
  readonly #received = new RangeSet(32);
  readonly #records: number;
  readonly #lost: number[] = [];
  #nextNumber = 0;
  #nextRecord = 0;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** Moments at which a copy was considered, and at which it would have been sent. */
  copyMoments = 0;
  copiesAllowed = 0;
  persistent = 0;

  constructor(options: PathOptions) {
    this.path = new Bottleneck(this.agenda, options);
    this.#records = options.records ?? Number.POSITIVE_INFINITY;
    this.agenda.at(0, () => this.#pump());
  }

  runUntil(endMs: number): void {
    while (this.agenda.step(endMs));
  }

  /** Run until all is delivered. @returns when that was */
  runToEnd(limitMs: number): number {
    while (this.delivered.size < this.#records && this.agenda.step(limitMs));
    return this.agenda.nowMs;
  }

  #pump(): void {
    const { nowMs } = this.agenda;
    for (;;) {
      const hasNew = this.#nextRecord < this.#records;
      if (!hasNew && this.#lost.length === 0) break;
      if (this.loss.bytesInFlight + DATAGRAM > this.window.bytes) break;
      const readyMs = this.pacer.readyAtMs(nowMs, DATAGRAM, this.window.bytes, this.rtt.smoothedMs);
      if (readyMs > nowMs) {
        this.#wakeAt(readyMs);
        break;
      }
      this.#sendRecord(this.#lost.shift() ?? this.#nextRecord++);
    }
    const dueMs = this.loss.nextTimeoutMs();
    if (dueMs !== undefined) this.#wakeAt(dueMs);
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.agenda.at(atMs, () => {
      if (this.#wakeAtMs === atMs) this.#wakeAtMs = Number.POSITIVE_INFINITY;
      const isProbe = this.loss.onTimeout(this.agenda.nowMs);
      this.#takeFates();
      if (isProbe) this.#sendRecord(this.loss.oldestInFlight!.content);
      this.#pump();
    });
  }

  #sendRecord(record: number): void {
    const { nowMs } = this.agenda;
    const number = this.#nextNumber++;
    this.window.onSend(nowMs, this.loss.bytesInFlight, this.loss.ptoMs);
    this.pacer.onSent(nowMs, DATAGRAM, this.window.bytes, this.rtt.smoothedMs);
    this.loss.sent(nowMs, number, DATAGRAM, 'prompt', record);
    this.path.send(DATAGRAM, true, () => this.#receive(number, record));
    this.agenda.at(nowMs + this.copies.delayMs(this.rtt.smoothedMs), () => this.#considerCopy());
  }

  #considerCopy(): void {
    const { nowMs } = this.agenda;
    this.copyMoments += 1;
    const moment = {
      hasNewRecords: false,
      windowRoomBytes: this.window.bytes - this.loss.bytesInFlight,
      bytes: 150,
      isPaced: this.pacer.readyAtMs(nowMs, 150, this.window.bytes, this.rtt.smoothedMs) <= nowMs,
      smoothedMs: this.rtt.smoothedMs,
      minMs: this.rtt.recentMinMs,
    };
    if (this.copies.mayCopy(moment)) this.copiesAllowed += 1;
  }

  #receive(number: number, record: number): void {
    this.delivered.add(record);
    this.#received.add(number);
    const ack: number[] = [];
    encodeAckRanges(this.#received, 32, ack);
    this.path.send(40, false, () => {
      const [largest, first, ...pairs] = ack;
      const spans: number[] = [];
      assert.equal(decodeAckRanges(largest!, first!, pairs, spans), true);
      assert.equal(this.loss.acknowledge(this.agenda.nowMs, spans, 0), true);
      this.#takeFates();
      this.#pump();
    });
  }

  #takeFates(): void {
    for (const packet of this.loss.acknowledged) {
      this.window.onAcknowledged(packet, this.loss.bytesInFlightBefore);
      if (packet.wasLost) this.lossRate.onSpurious();
      else this.lossRate.onAcknowledged();
    }
    for (const packet of this.loss.lost) {
      this.window.onLost(packet, this.agenda.nowMs);
      this.lossRate.onLost();
      if (!this.delivered.has(packet.content)) this.#lost.push(packet.content);
    }
    if (!this.loss.isCongestionPersistent) return;
    this.persistent += 1;
    this.window.onPersistentCongestion();
    this.rtt.restartMin();
  }
}

/** Share of the bottleneck that carried something new, from `fromMs` to `toMs`. */
function usedShare(bulk: Bulk, fromMs: number, toMs: number): number {
  bulk.runUntil(fromMs);
  const before = bulk.delivered.size;
  bulk.runUntil(toMs);
  return ((bulk.delivered.size - before) * DATAGRAM) / ((toMs - fromMs) * RATE);
}

describe('Loss detection, congestion window and pacer on a bottleneck of 256 kbit/s', () => {
  for (const queuePackets of [4, 10, 40]) {
    it(`fill nine tenths of it or more, with room for ${queuePackets} packets before it`, (context) => {
      const bulk = new Bulk({ queuePackets });
      const share = usedShare(bulk, 2_000, 62_000);
      context.diagnostic(`${(share * 100).toFixed(1)} % used, SRTT ${bulk.rtt.smoothedMs.toFixed(0)} ms`);
      assert.ok(share >= 0.9 && share <= 1.01, String(share));
      assert.equal(bulk.persistent, 0);
      assert.ok(bulk.path.overflows > 0, 'the window found the limit');
      assert.equal(bulk.loss.spuriousLosses, 0);
    });
  }

  it('never use less than half of it in any second after the first two', () => {
    const bulk = new Bulk({ queuePackets: 10 });
    for (let second = 2; second < 60; second += 1) {
      const share = usedShare(bulk, second * 1_000, (second + 1) * 1_000);
      assert.ok(share >= 0.5, `${share} in second ${second}`);
    }
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`deliver everything when every tenth packet is lost at random, each way (seed ${seed})`, (context) => {
      const bulk = new Bulk({ queuePackets: 10, loss: 0.1, records: 2_000, seed });
      const endMs = bulk.runToEnd(600_000);
      const share = (2_000 * DATAGRAM) / (endMs * RATE);
      context.diagnostic(
        `${(share * 100).toFixed(1)} % used, ${((bulk.lossRate.share ?? 0) * 100).toFixed(1)} % lost, ${bulk.loss.spuriousLosses} spurious`,
      );
      assert.equal(bulk.delivered.size, 2_000);
      assert.ok(share >= 0.5, String(share));
      assert.equal(bulk.window.bytes >= 2 * DATAGRAM, true);
      assert.ok(bulk.lossRate.share! > 0.05 && bulk.lossRate.share! < 0.17);
    });
  }

  it('go on within a probe timeout of its bound when nothing passed for 10 s, and fill it again', () => {
    const bulk = new Bulk({ queuePackets: 10, outageMs: [10_000, 20_000] });
    bulk.runUntil(20_000);
    const before = bulk.delivered.size;
    bulk.runUntil(24_500);
    assert.ok(bulk.delivered.size > before);
    assert.equal(bulk.persistent > 0, true);
    assert.ok(usedShare(bulk, 30_000, 60_000) >= 0.9);
  });

  it('leave no room for copies when they fill it', (context) => {
    const bulk = new Bulk({ queuePackets: 40 });
    bulk.runUntil(10_000);
    bulk.copyMoments = 0;
    bulk.copiesAllowed = 0;
    bulk.runUntil(60_000);
    context.diagnostic(`${bulk.copiesAllowed} of ${bulk.copyMoments} copies allowed`);
    assert.ok(bulk.copyMoments > 1_000);
    assert.ok(bulk.copiesAllowed <= bulk.copyMoments / 100);
  });
});
