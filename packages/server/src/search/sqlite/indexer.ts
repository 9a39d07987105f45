import type { LogReader } from '../../store/sqlite/log-reader.ts';
import { BlockLister } from './block-lister.ts';
import type { IndexedPart } from './finder.ts';
import type { IndexDatabase } from './index-database.ts';
import { RoomChanges } from './room-changes.ts';
import { SegmentMerger } from './segment-merger.ts';

/** Time that one batch is to take, ms: as long as a search may have to wait for it. */
const BATCH_MS = 8;
/** Events in one transaction, which is made shorter or longer within these bounds until it takes that time. */
const BATCH_EVENTS_MIN = 64;
const BATCH_EVENTS_MAX = 2048;
/** A room that is at most so many events behind is brought up to date before it is searched. */
const CATCH_UP_EVENTS_MAX = 1024;
/**
 * A room that is less behind waits until it is searched or has more: one transaction and one look into the log for each
 * room that somebody said something in would be most of the work.
 */
const DUE_EVENTS = 64;
/** Rows that are deleted in one transaction, of messages and of words that blocks hold. */
const DROP_EVENTS = 512;
const DROP_WORDS = 2048;

interface Cursor {
  /** The newest event that is indexed; 0: none. */
  seq: number;
  readonly position: number;
  readonly timeMs: number;
}

/** Nothing is indexed. */
const BEGINNING: Cursor = { seq: 0, position: 0, timeMs: 0 };

export interface IndexerOptions {
  readonly index: IndexDatabase;
  readonly log: LogReader;
  readonly nowMs: () => number;
}

/**
 * Brings the index up to the log, a little at a time. Each batch of events and where it ends are written in one transaction,
 * so that it goes on where it stopped, however that was.
 */
export class Indexer {
  readonly #options: IndexerOptions;
  readonly #lister: BlockLister;
  readonly #merger: SegmentMerger;
  #wasMerged = false;
  readonly #cursors = new Map<number, Cursor>();
  /** Newest events of rooms that are behind, as far as is known. */
  readonly #behind = new Map<number, number>();
  /** Those of them that are to be indexed now; those that somebody waits for come first. */
  readonly #due = new Set<number>();
  readonly #wanted = new Set<number>();
  /** Rooms whose rows are to go, and up to where they are gone. */
  readonly #dropping = new Map<number, number>();
  /** Rooms whose cursor was held against the log in this run. */
  readonly #verified = new Set<number>();
  #batchEvents = BATCH_EVENTS_MIN;
  #indexed = 0;

  constructor(options: IndexerOptions) {
    this.#options = options;
    this.#lister = new BlockLister(options.index);
    this.#merger = new SegmentMerger(options.index);
    for (const row of options.index.cursors.all()) {
      const [roomId, seq, position, timeMs, listedBlocks] = row as [number, number, number, number, number];
      this.#cursors.set(roomId, { seq, position, timeMs });
      this.#lister.restore(roomId, listedBlocks);
      this.#lister.grew(roomId, seq);
    }
    for (const { id, lastSeq, closedMs } of options.log.rooms()) {
      const indexedSeq = this.indexedSeq(id);
      // A log may also have become shorter: its cursor will not be verified.
      if (closedMs === undefined && lastSeq !== indexedSeq) this.#lags(id, lastSeq);
      else if (closedMs !== undefined && indexedSeq > 0) this.#beginDropping(id);
    }
  }

  /** Events of this run that were indexed. */
  get indexed(): number {
    return this.#indexed;
  }

