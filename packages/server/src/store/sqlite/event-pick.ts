import type { RoomEvent } from '@confab/core';
import { EventCursor } from './event-codec.ts';

/** Some events of one room, here and there in its log, as they are picked out of records. */
export class EventPick {
  readonly roomId: number;
  readonly events: RoomEvent[] = [];
  readonly #seqs: readonly number[];
  #at = 0;

  /** @param seqs ascending */
  constructor(roomId: number, seqs: readonly number[]) {
    this.roomId = roomId;
    this.#seqs = seqs;
  }

  /** Sequence number of the next event that is wanted. */
  get nextSeq(): number | undefined {
    return this.#seqs[this.#at];
  }

  /** Take what is wanted, of records in the order of the log, among which may be those of other rooms. */
  take(records: Uint8Array): void {
    const cursor = new EventCursor(records);
    while (cursor.next()) {
      if (cursor.roomId !== this.roomId) continue;
      // Events that the log has no more.
      this.#skipBelow(cursor.seq);
      if (this.nextSeq === undefined) return;
      if (cursor.seq !== this.nextSeq) continue;
      this.events.push(cursor.event());
      this.#at += 1;
    }
  }

  /** As `take`, of a segment: what is wanted up to its end is in it or nowhere. */
  takeSegment(records: Uint8Array): void {
    const { nextSeq } = this;
    this.take(records);
    // Never for one that holds what it was found by; or the same would be read for ever.
    if (this.nextSeq === nextSeq && nextSeq !== undefined) this.#at += 1;
  }

  #skipBelow(seq: number): void {
    while (this.#seqs[this.#at] !== undefined && this.#seqs[this.#at]! < seq) this.#at += 1;
  }
}
