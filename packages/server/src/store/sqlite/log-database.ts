import {
  type CommitResult,
  CoreError,
  type DuplicateEvent,
  type LoadedRoom,
  type LoadedState,
  type RoomEvent,
} from '@confab/core';
import { storeFailed } from '../failure.ts';
import { LogHeads, repeatedInBatch } from '../log-heads.ts';
import { pageOf } from '../page.ts';
import { claimDataFolder, type DataFolder, explained } from './data-folder.ts';
import { Database } from './database.ts';
import { beginRun, type Epoch, endRun } from './epoch.ts';
import { decodeEvents, EventCursor, lastPositionOf } from './event-codec.ts';
import { EventPage } from './event-page.ts';
import { Fence } from './fence.ts';
import { takeJournals } from './journal.ts';
import { migrate } from './migrate.ts';
import {
  BUSY_TIMEOUT_MS,
  CACHE_KIB,
  FOLD_BOUNDS,
  type LogOptions,
  WAL_KEPT_BYTES_MAX,
  WAL_PAGES_MAX,
} from './options.ts';
import type { OtherChange, PackedBatch } from './protocol.ts';
import { RecentLog } from './recent-log.ts';
import { memberOfRow, nameOfRow, roomOfRow } from './rows.ts';
import { prepareStatements, type Statements } from './statements.ts';

const NOTHING: PackedBatch = { events: new Uint8Array(0), others: [] };

/** Thrown inside a transaction to undo it when the answer is `duplicates`, not an error. */
const rollBack = Symbol('roll back');

/** The store proper: the `Store` port without promises. Blocks its thread; see worker.ts. */
export class LogDatabase {
  readonly #options: LogOptions;
  readonly #folder: DataFolder;
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #heads: LogHeads;
  readonly #epoch: Epoch;
  readonly #fence: Fence;
  readonly #recent: RecentLog;

  /** Events that are in the journal and not in the database: it could not be written. Oldest first. */
  #taken: Uint8Array[] = [];
  /** Position of the newest event that this process knows to be written. */
  #endPosition = 0;

