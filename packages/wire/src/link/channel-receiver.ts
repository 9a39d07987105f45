import { encodeCursorRanges } from './range-coding.ts';
import { RangeSet } from './ranges.ts';

export interface ChannelReceiverLimits {
  readonly recordBytesMax: number;
  readonly partsBytesMax: number;
  readonly aheadRecordsMax: number;
  readonly aheadBytesMax: number;
}

/** Bytes that all channels of a session hold together. */
export interface HeldBudget {
  /** Of whole records beyond gaps. */
  aheadBytes: number;
  /** Of records of which parts are missing: counted whole from their first part on. */
  partsBytes: number;
}

/** Where a channel hands over what is in order. */
export interface ReceiverSink {
  record(channel: number, number: number, body: Uint8Array): void;
  skipped(channel: number, first: number, last: number): void;
}

/**
 * What became of a record or part that arrived: new and in order; new and beyond or into a gap; had before; or not taken,
 * since it would exceed what is held, and so not to be acknowledged. `broken`: no honest peer sends it.
 */
export type Received = 'new' | 'gap' | 'old' | 'full' | 'broken';

interface PartialRecord {
  readonly bytes: Uint8Array;
  readonly held: RangeSet;
}

/** A record beyond a gap, or (without body) the end of a stretch that will not come. */
interface Ahead {
  readonly body: Uint8Array | undefined;
  readonly last: number;
}

/** The number after a record's is exact, too. */
const NUMBER_MAX = Number.MAX_SAFE_INTEGER - 1;
/** Pieces of one record: more than packets of 1200 bytes make of the longest one. */
const PIECES_MAX = 64;

/**
 * What we get on one channel: hands records over in order, each once, keeps those that came beyond a gap and puts parts
 * together. Everything that is kept is counted against limits before it is kept.
 */
export class ChannelReceiver {
  readonly channel: number;
  readonly #limits: ChannelReceiverLimits;
  readonly #budget: HeldBudget;
  readonly #sink: ReceiverSink;
  readonly #ahead = new Map<number, Ahead>();
  /** The numbers of `#ahead`, and of all that was handed over since it was last empty. */
  readonly #held: RangeSet;
  readonly #partials = new Map<number, PartialRecord>();
  /** −1 while the channel is not open: everything waits. */
  #next: number;
  /** What a CURSOR is owed for: records that came where there are no packet numbers. */
  owedRecords = 0;

  /** @param firstNumber undefined for a channel that is not open yet: what comes for it is kept like what is beyond a gap */
  constructor(
    channel: number,
    firstNumber: number | undefined,
    limits: ChannelReceiverLimits,
    budget: HeldBudget,
    sink: ReceiverSink,
  ) {
    this.channel = channel;
    this.#next = firstNumber ?? -1;
    this.#limits = limits;
    this.#budget = budget;
    this.#sink = sink;
    this.#held = new RangeSet(limits.aheadRecordsMax + 1);
  }

  /** Everything below was handed over. */
  get next(): number {
    return this.#next;
  }

  get isOpen(): boolean {
    return this.#next >= 0;
  }