  /** Events that are not indexed yet, as far as is known. */
  get pending(): number {
    let events = 0;
    for (const [roomId, headSeq] of this.#behind) events += Math.max(0, headSeq - this.indexedSeq(roomId));
    return events;
  }

  get isIdle(): boolean {
    return this.#due.size === 0 && this.#dropping.size === 0 && this.#lister.isIdle && this.#merger.isIdle;
  }

  /** Up to where a room can be searched. */
  indexedSeq(roomId: number): number {
    if (this.#dropping.has(roomId)) return 0;
    return this.#cursors.get(roomId)?.seq ?? 0;
  }

  /** What of a room can be searched, and how. */
  indexedPart(roomId: number): IndexedPart {
    return { seq: this.indexedSeq(roomId), listedBlocks: this.#lister.listedBlocks(roomId) };
  }

  /** A room's log has events up to this one. */
  grew(roomId: number, headSeq: number): void {
    if (headSeq > this.indexedSeq(roomId)) this.#lags(roomId, Math.max(headSeq, this.#behind.get(roomId) ?? 0));
  }

  /** Nobody can be in the room any more, or search it. */
  closed(roomId: number): void {
    this.#finished(roomId);
    if (this.#cursors.has(roomId)) this.#beginDropping(roomId);
  }

  /** Somebody searches the room: bring it up to date if that is soon done, and else before others. */
  wanted(roomId: number, headSeq: number): void {
    if (!this.#isVerified(roomId)) this.#lags(roomId, headSeq);
    this.grew(roomId, headSeq);
    if (!this.#behind.has(roomId)) return;
    this.#due.add(roomId);
    this.#wanted.add(roomId);
    if (headSeq - this.indexedSeq(roomId) > CATCH_UP_EVENTS_MAX) return;
    this.#indexRooms([roomId], CATCH_UP_EVENTS_MAX);
  }

  /** Index one batch, or delete one, or keep in order what is there. Nothing to do: harmless. */
  step(): void {
    const isMerging = this.#due.size === 0 ? !this.#merger.isIdle : !this.#merger.isSettled;
    const [dropping] = this.#dropping;
    // In turn with all else: a long merge holds nothing up, and what is to be merged does not pile up meanwhile.
    if (isMerging && !this.#wasMerged) {
      this.#wasMerged = true;
      this.#merger.step();
      return;
    }
    this.#wasMerged = false;
    if (dropping !== undefined) this.#drop(...dropping);
    // Each block has to be listed once; who waits for a room goes before.
    else if (this.#wanted.size === 0 && !this.#lister.isIdle) this.#lister.step();
    else if (this.#due.size > 0) this.#indexBatch();
  }

  #indexBatch(): void {
    const startMs = this.#options.nowMs();
    const count = this.#indexRooms(this.#nextRooms(), this.#batchEvents);
    const tookMs = this.#options.nowMs() - startMs;
    if (tookMs > BATCH_MS) this.#batchEvents = Math.max(BATCH_EVENTS_MIN, this.#batchEvents >> 1);
    else if (count >= this.#batchEvents) this.#batchEvents = Math.min(BATCH_EVENTS_MAX, this.#batchEvents << 1);
  }

  /** Rooms for one batch, in the order of their rows. */
  #nextRooms(): number[] {
    const rooms: number[] = [];
    let events = 0;
    for (const roomId of this.#wanted.size > 0 ? this.#wanted : this.#due) {
      rooms.push(roomId);
      events += Math.max(1, (this.#behind.get(roomId) ?? 0) - this.indexedSeq(roomId));
      if (events >= this.#batchEvents) break;
    }
    return rooms.sort((a, b) => a - b);
  }

  /** @returns events that were indexed */
  #indexRooms(rooms: readonly number[], eventsMax: number): number {
    const { index } = this.#options;
    const cursors = new Map<number, Cursor>();
    const finished: number[] = [];
    let count = 0;
    index.database.transaction(() => {
      for (const roomId of rooms) {
        if (count >= eventsMax) break;
        if (!this.#isVerified(roomId)) continue;
        const from = this.#cursors.get(roomId) ?? BEGINNING;
        const left = eventsMax - count;
        const events = this.#options.log.read(roomId, from.seq + 1, left);
        const changes = new RoomChanges(index, roomId);
        for (const event of events) changes.add(event);
        changes.write();
        count += events.length;
        const last = events.at(-1);
        if (last !== undefined) {
          const { seq, position, timeMs } = last;
          index.putCursor(roomId, seq, position, timeMs);
          cursors.set(roomId, { seq, position, timeMs });
        }
        if (events.length < left || last!.seq >= (this.#behind.get(roomId) ?? 0)) finished.push(roomId);
      }
    });
    // Only what is committed counts.
    for (const [roomId, cursor] of cursors) {
      this.#cursors.set(roomId, cursor);
      this.#lister.grew(roomId, cursor.seq);
    }
    for (const roomId of finished) this.#finished(roomId);
    this.#indexed += count;
    this.#merger.grew();
    return count;
  }

  /**
   * Whether the log still has the event that the cursor stands at. It has not after a power failure that cost it its end, or
   * when somebody put an older log in its place: then what was indexed of it means nothing any more.
   */
  #isVerified(roomId: number): boolean {
    if (this.#dropping.has(roomId)) return false;
    if (this.#verified.has(roomId)) return true;
    const cursor = this.#cursors.get(roomId);
    if (cursor !== undefined) {
      const [event] = this.#options.log.read(roomId, cursor.seq, 1);
      if (event?.seq !== cursor.seq || event.position !== cursor.position || event.timeMs !== cursor.timeMs) {
        this.#beginDropping(roomId);
        return false;
      }
    }
    this.#verified.add(roomId);
    return true;
  }

  #beginDropping(roomId: number): void {
    this.#lister.forget(roomId);
    this.#dropping.set(roomId, 0);
  }

  /** Forget a room's rows, some at a time, and then where they ended. */
  #drop(roomId: number, goneSeq: number): void {
    const { database, deleteRange, deleteEditRange, deleteBlockWords, deleteCursor } = this.#options.index;
    const lastSeq = this.#cursors.get(roomId)?.seq ?? 0;
    const toSeq = Math.min(lastSeq, goneSeq + DROP_EVENTS);
    const isGone = database.transaction(() => {
      deleteRange(roomId, goneSeq, toSeq);
      deleteEditRange(roomId, goneSeq, toSeq);
      if (deleteBlockWords.all(roomId, DROP_WORDS).length === DROP_WORDS || toSeq < lastSeq) return false;
      deleteCursor(roomId);
      return true;
    });
    this.#merger.grew();
    if (!isGone) {
      this.#dropping.set(roomId, toSeq);
      return;
    }
    this.#dropping.delete(roomId);
    this.#cursors.delete(roomId);
    const headSeq = this.#behind.get(roomId);
    if (headSeq !== undefined) this.#lags(roomId, headSeq);
  }

  #lags(roomId: number, headSeq: number): void {
    this.#behind.set(roomId, headSeq);
    const events = headSeq - this.indexedSeq(roomId);
    // Below nothing: the log has become shorter, which its next look will find.
    if (events >= DUE_EVENTS || events < 0) this.#due.add(roomId);
  }

  #finished(roomId: number): void {
    this.#behind.delete(roomId);
    this.#due.delete(roomId);
    this.#wanted.delete(roomId);
  }
}
