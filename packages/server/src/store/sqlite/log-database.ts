import type { CommitResult, DuplicateEvent, LoadedState, RoomEvent, StoreChange } from '@confab/core';
import { storeFailed } from '../failure.ts';
import { LogHeads, repeatedInBatch } from '../log-heads.ts';
import { pageOf } from '../page.ts';
import { claimDataFolder, type DataFolder, explained } from './data-folder.ts';
import { Database, type SqlValue } from './database.ts';
import { beginRun, type Epoch, endRun } from './epoch.ts';
import { Fence } from './fence.ts';
import { migrate } from './migrate.ts';
import { BUSY_TIMEOUT_MS, CACHE_KIB, type LogOptions, WAL_KEPT_BYTES_MAX, WAL_PAGES_MAX } from './options.ts';
import { eventOfRow, memberOfRow, nameOfRow, readLastSeqByKind, roomOfRow } from './rows.ts';
import { EVENTS_PER_INSERT, prepareStatements, type Statements } from './statements.ts';

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
    this.#database = new Database(folder.file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
    try {
      configure(this.#database, options);
      migrate(this.#database, options.directory);
      this.#statements = prepareStatements(this.#database);
      this.#epoch = beginRun(this.#database, this.#statements, { ...options, nowMs: Date.now() });
      this.#heads = this.#restoreHeads();
      this.#fence = new Fence(this.#database, {
        isLockOurs: () => folder.isOurs(),
        isEndOurs: () => Number(this.#statements.lastPosition.get()?.[0] ?? 0) === this.#endPosition,
      });
      this.#endPosition = this.#heads.counters.lastPosition;
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get file(): string {
    return this.#folder.file;
  }

  load(): LoadedState {
    return {
      epoch: this.#epoch.epoch,
      epochStartPosition: this.#epoch.startPosition,
      ...this.#heads.counters,
      rooms: this.#statements.openRooms
        .all()
        .map((row) => roomOfRow(row, readLastSeqByKind(this.#statements, Number(row[0])))),
      members: this.#statements.members.all().map(memberOfRow),
      names: this.#statements.names.all().map(nameOfRow),
    };
  }

  commit(changes: readonly StoreChange[]): CommitResult {
    const duplicates: DuplicateEvent[] = [];
    this.#heads.begin();
    try {
      this.#database.transaction(() => {
        this.#fence.check();
        for (let index = 0; index < changes.length; ) {
          if (this.#appendMany(changes, index)) {
            index += EVENTS_PER_INSERT;
          } else {
            this.#apply(changes[index]!, index, duplicates);
            index += 1;
          }
        }
        if (duplicates.length > 0) throw rollBack;
        if (this.#heads.hasNewIds) this.#putCounters();
      });
    } catch (error) {
      this.#heads.rollBack();
      if (error !== rollBack) throw error;
      return { status: 'duplicates', duplicates };
    }
    this.#heads.keep();
    this.#endPosition = this.#heads.counters.lastPosition;
    return { status: 'committed' };
  }

  read(roomId: number, fromSeq: number, limit: number): RoomEvent[] {
    const page = pageOf(fromSeq, limit);
    return this.#statements.events.all(roomId, page.fromSeq, page.limit).map(eventOfRow);
  }

  close(): void {
    try {
      // Another process's run is not ours to end.
      if (!this.#fence.isBroken) endRun(this.#database, this.#statements, this.#options.synchronous);
    } catch {
      // A full disk, say. Nothing is lost: the next run merely takes this one for one that was killed.
    }
    this.#database.close();
    this.#folder.release();
  }

  #apply(change: StoreChange, index: number, duplicates: DuplicateEvent[]): void {
    const statements = this.#statements;
    switch (change.type) {
      case 'event': {
        const repeated = this.#append(change.event);
        if (repeated !== undefined) duplicates.push({ index, event: repeated });
        break;
      }
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

  /**
   * Write as many changes as one statement holds, from `start` on, when all of them are events without a client id.
   * @returns whether that was so
   */
  #appendMany(changes: readonly StoreChange[], start: number): boolean {
    if (changes.length - start < EVENTS_PER_INSERT) return false;
    for (let index = start; index < start + EVENTS_PER_INSERT; index += 1) {
      const change = changes[index]!;
      if (change.type !== 'event' || change.event.clientId !== undefined) return false;
    }
    const values: SqlValue[] = [];
    for (let index = start; index < start + EVENTS_PER_INSERT; index += 1) {
      const { event } = changes[index] as Extract<StoreChange, { type: 'event' }>;
      this.#heads.append(event);
      const { roomId, seq, position, kind, timeMs, author, user, target = null, body, isVerified } = event;
      values.push(roomId, seq, position, kind, timeMs, author, user, null, target, body, isVerified === true ? 1 : 0);
    }
    this.#statements.insertEvents.run(...values);
    return true;
  }

  /** Returns the event that the log had under the same client id, in place of the new one. */
  #append(event: RoomEvent): RoomEvent | undefined {
    const head = this.#heads.append(event);
    const { roomId, seq, position, kind, timeMs, author, user, clientId = null, target = null, body } = event;
    const { changes } = this.#statements.insertEvent.run(
      roomId,
      seq,
      position,
      kind,
      timeMs,
      author,
      user,
      clientId,
      target,
      body,
      event.isVerified === true ? 1 : 0,
    );
    if (changes === 1) return undefined;
    const row = this.#statements.eventByClientId.get(roomId, clientId);
    if (row === undefined) throw storeFailed(`Cannot append event ${seq} to room ${roomId}: no row was written`);
    const stored = eventOfRow(row);
    if (stored.seq > head.seqBefore) throw repeatedInBatch(event);
    return stored;
  }

  #putCounters(): void {
    const { lastRoomId, lastMemberId } = this.#heads.counters;
    this.#statements.putCounters.run(lastRoomId, lastMemberId);
  }

  #restoreHeads(): LogHeads {
    const [lastRoomId, lastMemberId] = this.#statements.state.get() as number[];
    const lastPosition = Number(this.#statements.lastPosition.get()?.[0] ?? 0);
    const heads = new LogHeads(
      { lastPosition, lastRoomId: lastRoomId ?? 0, lastMemberId: lastMemberId ?? 0 },
      (roomId) => this.#statements.isClosedRoom.get(roomId) !== undefined,
    );
    for (const row of this.#statements.openRooms.all()) {
      const room = roomOfRow(row, new Map());
      heads.restore(room.id, room.name, room.lastSeq);
    }
    return heads;
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
