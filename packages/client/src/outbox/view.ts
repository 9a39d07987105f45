import type { OutboxEntry } from './outbox.ts';

/** What a session shows of its outbox. */
export interface OutboxView {
  /** Messages that are neither accepted nor failed. */
  readonly pendingCount: number;
  find(number: number): OutboxEntry | undefined;
  /** Queued and sent messages of a room, or of all rooms, oldest first. */
  pending(room?: string): OutboxEntry[];
  /** Messages that the server refused, oldest first. */
  failed(): OutboxEntry[];
  /** Send a failed message again, under a new number; undefined: there is none of this number. */
  retry(number: number): OutboxEntry | undefined;
  /** Forget a failed message. */
  discard(number: number): void;
}
