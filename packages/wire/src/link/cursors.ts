import type { ChannelReceiver } from './channel-receiver.ts';
import type { FrameWriter } from './frame-writer.ts';

export interface CursorTimes {
  readonly cursorDelayMs: number;
  readonly cursorRecords: number;
  readonly ackRangesMax: number;
}

/**
 * Which channels are owed a CURSOR, and when: after a record that came without a packet number, at once when it left or
 * filled a gap; after a change of path; after a resume.
 */
export class Cursors {
  readonly #times: CursorTimes;
  readonly #owed = new Set<ChannelReceiver>();
  readonly #pairs: number[] = [];
  #dueMs: number | undefined;

  constructor(times: CursorTimes) {
    this.#times = times;
  }

  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** A record came on TCP. */
  owe(nowMs: number, receiver: ChannelReceiver, isGap: boolean): void {
    receiver.owedRecords += 1;
    this.#owed.add(receiver);
    const isNow = isGap || receiver.owedRecords >= this.#times.cursorRecords;
    this.#dueMs = Math.min(this.#dueMs ?? Number.POSITIVE_INFINITY, isNow ? nowMs : nowMs + this.#times.cursorDelayMs);
  }

  oweAll(nowMs: number, receivers: Iterable<ChannelReceiver>): void {
    for (const receiver of receivers) {
      if (!receiver.isOpen) continue;
      this.#owed.add(receiver);
      this.#dueMs = nowMs;
    }
  }

  forget(receiver: ChannelReceiver): void {
    this.#owed.delete(receiver);
  }

  /** Write as many as fit, if it is time or something else goes anyway. */
  write(writer: FrameWriter): void {
    for (const receiver of this.#owed) {
      if (receiver.isOpen) {
        receiver.cursorRanges(this.#times.ackRangesMax, this.#pairs);
        if (!writer.cursor(receiver.channel, receiver.next, this.#pairs)) return;
      }
      receiver.owedRecords = 0;
      this.#owed.delete(receiver);
    }
    this.#dueMs = undefined;
  }
}
