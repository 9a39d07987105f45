/**
 * What became of a message that somebody wanted to send. It only moves forward: *queued* (kept, not yet handed to a
 * connection), *sent* (on its way, perhaps more than once), *accepted* (in its place in the room's log) or *failed* (the
 * server refused it for good; it can be retried or discarded).
 */
export type OutboxState = 'queued' | 'sent' | 'accepted' | 'failed';

/** Why a message failed. */
export interface OutboxFailure {
  /** One of the client's error codes, such as MESSAGE_TOO_LONG. */
  readonly code: string;
  readonly text: string;
}

export interface OutboxEntry {
  /** Names the message together with the outbox's id: rises, and is never given twice. */
  readonly number: number;
  readonly room: string;
  /** Event kind of the post. */
  readonly kind: number;
  /** Sequence number of the event that is meant, for edits, deletions and reactions. */
  readonly target: number | undefined;
  readonly body: Uint8Array;
  readonly state: OutboxState;
  readonly failure: OutboxFailure | undefined;
}

export type OutboxPost = Pick<OutboxEntry, 'room' | 'kind' | 'target' | 'body'>;

/**
 * Messages that are not yet known to be in a room's log, in the order they were typed. A message stays in it until the
 * server has it, so that it may be sent again after any interruption: the server takes each number once.
 */
export interface Outbox {
  /** 16 random bytes, made with the outbox: names it to servers, for ever. */
  readonly id: Uint8Array;
  /** Messages that are neither accepted nor failed. */
  readonly pendingCount: number;
  /**
   * Keep a message. When this returns it outlives the process (a file outbox), however that ends.
   * @throws {ClientError} OUTBOX_FULL, OUTBOX_FAILED
   */
  add(post: OutboxPost): OutboxEntry;
  find(number: number): OutboxEntry | undefined;
  /** Queued and sent messages of a room, or of all rooms, oldest first. */
  pending(room?: string): OutboxEntry[];
  /** Messages that the server refused, oldest first. */
  failed(): OutboxEntry[];
  /** Handed to a connection. Nothing is written for it: after a restart the message counts as queued, and is sent again. */
  markSent(number: number): void;
  /** All of them are on no connection any more. */
  markQueued(): void;
  /** In the log: forget it. */
  accept(number: number): void;
  fail(number: number, failure: OutboxFailure): void;
  /** Queue a failed message again, under a new number: the old one is spent. */
  retry(number: number): OutboxEntry | undefined;
  /** Forget a failed message. */
  discard(number: number): void;
  /** Let go of the file; what is pending is there for the next one who opens it. */
  close(): void;
}

/** Most messages an outbox keeps, failed ones among them. */
export const OUTBOX_ENTRIES_MAX = 10_000;
/** Bytes of an outbox's id. */
export const OUTBOX_ID_BYTES = 16;
