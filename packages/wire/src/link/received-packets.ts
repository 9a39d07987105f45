import { encodeAckRanges } from './range-coding.ts';
import { RangeSet } from './ranges.ts';
import { REPLAY_WINDOW_NUMBERS } from './replay-window.ts';

/** How soon a packet is to be acknowledged. */
export type AckUrgency =
  /** With the next packet that goes out now. */
  | 'now'
  /** After a moment in which an answer may come that it can go along with. */
  | 'soon'
  /** With whatever goes out, or when the longest delay is over. */
  | 'lazy'
  /** All that it brought came before. */
  | 'repeat';

export interface AckTimes {
  readonly gatherMs: number;
  readonly delayMsMax: number;
  readonly rangesMax: number;
}

/** Ranges below what had come this long ago are not said again: each packet was acknowledged at least once since. */
const RANGES_KEPT_MS = 250;
/** Nor those that so many ACKs have said, of which each was so long after the one before. */
const SAID_TIMES = 5;
const SAID_APART_MS = 15;

/** The packets that came, and when to say so. Times are ms on one monotonic clock. */
export class ReceivedPackets {
  readonly #times: AckTimes;
  readonly #numbers: RangeSet;
  readonly #ranges: number[] = [];
  #largestAtMs = 0;
  #dueMs: number | undefined;
  /** The largest number of one to two of `RANGES_KEPT_MS` ago, and of the time since. */
  #oldLargest = -1;
  #recentLargest = -1;
  #recentFromMs = 0;
  /** The largest number in each of the last ACKs that were far enough apart, oldest first. */
  readonly #saidLargest: number[] = [];
  #saidFromMs = Number.NEGATIVE_INFINITY;

  constructor(times: AckTimes) {
    this.#times = times;
    this.#numbers = new RangeSet(times.rangesMax);
  }

  /** When an ACK is to go out at the latest; undefined when none is owed. */
  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** A packet without need of an acknowledgement, or one that is owed it. */
  add(nowMs: number, number: number, urgency: AckUrgency | undefined): void {
    this.#forgetOldGaps(nowMs);
    const largest = this.#numbers.largest ?? -1;
    if (number > largest) this.#largestAtMs = nowMs;
    this.#numbers.add(number);
    // What is too old to be told from a repeat is not acknowledged again either.
    if (number >= REPLAY_WINDOW_NUMBERS && (this.#numbers.smallest ?? 0) < number - 2 * REPLAY_WINDOW_NUMBERS)
      this.#numbers.removeBelow(number - REPLAY_WINDOW_NUMBERS);
    if (urgency === undefined) return;
    const { gatherMs, delayMsMax } = this.#times;
    const isGap = number !== largest + 1 && largest >= 0;
    const delayMs = urgency === 'now' || (urgency === 'soon' && isGap) ? 0 : urgency === 'soon' ? gatherMs : delayMsMax;
    this.#dueMs = Math.min(this.#dueMs ?? Number.POSITIVE_INFINITY, nowMs + delayMs);
  }

  /** A side that only receives never hears that its ACKs came; old gaps would make them ever longer. */
  #forgetOldGaps(nowMs: number): void {
    if (nowMs - this.#recentFromMs < RANGES_KEPT_MS) return;
    this.#recentFromMs = nowMs;
    const oldLargest = this.#oldLargest;
    this.#oldLargest = this.#recentLargest;
    this.#recentLargest = this.largest;
    if (oldLargest >= 0 && this.dueMs === undefined) this.#numbers.removeBelow(oldLargest);
  }

  /** Numbers for `FrameWriter.ack`; empty when nothing came. Valid until the next call. */
  ranges(): readonly number[] {
    encodeAckRanges(this.#numbers, this.#times.rangesMax, this.#ranges);
    return this.#ranges;
  }

  /** How long the newest one has waited. */
  delayMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#largestAtMs);
  }

  get largest(): number {
    return this.#numbers.largest ?? -1;
  }

  /** An ACK goes out. */
  said(nowMs: number): void {
    this.#dueMs = undefined;
    if (nowMs - this.#saidFromMs < SAID_APART_MS) return;
    this.#saidFromMs = nowMs;
    this.#saidLargest.push(this.largest);
    if (this.#saidLargest.length >= SAID_TIMES) this.#numbers.removeBelow(this.#saidLargest.shift()!);
  }

  /** The peer has an ACK of ours with this largest number: what is below need not be said again (RFC 9000 §13.2.4). */
  heard(largest: number): void {
    this.#numbers.removeBelow(largest);
  }
}
