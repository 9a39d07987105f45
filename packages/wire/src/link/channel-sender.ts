import { OutgoingRecord } from './outgoing-record.ts';
import type { RunFrames } from './record-run.ts';

export interface ChannelSenderLimits {
  readonly windowRecords: number;
  readonly windowBytes: number;
}

/** When so little of the window is in use, a full channel has room again: half, so that callers are not told for each record. */
const DRAINED_SHARE = 1 / 2;

/**
 * What we send on one channel: a window of records that wait or are not held by the peer. Both paths read it, each with a
 * position of its own; whatever says that the peer holds a record takes it out.
 */
export class ChannelSender {
  readonly channel: number;
  readonly #limits: ChannelSenderLimits;
  /** The window; those before `#head` are done and only wait to be cut off. */
  #entries: OutgoingRecord[] = [];
  #head = 0;
  /** How many entries were cut off: positions count from the channel's beginning. */
  #cut = 0;
  #datagramAt = 0;
  #streamAt = 0;
  /** A second result of `#firstOpenFrom`. */
  #position = 0;
  #nextNumber: number;
  #bytes = 0;
  /** Records of the window's runs, but for one of each. */
  #runRecords = 0;
  #wasFull = false;
  /** The channel is in the list of those with records for datagrams; for the session alone. */
  isListed = false;

  constructor(channel: number, firstNumber: number, limits: ChannelSenderLimits) {
    this.channel = channel;
    this.#nextNumber = firstNumber;
    this.#limits = limits;
  }

  /** The number of the next record. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** The peer holds everything below. */
  get heldBelow(): number {
    return this.#entries[this.#head]?.number ?? this.#nextNumber;
  }

  /** Records (a skip counts as one) that wait or are not held. */
  get count(): number {
    return this.#entries.length - this.#head + this.#runRecords;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.count >= this.#limits.windowRecords || this.#bytes >= this.#limits.windowBytes;
  }

