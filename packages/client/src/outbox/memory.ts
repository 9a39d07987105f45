import { randomBytes } from 'node:crypto';
import { ClientError } from '../errors.ts';
import {
  OUTBOX_ENTRIES_MAX,
  OUTBOX_ID_BYTES,
  type Outbox,
  type OutboxEntry,
  type OutboxFailure,
  type OutboxPost,
} from './outbox.ts';

/** Where a kept outbox writes what must outlive the process. Called before memory changes; may throw. */
export interface OutboxJournal {
  add(number: number, post: OutboxPost): void;
  fail(number: number, failure: OutboxFailure): void;
  remove(number: number): void;
  close(): void;
}

export interface MemoryOutboxOptions {
  readonly id?: Uint8Array;
  /** What a journal has kept, oldest first. */
  readonly entries?: readonly OutboxEntry[];
  /** The number that the next message gets. */
  readonly nextNumber?: number;
  readonly entriesMax?: number;
  readonly journal?: OutboxJournal;
}

/** An outbox as long as the process lives; with a journal, longer. */
export class MemoryOutbox implements Outbox {
  readonly id: Uint8Array;
  /** By number, which is also the order they were typed in. */
  readonly #entries = new Map<number, OutboxEntry>();
  readonly #entriesMax: number;
  readonly #journal: OutboxJournal | undefined;
  #nextNumber: number;
  #pendingCount = 0;

  constructor(options: MemoryOutboxOptions = {}) {
    this.id = options.id ?? new Uint8Array(randomBytes(OUTBOX_ID_BYTES));
    this.#entriesMax = options.entriesMax ?? OUTBOX_ENTRIES_MAX;
    this.#journal = options.journal;
    this.#nextNumber = options.nextNumber ?? 1;
    for (const entry of options.entries ?? []) {
      this.#entries.set(entry.number, entry);
      if (entry.state !== 'failed') this.#pendingCount += 1;
    }
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  add(post: OutboxPost): OutboxEntry {
    if (this.#entries.size >= this.#entriesMax) {
      throw new ClientError('OUTBOX_FULL', `Cannot keep the message: ${this.#entriesMax} wait to be sent already`);
    }
    const number = this.#nextNumber;
    this.#journal?.add(number, post);
    this.#nextNumber += 1;
    const { room, kind, target, body } = post;
    const entry: OutboxEntry = { number, room, kind, target, body, state: 'queued', failure: undefined };
    this.#entries.set(number, entry);
    this.#pendingCount += 1;
    return entry;
  }

  find(number: number): OutboxEntry | undefined {
    return this.#entries.get(number);
  }

  pending(room?: string): OutboxEntry[] {
    return this.#filter((entry) => entry.state !== 'failed' && (room === undefined || entry.room === room));
  }

  failed(): OutboxEntry[] {
    return this.#filter((entry) => entry.state === 'failed');
  }

  markSent(number: number): void {
    const entry = this.#entries.get(number);
    if (entry?.state === 'queued') this.#entries.set(number, { ...entry, state: 'sent' });
  }

  markQueued(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === 'sent') this.#entries.set(entry.number, { ...entry, state: 'queued' });
    }
  }

  accept(number: number): void {
    const entry = this.#entries.get(number);
    if (entry === undefined || entry.state === 'failed') return;
    this.#journal?.remove(number);
    this.#entries.delete(number);
    this.#pendingCount -= 1;
  }

  fail(number: number, failure: OutboxFailure): void {
    const entry = this.#entries.get(number);
    if (entry === undefined || entry.state === 'failed') return;
    this.#journal?.fail(number, failure);
    this.#entries.set(number, { ...entry, state: 'failed', failure });
    this.#pendingCount -= 1;
  }

  retry(number: number): OutboxEntry | undefined {
    const entry = this.#entries.get(number);
    if (entry?.state !== 'failed') return undefined;
    // Its place is free before the new one is taken: a full outbox must not stand in the way of trying again.
    this.#entries.delete(number);
    try {
      const again = this.add(entry);
      this.#journal?.remove(number);
      return again;
    } catch (error) {
      this.#entries.set(number, entry);
      throw error;
    }
  }

  discard(number: number): void {
    if (this.#entries.get(number)?.state !== 'failed') return;
    this.#journal?.remove(number);
    this.#entries.delete(number);
  }

  close(): void {
    this.#journal?.close();
  }

  #filter(isWanted: (entry: OutboxEntry) => boolean): OutboxEntry[] {
    return [...this.#entries.values()].filter(isWanted).sort((left, right) => left.number - right.number);
  }
}
