import type { OutgoingRecord } from './outgoing-record.ts';

/** What a packet carries, as far as its fate matters. */
export class PacketContent {
  readonly records: OutgoingRecord[] = [];
  /** For each record that is carried in pieces: from which byte to which; undefined while all are whole. */
  pieces: { readonly from: number; readonly to: number }[] | undefined;
  /** Largest number of the ACK in it, −1 without. */
  ackLargest = -1;
  /** It has more than copies and what nobody waits for. */
  isPrompt = false;
  /** It says CALM: its one record will be copied. */
  isCalm = false;
  /** It asks for an acknowledgement. */
  isEliciting = false;

  add(record: OutgoingRecord): void {
    this.records.push(record);
    if (this.pieces !== undefined) this.pieces.push(WHOLE);
    record.flights += 1;
    this.isEliciting = true;
  }

  addPiece(record: OutgoingRecord, from: number, to: number): void {
    this.pieces ??= this.records.map(() => WHOLE);
    this.records.push(record);
    this.pieces.push({ from, to });
    record.flights += 1;
    this.isEliciting = true;
  }
}

const WHOLE = { from: 0, to: 0 };
