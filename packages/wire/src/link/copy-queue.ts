import type { OutgoingRecord } from './outgoing-record.ts';
import { RecordQueue } from './record-queue.ts';

/** When a copy goes, ms from now. */
export interface CopyWait {
  /** In a packet of its own. */
  readonly aloneMs: number;
  /** Along with a packet that goes anyway. */
  readonly alongMs: number;
}

/**
 * Records that are to be copied. First copies wait for less time than later ones, so each kind has its own queue: both are in
 * the order they are due but for the time that their waits have changed by since. A record is in at most one of them, and which one that is must
 * not change while it is.
 */
export class CopyQueue {
  readonly #first = new RecordQueue();
  readonly #later = new RecordQueue();

  add(nowMs: number, record: OutgoingRecord, wait: CopyWait): void {
    if (record.isCopyQueued) return;
    record.copyDueMs = nowMs + wait.aloneMs;
    record.copyAlongMs = nowMs + wait.alongMs;
    record.isCopyQueued = true;
    this.#queueOf(record).push(record);
  }

  /** The next one that is due, in a packet of its own or (`isAlong`) with one that goes anyway. */
  next(nowMs: number, isAlong: boolean): OutgoingRecord | undefined {
    return this.#dueOf(this.#first, nowMs, isAlong) ?? this.#dueOf(this.#later, nowMs, isAlong);
  }

  /** What `next` gave is dealt with. */
  take(record: OutgoingRecord): void {
    this.#queueOf(record).shift();
    record.isCopyQueued = false;
  }

  /** When the next one goes in a packet of its own, ms. */
  get dueMs(): number | undefined {
    const first = this.#first.peek();
    const later = this.#later.peek();
    if (first === undefined || later === undefined) return (first ?? later)?.copyDueMs;
    return Math.min(first.copyDueMs, later.copyDueMs);
  }

  clear(): void {
    for (const queue of [this.#first, this.#later]) {
      for (let record = queue.peek(); record !== undefined; record = queue.peek()) {
        record.isCopyQueued = false;
        queue.shift();
      }
    }
  }

  #dueOf(queue: RecordQueue, nowMs: number, isAlong: boolean): OutgoingRecord | undefined {
    const record = queue.peek();
    if (record === undefined) return undefined;
    return (isAlong ? record.copyAlongMs : record.copyDueMs) <= nowMs ? record : undefined;
  }

  #queueOf(record: OutgoingRecord): RecordQueue {
    return record.copiesSent > 0 ? this.#later : this.#first;
  }
}
