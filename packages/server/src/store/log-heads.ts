import type { RoomEvent, StoredMember, StoredRoom } from '@confab/core';
import { storeFailed, storeFenced } from './failure.ts';

/** What the rules look at of an event. */
export type NumberedEvent = Pick<RoomEvent, 'roomId' | 'seq' | 'position' | 'author'>;

/** The newest end of one open room's log. */
export interface RoomHead {
  readonly id: number;
  name: string;
  /** Sequence number of the newest event, those of the batch under way included; 0 for an empty log. */
  lastSeq: number;
  /** What `lastSeq` was before the batch under way; meaningful only while that batch has touched the room. */
  seqBefore: number;
  /** Number of the newest batch that touched this room. */
  batch: number;
}

export interface LogCounters {
  readonly lastPosition: number;
  readonly lastRoomId: number;
  readonly lastMemberId: number;
}

/**
 * The ends of all open logs, held in memory, and the rules that every change of a batch must meet. Both stores keep one,
 * so that they refuse the same batches in the same words, and the fence costs no query.
 *
 * A batch is `begin`, any number of checks, then `keep` or `rollBack`; after `rollBack` all is as before `begin`.
 * Each check throws before it has changed anything.
 */
export class LogHeads {
  readonly #wasClosed: (roomId: number) => boolean;
  readonly #rooms = new Map<number, RoomHead>();
  readonly #names = new Map<string, number>();
  readonly #closedInBatch = new Set<number>();
  readonly #touched: RoomHead[] = [];
  /** Undoes openings, renamings and closings, newest last. Appends, the common case, need none: see `seqBefore`. */
  readonly #undo: (() => void)[] = [];
  #batch = 0;
  #countersBefore: LogCounters;
  #lastPosition: number;
  #lastRoomId: number;
  #lastMemberId: number;

  /** @param wasClosed whether an id that is not open belongs to a closed room; asked only when a room is put. */
  constructor(counters: LogCounters, wasClosed: (roomId: number) => boolean) {
    this.#wasClosed = wasClosed;
    this.#countersBefore = counters;
    this.#lastPosition = counters.lastPosition;
    this.#lastRoomId = counters.lastRoomId;
    this.#lastMemberId = counters.lastMemberId;
  }

  get counters(): LogCounters {
    return { lastPosition: this.#lastPosition, lastRoomId: this.#lastRoomId, lastMemberId: this.#lastMemberId };
  }

  /** Whether the batch under way used an id that no batch before it did. */
  get hasNewIds(): boolean {
    const { lastRoomId, lastMemberId } = this.#countersBefore;
    return this.#lastRoomId !== lastRoomId || this.#lastMemberId !== lastMemberId;
  }

  /** Takes in a room found on disk. Outside of batches. */
  restore(id: number, name: string, lastSeq: number): void {
    this.#rooms.set(id, { id, name, lastSeq, seqBefore: lastSeq, batch: 0 });
    this.#names.set(name, id);
  }

  isOpen(roomId: number): boolean {
    return this.#rooms.has(roomId);
  }

  begin(): void {
    this.#batch += 1;
    this.#countersBefore = this.counters;
    this.#touched.length = 0;
    this.#undo.length = 0;
    this.#forgetClosed();
  }

  keep(): void {
    this.#forgetClosed();
    this.#undo.length = 0;
  }

  rollBack(): void {
    for (const head of this.#touched) head.lastSeq = head.seqBefore;
    while (this.#undo.length > 0) this.#undo.pop()?.();
    this.#forgetClosed();
    this.#lastPosition = this.#countersBefore.lastPosition;
    this.#lastRoomId = this.#countersBefore.lastRoomId;
    this.#lastMemberId = this.#countersBefore.lastMemberId;
  }

  /**
   * @throws {CoreError} STORE_FENCED when the room is not open or the event is not its next one; STORE_FAILED when its
   *   position is not above the last one
   */
  append(event: NumberedEvent): void {
    const head = this.#rooms.get(event.roomId);
    if (head === undefined) {
      throw storeFenced(`Cannot append event ${event.seq} to room ${event.roomId}: the room is not open`);
    }
    if (event.seq !== head.lastSeq + 1) {
      throw storeFenced(
        `Cannot append event ${event.seq} to room ${event.roomId}: the next of its log is ${head.lastSeq + 1}`,
      );
    }
    if (!(event.position > this.#lastPosition)) {
      throw storeFailed(
        `Cannot append event ${event.seq} to room ${event.roomId}: position ${event.position} is not above ${this.#lastPosition}`,
      );
    }
    if (head.batch !== this.#batch) {
      head.batch = this.#batch;
      head.seqBefore = head.lastSeq;
      this.#touched.push(head);
    }
    head.lastSeq = event.seq;
    this.#lastPosition = event.position;
    // A store that was written without its members has their events: those ids are used up too.
    if (event.author > this.#lastMemberId) this.#lastMemberId = event.author;
  }

  /** @throws {CoreError} STORE_FAILED when another open room has the name, or the id belongs to a closed room */
  putRoom(room: StoredRoom): void {
    const holder = this.#names.get(room.name);
    if (holder !== undefined && holder !== room.id) {
      throw storeFailed(`Cannot write room ${room.id}: open room ${holder} has the name ${JSON.stringify(room.name)}`);
    }
    const head = this.#rooms.get(room.id);
    if (head === undefined) {
      if (this.#closedInBatch.has(room.id) || (room.id <= this.#lastRoomId && this.#wasClosed(room.id))) {
        throw storeFailed(`Cannot write room ${room.id}: it was closed, and ids are given once`);
      }
      this.#rooms.set(room.id, { id: room.id, name: room.name, lastSeq: 0, seqBefore: 0, batch: 0 });
      this.#names.set(room.name, room.id);
      this.#lastRoomId = Math.max(this.#lastRoomId, room.id);
      this.#undo.push(() => {
        this.#rooms.delete(room.id);
        this.#names.delete(room.name);
      });
    } else if (head.name !== room.name) {
      const former = head.name;
      head.name = room.name;
      this.#names.delete(former);
      this.#names.set(room.name, room.id);
      this.#undo.push(() => {
        head.name = former;
        this.#names.delete(room.name);
        this.#names.set(former, room.id);
      });
    }
  }

  /** Harmless for a room that is not open. */
  closeRoom(roomId: number): void {
    const head = this.#rooms.get(roomId);
    if (head === undefined) return;
    this.#rooms.delete(roomId);
    this.#names.delete(head.name);
    this.#closedInBatch.add(roomId);
    this.#undo.push(() => {
      this.#rooms.set(roomId, head);
      this.#names.set(head.name, roomId);
    });
  }

  /** @throws {CoreError} STORE_FAILED when the member's room is not open */
  putMember(member: StoredMember): void {
    if (!this.#rooms.has(member.roomId)) {
      throw storeFailed(`Cannot write member ${member.id}: room ${member.roomId} is not open`);
    }
    this.#lastMemberId = Math.max(this.#lastMemberId, member.id);
  }

  /** Mostly there are none, and even an empty set gets a new table when it is cleared. */
  #forgetClosed(): void {
    if (this.#closedInBatch.size > 0) this.#closedInBatch.clear();
  }
}

/** A client id stands twice in one batch. Its author's sender leaves such repeats out before it commits. */
export function repeatedInBatch(event: NumberedEvent): Error {
  return storeFailed(
    `Cannot append event ${event.seq} to room ${event.roomId}: an event before it in the same batch has the same client id`,
  );
}
