import type { Page } from '../page.ts';
import { EventCursor } from './event-codec.ts';

/** A page of one room's log as it is put together from records: consecutive events, oldest first. */
export class EventPage {
  readonly roomId: number;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #nextSeq: number;
  #left: number;

  constructor(roomId: number, { fromSeq, limit }: Page) {
    this.roomId = roomId;
    this.#nextSeq = fromSeq;
    this.#left = limit;
  }

  get isFull(): boolean {
    return this.#left === 0;
  }

  /** How many more events it takes. */
  get left(): number {
    return this.#left;
  }

  /** Sequence number of the oldest event that it lacks. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Take what it lacks, of records in the order of the log, among which may be those of other rooms. */
  take(records: Uint8Array): void {
    const cursor = new EventCursor(records);
    let runStart = 0;
    let runEnd = 0;
    while (this.#left > 0 && cursor.next()) {
      if (cursor.roomId !== this.roomId || cursor.seq < this.#nextSeq) continue;
      if (cursor.start !== runEnd) {
        this.#add(records.subarray(runStart, runEnd));
        runStart = cursor.start;
      }
      runEnd = cursor.end;
      this.#nextSeq = cursor.seq + 1;
      this.#left -= 1;
    }
    this.#add(records.subarray(runStart, runEnd));
  }

  /** Its records in a buffer of their own, which may be transferred. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return concatenated(this.#parts, this.#bytes);
  }

  #add(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#bytes += part.length;
  }
}

export function concatenated(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