  /** @throws {CoreError} STORE_FAILED when the folder is in use, cannot be used, or holds a newer or foreign database */
  static open(options: LogOptions): LogDatabase {
    const folder = claimDataFolder(options.directory);
    try {
      return explained(options.directory, () => new LogDatabase(options, folder));
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  private constructor(options: LogOptions, folder: DataFolder) {
    this.#options = options;
    this.#folder = folder;
    this.#database = new Database(folder.file, { busyTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS });
    try {
      configure(this.#database, options);
      migrate(this.#database, options.directory);
      this.#statements = prepareStatements(this.#database);
      this.#recent = new RecentLog(this.#database, this.#statements, options.fold ?? FOLD_BOUNDS);
      this.#heads = this.#restoreHeads();
      this.#fence = new Fence(this.#database, {
        isLockOurs: () => folder.isOurs(),
        isEndOurs: () => Number(this.#statements.lastPosition.get()?.[0] ?? 0) === this.#endPosition,
      });
      this.#endPosition = this.#heads.counters.lastPosition;
      takeJournals(options.directory, (events) => this.#takeKnown(events));
      this.#epoch = beginRun(this.#database, this.#statements, { ...options, nowMs: Date.now() });
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get file(): string {
    return this.#folder.file;
  }

  load(): LoadedState {
    if (this.#taken.length > 0) this.#write(NOTHING);
    return {
      epoch: this.#epoch.epoch,
      epochStartPosition: this.#epoch.startPosition,
      ...this.#heads.counters,
      rooms: this.#openRooms(),
      members: this.#statements.members.all().map(memberOfRow),
      names: this.#statements.names.all().map(nameOfRow),
    };
  }

  /** @param batch its records are kept as they are */
  commit(batch: PackedBatch): CommitResult {
    return this.#write(batch);
  }

  /**
   * Take over events that were acknowledged: they are in the journal. They have no new authors, and no client ids that the log has.
   * @throws what keeps them from being written; they are kept, and written before anything else
   */
  take(events: Uint8Array<ArrayBuffer>): void {
    this.#taken.push(events);
    this.#write(NOTHING);
  }

  #write(batch: PackedBatch): CommitResult {
    while (this.#recent.isFull) this.#fold();
    const duplicates: DuplicateEvent[] = [];
    this.#heads.begin();
    try {
      this.#database.transaction(() => {
        this.#fence.check();
        for (const events of this.#taken) this.#append(events);
        this.#apply(batch, duplicates);
        if (duplicates.length > 0) throw rollBack;
        if (batch.events.length > 0) {
          this.#statements.insertBatch.run(this.#heads.counters.lastPosition, batch.events);
        }
        if (this.#heads.hasNewIds) this.#putCounters();
      });
    } catch (error) {
      this.#heads.rollBack();
      if (error !== rollBack) throw error;
      return { status: 'duplicates', duplicates };
    }
    this.#heads.keep();
    this.#endPosition = this.#heads.counters.lastPosition;
    for (const events of this.#taken) this.#recent.add(events);
    this.#taken = [];
    if (batch.events.length > 0) this.#recent.add(batch.events);
    return { status: 'committed' };
  }

  /** As `Store.read`; the records of the events (event-codec.ts), in a buffer of their own. */
  read(roomId: number, fromSeq: number, limit: number): Uint8Array<ArrayBuffer> {
    const page = new EventPage(roomId, pageOf(fromSeq, limit));
    if (!this.#recent.covers(page)) {
      for (const [events] of this.#statements.segments.iterate(roomId, page.nextSeq)) {
        page.take(events as Uint8Array);
        if (page.isFull) break;
      }
    }
    this.#recent.fill(page);
    for (const events of this.#taken) page.take(events);
    return page.toBytes();
  }

  /**
   * The highest number of a series of client ids in a room (series.ts), or a higher one (the highest that there can be, of more than
   * `SERIES_IDS_MAX` ids); 0 for none. Of what was committed, not of what could not be written yet.
   */
  highestOf(roomId: number, series: string): number {
    const [stored] = this.#statements.highestOfSeries.get(series, roomId) ?? [];
    return Math.max(Number(stored ?? 0), this.#recent.highestOf(roomId, series));
  }

  /**
   * Do a little of what can wait until nobody else does: call it again while it says so.
   * @returns whether more is to be done now. Not when it could not be done (a full disk): commits will tell of that.
   */
  tidy(): boolean {
    if (!this.#recent.isFoldDue) return false;
    try {
      this.#fold();
      return this.#recent.isFoldDue;
    } catch {
      return false;
    }
  }

  /** @returns whether the database has everything; if not, the journal is still needed */
  close(): boolean {
    let isDone = false;
    try {
      if (this.#taken.length > 0) this.#write(NOTHING);
      // Another process's run is not ours to end.
      isDone = !this.#fence.isBroken;
      if (isDone) endRun(this.#database, this.#statements, this.#options.synchronous);
    } catch {
      // A full disk, say. Nothing is lost: the next run merely takes this one for one that was killed.
    }
    this.#database.close();
    this.#folder.release();
    return isDone;
  }

  /** Of a killed server's journal. @returns whether they are in the database now; not when they are no sequel to it */
  #takeKnown(events: Uint8Array): boolean {
    if (lastPositionOf(events) <= this.#endPosition) return true;
    try {
      this.take(new Uint8Array(events));
      return true;
    } catch (error) {
      if (!(error instanceof CoreError) || error.code !== 'STORE_FENCED') throw error;
      // The machine died, and the database lost its end to it.
      this.#taken = [];
      return false;
    }
  }

  /** Events that are known to have no client ids but new ones. */
  #append(events: Uint8Array): void {
    const cursor = new EventCursor(events);
    while (cursor.next()) this.#heads.append(cursor);
    this.#statements.insertBatch.run(this.#heads.counters.lastPosition, events);
  }

  /** Change by change, in their order: the first one that is wrong decides what is thrown. */
  #apply({ events, others }: PackedBatch, duplicates: DuplicateEvent[]): void {
    const newIds = new Set<string>();
    const cursor = new EventCursor(events);
    let nextOther = 0;
    for (let index = 0; ; index += 1) {
      const other = others[nextOther];
      if (other?.index === index) {
        this.#applyOther(other.change);
        nextOther += 1;
      } else if (cursor.next()) {
        this.#heads.append(cursor);
        const repeated = cursor.hasClientId ? this.#repeatedBy(cursor, newIds) : undefined;
        if (repeated !== undefined) duplicates.push({ index, event: repeated });
      } else {
        return;
      }
    }
  }

  /** The event that the log has under the client id of this new one. */
  #repeatedBy(cursor: EventCursor, newIds: Set<string>): RoomEvent | undefined {
    const { roomId } = cursor;
    const clientId = cursor.clientId()!;
    for (const events of this.#taken) {
      const repeated = decodeEvents(events).find((event) => event.roomId === roomId && event.clientId === clientId);
      if (repeated !== undefined) return repeated;
    }
    const seq =
      this.#recent.findByClientId(roomId, clientId) ??
      (this.#statements.seqOfClientId.get(roomId, clientId)?.[0] as number | undefined);
    if (seq !== undefined) return decodeEvents(this.read(roomId, seq, 1))[0];
    const key = `${roomId} ${clientId}`;
    if (newIds.has(key)) throw repeatedInBatch(cursor);
    newIds.add(key);
    return undefined;
  }

  #applyOther(change: OtherChange): void {
    const statements = this.#statements;
    switch (change.type) {
      case 'room-put': {
        const { id, name, kind, passwordHash, hostId, createdMs } = change.room;
        this.#heads.putRoom(change.room);
        statements.putRoom.run(id, name, kind, passwordHash ?? null, hostId ?? null, createdMs);
        break;
      }
      case 'room-close':
        this.#heads.closeRoom(change.roomId);
        statements.closeRoom.run(change.timeMs, change.roomId);
        statements.deleteMembersOfRoom.run(change.roomId);
        break;
      case 'member-put': {
        const { id, roomId, user, deviceKey, tokenDigest, address, profile, joinedMs } = change.member;
        this.#heads.putMember(change.member);
        statements.putMember.run(id, roomId, user, tokenDigest ?? null, address, profile, joinedMs, deviceKey ?? null);
        break;
      }
      case 'member-delete':
        statements.deleteMember.run(change.memberId);
        break;
      case 'name-put': {
        const { user, deviceKey, takenMs, usedMs, address, addedBy } = change.name;
        statements.putName.run(user, deviceKey, takenMs, usedMs, address, addedBy ?? null);
        break;
      }
      case 'name-delete':
        if (change.deviceKey === undefined) statements.deleteName.run(change.user);
        else statements.deleteNameKey.run(change.user, change.deviceKey);
        break;
    }
  }

  #fold(): void {
    this.#recent.fold(() => this.#fence.check());
  }

  #putCounters(): void {
    const { lastRoomId, lastMemberId } = this.#heads.counters;
    this.#statements.putCounters.run(lastRoomId, lastMemberId);
  }

  #restoreHeads(): LogHeads {
    const [lastRoomId, lastMemberId] = (this.#statements.state.get() ?? []) as number[];
    const lastPosition = Number(this.#statements.lastPosition.get()?.[0] ?? 0);
    const heads = new LogHeads(
      { lastPosition, lastRoomId: lastRoomId ?? 0, lastMemberId: lastMemberId ?? 0 },
      (roomId) => this.#statements.isClosedRoom.get(roomId) !== undefined,
    );
    for (const { id, name, lastSeq } of this.#openRooms()) heads.restore(id, name, lastSeq);
    return heads;
  }

  #openRooms(): LoadedRoom[] {
    const rooms = new Map<number, LoadedRoom & { readonly lastSeqByKind: Map<number, number> }>();
    for (const row of this.#statements.openRooms.all()) {
      const tracked = this.#statements.trackedKinds.all(row[0]!) as [kind: number, lastSeq: number][];
      const room = roomOfRow(row, new Map(tracked));
      rooms.set(room.id, { ...room, lastSeqByKind: new Map(tracked) });
    }
    for (const { roomId, firstSeq, lastSeq, lastSeqByKind } of this.#recent.rooms()) {
      const room = rooms.get(roomId);
      if (room === undefined) continue;
      for (const [kind, seq] of lastSeqByKind) room.lastSeqByKind.set(kind, seq);
      rooms.set(roomId, { ...room, firstSeq: room.lastSeq === 0 ? firstSeq : room.firstSeq, lastSeq });
    }
    return [...rooms.values()];
  }
}

/** @throws {CoreError} STORE_FAILED when the file system cannot keep a write-ahead log */
function configure(database: Database, options: LogOptions): void {
  if (database.value('PRAGMA journal_mode = WAL') !== 'wal') {
    throw storeFailed(
      `Cannot use data folder "${options.directory}": its file system does not support a write-ahead log; ` +
        'choose a folder on a local disk with --data',
    );
  }
  database.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES_MAX}`);
  database.exec(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES_MAX}`);
  database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  if (options.fileBytesMax !== undefined) {
    const pageBytes = Number(database.value('PRAGMA page_size'));
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.fileBytesMax / pageBytes))}`);
  }
}