  /** The first number to come is known: hand over what has come already. */
  open(firstNumber: number): void {
    this.#next = firstNumber;
    for (const [number, { body, last }] of this.#ahead) {
      if (number >= firstNumber) continue;
      this.#budget.aheadBytes -= body?.length ?? 0;
      this.#ahead.delete(number);
      if (last >= firstNumber) this.#skipTo(last);
    }
    for (const number of [...this.#partials.keys()]) if (number < firstNumber) this.#dropPartial(number);
    this.#handOver();
  }

  get hasGap(): boolean {
    return this.#ahead.size > 0;
  }

  /** @param body a view; copied if it has to be kept */
  record(number: number, body: Uint8Array): Received {
    if (body.length > this.#limits.recordBytesMax || number > NUMBER_MAX) return 'broken';
    if (number < this.#next) return 'old';
    if (number === this.#next) {
      const wasGap = this.hasGap;
      this.#dropPartial(number);
      this.#next += 1;
      this.#sink.record(this.channel, number, body);
      if (wasGap || this.#ahead.size > 0) this.#handOver();
      return wasGap ? 'gap' : 'new';
    }
    if (this.#held.has(number)) return 'old';
    if (!this.#hasAheadRoom(body.length)) return 'full';
    this.#dropPartial(number);
    this.#keep(number, number, body.slice());
    return 'gap';
  }

  /** A piece of a record; `offset + bytes.length` is at most `total`. */
  part(number: number, offset: number, total: number, bytes: Uint8Array): Received {
    if (total > this.#limits.recordBytesMax || number > NUMBER_MAX) return 'broken';
    if (number < this.#next || this.#held.has(number)) return 'old';
    let partial = this.#partials.get(number);
    if (partial === undefined) {
      // What is beyond a gap leaves room for one record more, so that the gap itself can always be filled.
      // Of a channel that is not open, too.
      const limit = this.#limits.partsBytesMax - (number === this.#next ? 0 : this.#limits.recordBytesMax);
      if (this.#budget.partsBytes + total > limit) return 'full';
      if (number !== this.#next && !this.#hasAheadRoom(total)) return 'full';
      partial = { bytes: new Uint8Array(total), held: new RangeSet(PIECES_MAX) };
      this.#budget.partsBytes += total;
      this.#partials.set(number, partial);
    }
    if (partial.bytes.length !== total) return 'broken';
    const before = partial.held.size;
    if (partial.held.count >= PIECES_MAX - 1 && offset > (partial.held.largest ?? 0) + 1) return 'full';
    partial.bytes.set(bytes, offset);
    partial.held.addRange(offset, offset + bytes.length - 1);
    if (partial.held.size === before) return 'old';
    if (partial.held.size < total) return 'new';
    if (number !== this.#next) {
      this.#dropPartial(number);
      this.#keep(number, number, partial.bytes);
      return 'gap';
    }
    return this.record(number, partial.bytes);
  }

  /** These will not come. */
  skip(first: number, last: number): Received {
    if (last > NUMBER_MAX) return 'broken';
    if (last < this.#next) return 'old';
    if (this.isOpen && first <= this.#next) {
      const wasGap = this.hasGap;
      this.#skipTo(last);
      this.#handOver();
      return wasGap ? 'gap' : 'new';
    }
    if (this.#ahead.get(first)?.last === last) return 'old';
    if (this.#held.has(first) || this.#held.has(last)) return 'broken';
    if (!this.#hasAheadRoom(0)) return 'full';
    this.#keep(first, last, undefined);
    return 'gap';
  }

  /** `next` and ranges for a CURSOR, as `FrameWriter.cursor` takes them. */
  cursorRanges(rangesMax: number, out: number[]): void {
    if (this.#ahead.size === 0) out.length = 0;
    else encodeCursorRanges(this.#held, this.#next, rangesMax, out);
  }

  close(): void {
    for (const { body } of this.#ahead.values()) this.#budget.aheadBytes -= body?.length ?? 0;
    this.#ahead.clear();
    for (const number of [...this.#partials.keys()]) this.#dropPartial(number);
  }

  #hasAheadRoom(bytes: number): boolean {
    return (
      this.#ahead.size < this.#limits.aheadRecordsMax && this.#budget.aheadBytes + bytes <= this.#limits.aheadBytesMax
    );
  }

  #keep(first: number, last: number, body: Uint8Array | undefined): void {
    this.#ahead.set(first, { body, last });
    this.#held.addRange(first, last);
    this.#budget.aheadBytes += body?.length ?? 0;
  }

  #dropPartial(number: number): void {
    const partial = this.#partials.get(number);
    if (partial === undefined) return;
    this.#budget.partsBytes -= partial.bytes.length;
    this.#partials.delete(number);
  }

  #skipTo(last: number): void {
    const first = this.#next;
    this.#next = last + 1;
    for (const [number, { body }] of this.#ahead) {
      if (number >= this.#next) continue;
      this.#budget.aheadBytes -= body?.length ?? 0;
      this.#ahead.delete(number);
    }
    for (const number of [...this.#partials.keys()]) if (number < this.#next) this.#dropPartial(number);
    this.#sink.skipped(this.channel, first, last);
  }

  /** Hand over what the last one was in the way of. */
  #handOver(): void {
    for (;;) {
      const ahead = this.#ahead.get(this.#next);
      if (ahead === undefined) break;
      this.#ahead.delete(this.#next);
      if (ahead.body === undefined) {
        this.#skipTo(ahead.last);
      } else {
        this.#budget.aheadBytes -= ahead.body.length;
        this.#sink.record(this.channel, this.#next, ahead.body);
        this.#next += 1;
      }
    }
    this.#held.removeBelow(this.#next);
  }
}