  push(body: Uint8Array, isLazy: boolean): OutgoingRecord {
    const record = new OutgoingRecord(this, this.#nextNumber, this.#nextNumber, body, isLazy);
    this.#nextNumber += 1;
    this.#bytes += body.length;
    this.#entries.push(record);
    if (this.isFull) this.#wasFull = true;
    return record;
  }

  /**
   * All of a run, as one entry.
   * @throws {RangeError} it does not begin with the next number: a fault of the caller
   */
  pushRun(run: RunFrames): void {
    if (run.first !== this.#nextNumber)
      throw new RangeError(`Cannot send records from ${run.first} on: the next one is ${this.#nextNumber}`);
    const records = run.starts.length - 1;
    const entry = new OutgoingRecord(this, run.first, run.first + records - 1, undefined, false, run);
    this.#nextNumber += records;
    this.#bytes += entry.bytes;
    this.#runRecords += records - 1;
    this.#entries.push(entry);
    if (this.isFull) this.#wasFull = true;
  }

  /**
   * Leave so many records of a run in its entry and put the others into one of their own behind it. Packets that carried
   * all of them count for the first entry alone.
   */
  split(entry: OutgoingRecord, records: number): OutgoingRecord {
    const index = this.#indexOf(entry.number);
    const rest = new OutgoingRecord(this, entry.number + records, entry.last, undefined, false, entry.run);
    rest.isSent = entry.isSent;
    entry.last = rest.number - 1;
    this.#entries.splice(index + 1, 0, rest);
    this.#runRecords -= 1;
    // Whoever has passed the entry has passed all of it.
    if (this.#datagramAt > this.#cut + index) this.#datagramAt += 1;
    if (this.#streamAt > this.#cut + index) this.#streamAt += 1;
    return rest;
  }

  /** @throws {RangeError} `last` is below the next number: a fault of the caller */
  skip(last: number): void {
    if (!Number.isSafeInteger(last) || last < this.#nextNumber)
      throw new RangeError(`Cannot skip to record ${last}: the next one is ${this.#nextNumber}`);
    this.#entries.push(new OutgoingRecord(this, this.#nextNumber, last, undefined, false));
    this.#nextNumber = last + 1;
  }

  /** The next record that datagrams have not carried, undefined when there is none. */
  nextForDatagram(): OutgoingRecord | undefined {
    const entry = this.#firstOpenFrom(this.#datagramAt);
    this.#datagramAt = this.#position;
    return entry;
  }

  /** Nothing waits behind what `nextForDatagram` gave. */
  get isNextLast(): boolean {
    return this.#datagramAt === this.#cut + this.#entries.length - 1;
  }

  /** What `nextForDatagram` gave went out. */
  tookForDatagram(): void {
    this.#datagramAt += 1;
  }

  /** The number up to which, exclusive, the present connection has carried all. */
  get streamNext(): number {
    return this.#entries[Math.max(this.#streamAt - this.#cut, this.#head)]?.number ?? this.#nextNumber;
  }

  /** Bytes that the present connection has carried and the peer is not known to hold. */
  get streamBytes(): number {
    let bytes = 0;
    for (let index = this.#head; index < this.#streamAt - this.#cut; index += 1) {
      const entry = this.#entries[index]!;
      if (!entry.isDone) bytes += entry.bytes;
    }
    return bytes;
  }

  /** The next record that the present connection has not carried. */
  nextForStream(): OutgoingRecord | undefined {
    const entry = this.#firstOpenFrom(this.#streamAt);
    this.#streamAt = this.#position;
    return entry;
  }

  tookForStream(): void {
    this.#streamAt += 1;
  }

  /** Datagrams carry from the beginning what is not held. */
  rewindDatagram(): void {
    this.#datagramAt = this.#cut + this.#head;
    for (let index = this.#head; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index]!;
      entry.isSent = false;
      entry.isLost = false;
      entry.copiesLeft = 0;
      entry.parts?.rewind();
    }
  }

  /** A new connection carries from the beginning what is not held. */
  rewindStream(): void {
    this.#streamAt = this.#cut + this.#head;
  }

  /** The peer has this one. Call `advance` after all of them. */
  hold(entry: OutgoingRecord): void {
    if (entry.isDone) return;
    entry.isDone = true;
    this.#bytes -= entry.bytes;
  }

  /** The peer holds everything below `next`. @returns false when it was never sent: the peer breaks the protocol */
  holdBelow(next: number): boolean {
    if (next > this.#nextNumber) return false;
    for (let index = this.#head; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index]!;
      if (entry.last >= next) break;
      this.hold(entry);
    }
    return true;
  }

  /** The peer holds these, beyond a gap. A skip counts when all of it is in the range. @returns as `holdBelow` */
  holdRange(first: number, last: number): boolean {
    if (last >= this.#nextNumber) return false;
    for (let index = this.#indexOf(first); index < this.#entries.length; index += 1) {
      const entry = this.#entries[index]!;
      if (entry.last > last) break;
      if (entry.number >= first) this.hold(entry);
    }
    return true;
  }

  /** Forget what is held from the beginning on. @returns whether there was anything */
  advance(): boolean {
    const before = this.#head;
    for (let entry = this.#entries[before]; entry?.isDone === true; entry = this.#entries[this.#head]) {
      this.#runRecords -= entry.records - 1;
      this.#head += 1;
    }
    if (this.#head === before) return false;
    if (this.#head === this.#entries.length) {
      this.#cut += this.#head;
      this.#entries.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#cut += this.#head;
      this.#head = 0;
    }
    return true;
  }

  /** @returns whether it was full and now has room; says so once */
  takeDrained(): boolean {
    if (!this.#wasFull) return false;
    const { windowRecords, windowBytes } = this.#limits;
    if (this.count > windowRecords * DRAINED_SHARE || this.#bytes > windowBytes * DRAINED_SHARE) return false;
    this.#wasFull = false;
    return true;
  }

  /** Give everything up: packets in flight and queues still refer to the entries. */
  close(): void {
    for (const entry of this.#entries) entry.isDone = true;
    this.#cut += this.#entries.length;
    this.#entries.length = 0;
    this.#head = 0;
    this.#bytes = 0;
    this.#runRecords = 0;
  }

  /** The first entry from a position on that is not done; leaves its position, or the end, in `#position`. */
  #firstOpenFrom(position: number): OutgoingRecord | undefined {
    let index = Math.max(position - this.#cut, this.#head);
    while (index < this.#entries.length && this.#entries[index]!.isDone) index += 1;
    this.#position = this.#cut + index;
    return this.#entries[index];
  }

  /** Index of the first entry that ends at or after a number; the length when there is none. */
  #indexOf(number: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.last < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
