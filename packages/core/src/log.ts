import type { RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { LoadedRoom, Store } from './store.ts';
import { Tail } from './tail.ts';

/** What an author supplies; numbering adds the rest. */
export interface Draft {
  readonly kind: number;
  readonly author: number;
  readonly user: string;
  readonly isVerified?: true | undefined;
  readonly body: Uint8Array;
  readonly clientId?: string | undefined;
  readonly target?: number | undefined;
  readonly condition?: AppendCondition | undefined;
}

/** Append only if the newest event of `kind` has sequence number `seq` (0: there is none). Kinds from 32 up. */
export interface AppendCondition {
  readonly kind: number;
  readonly seq: number;
}

/** Kinds below this one cannot be named in a condition: the store keeps no index of them. */
export const CONDITION_KIND_MIN = 32;

/**
 * A room's log as the core sees it: numbers new events, keeps the newest published ones in memory and reads older ones
 * from the store.
 *
 * An event passes through two states. *Numbered*: it has its sequence number and is on its way to the store; nobody sees
 * it. *Published*: the store has it; readers may. When a commit fails, numbering goes back to what was published, so a
 * sequence number that was never seen is given again and the log stays gap-free.
 */
export class RoomLog {
  readonly roomId: number;
  readonly #store: Store;
  readonly #limits: Limits;
  #firstSeq: number;
  #publishedSeq: number;
  #numberedSeq: number;
  /** The newest published events, contiguous, ending at `#publishedSeq`. */
  readonly #tail: Tail;
  readonly #lastSeqByKind: Map<number, number>;
  /** Newest sequence numbers of kinds among the numbered events, until these are published or taken back. */
  readonly #numberedByKind = new Map<number, number>();

  constructor(store: Store, limits: Limits, loaded: Pick<LoadedRoom, 'id' | 'firstSeq' | 'lastSeq' | 'lastSeqByKind'>) {
    this.#store = store;
    this.#limits = limits;
    this.roomId = loaded.id;
    this.#firstSeq = loaded.firstSeq;
    this.#publishedSeq = loaded.lastSeq;
    this.#numberedSeq = loaded.lastSeq;
    this.#tail = new Tail(loaded.id, loaded.lastSeq + 1);
    this.#lastSeqByKind = new Map(loaded.lastSeqByKind);
  }

  /** Sequence number of the oldest event that can still be read. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Sequence number of the newest event that anybody may see; 0 when there is none. */
  get headSeq(): number {
    return this.#publishedSeq;
  }

  /** Sequence number of the oldest event held in memory; `headSeq + 1` when none is. */
  get tailStartSeq(): number {
    return this.#tail.startSeq;
  }

  /** The published event that this client id made, if it is among those in memory. */
  findByClientId(clientId: string): RoomEvent | undefined {
    return this.#tail.findByClientId(clientId);
  }

  meets(condition: AppendCondition): boolean {
    const last = this.#numberedByKind.get(condition.kind) ?? this.#lastSeqByKind.get(condition.kind) ?? 0;
    return last === condition.seq;
  }

  /** Give a draft the next sequence number. */
  number(draft: Draft, position: number, timeMs: number): RoomEvent {
    this.#numberedSeq += 1;
    if (draft.kind >= CONDITION_KIND_MIN) this.#numberedByKind.set(draft.kind, this.#numberedSeq);
    return {
      roomId: this.roomId,
      seq: this.#numberedSeq,
      position,
      kind: draft.kind,
      timeMs,
      author: draft.author,
      user: draft.user,
      isVerified: draft.isVerified,
      clientId: draft.clientId,
      target: draft.target,
      body: draft.body,
    };
  }

  /** The store did not take what was numbered: number from the published head again. */
  takeBack(): void {
    this.#numberedSeq = this.#publishedSeq;
    this.#numberedByKind.clear();
  }

  /** The store has these events, which were numbered in this order: readers may see them. */
  publish(events: readonly RoomEvent[]): void {
    const tail = this.#tail;
    const eventsMax = Math.max(1, this.#limits.tailEventsMax);
    for (const event of events) {
      // First, so that the tail needs no place for one more.
      while (tail.length >= eventsMax) tail.shift();
      tail.push(event);
      this.#publishedSeq = event.seq;
    }
    if (this.#numberedByKind.size > 0) {
      for (const [kind, seq] of this.#numberedByKind) this.#lastSeqByKind.set(kind, seq);
      this.#numberedByKind.clear();
    }
    this.#trimTail();
  }

  /**
   * Published events from `fromSeq` up, oldest first, at most `limit`: at once from memory, or later from the store.
   * A reader that asks for events older than the log's first gets them from the first one on.
   */
  read(fromSeq: number, limit: number): readonly RoomEvent[] | Promise<readonly RoomEvent[]> {
    const from = Math.max(fromSeq, this.#firstSeq);
    if (from > this.#publishedSeq || limit <= 0) return [];
    if (from >= this.#tail.startSeq) return this.#tail.read(from, limit);
    // Ask for no more than is published now: the store may already have events that nobody may see yet.
    return this.#store.read(this.roomId, from, Math.min(limit, this.#publishedSeq - from + 1));
  }

  #trimTail(): void {
    const { tailEventsMax, tailBytesMax } = this.#limits;
    const tail = this.#tail;
    while (tail.length > tailEventsMax || (tail.bytes > tailBytesMax && tail.length > 1)) tail.shift();
  }
}
