import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RoomEvent, RoomKind, StoredName } from '@confab/core';
import { storeFailed } from '../failure.ts';
import { pageOf } from '../page.ts';
import { explained } from './data-folder.ts';
import { Database } from './database.ts';
import { decodeEvents, EventCursor, lastPositionOf } from './event-codec.ts';
import { EventPage } from './event-page.ts';
import { EventPick } from './event-pick.ts';
import { readJournals } from './journal.ts';
import { expectOurs, newerSchema, SCHEMA_VERSION, schemaVersion } from './migrate.ts';
import { BUSY_TIMEOUT_MS, LOG_FILE } from './options.ts';
import { nameOfRow } from './rows.ts';
import { prepareReads, type ReadStatements } from './statements.ts';

export interface LoggedRoom {
  readonly id: number;
  readonly name: string;
  readonly kind: RoomKind;
  readonly createdMs: number;
  /** When it was closed; undefined while it is open. */
  readonly closedMs: number | undefined;
  /** Sequence number of the oldest event the log still has; 1 for a log that has lost none. */
  readonly firstSeq: number;
  /** Sequence number of the newest event; 0 for an empty log. */
  readonly lastSeq: number;
  readonly eventCount: number;
  /** Those who are in. */
  readonly memberCount: number;
}

/** Sees what was committed when each call is made. */
export interface LogReader {
  /** All rooms by id, closed ones too. */
  rooms(): LoggedRoom[];
  /** User names and their device keys, by name, then oldest first. */
  names(): StoredName[];
  /** As `Store.read`. */
  read(roomId: number, fromSeq: number, limit: number): RoomEvent[];
  /** Those events of a room that are there, of ascending sequence numbers; in their order. */
  pick(roomId: number, seqs: readonly number[]): RoomEvent[];
  /** Harmless when it is closed already. */
  close(): void;
}

/**
 * Read a data folder's log without a server, or beside one: it neither takes nor needs the folder's lock, and writes
 * nothing into the log. Blocks its thread.
 * @throws {CoreError} STORE_FAILED when there is no log, or not one of this version's
 */
export function openLogReader(directory: string): LogReader {
  const file = join(directory, LOG_FILE);
  if (!existsSync(file)) {
    throw storeFailed(`No log in data folder "${directory}"; start confab there once or choose another with --data`);
  }
  return explained(directory, () => {
    const database = new Database(file, { busyTimeoutMs: BUSY_TIMEOUT_MS, isReadOnly: true });
    try {
      expectKnownSchema(database, directory);
      return new DatabaseLogReader(database, directory);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function expectKnownSchema(database: Database, directory: string): void {
  const version = schemaVersion(database);
  expectOurs(database, directory);
  if (version > SCHEMA_VERSION) throw newerSchema(directory, version, SCHEMA_VERSION);
  if (version < SCHEMA_VERSION) {
    // Reading alone must not migrate: a server of the older version may be running.
    throw storeFailed(
      `Data folder "${directory}" was written by an older confab (schema ${version}, this one reads ${SCHEMA_VERSION}); ` +
        'start this version there once',
    );
  }
}

class DatabaseLogReader implements LogReader {
  readonly #database: Database;
  readonly #statements: ReadStatements;
  readonly #directory: string;

  constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
    this.#statements = prepareReads(database);
  }

  rooms(): LoggedRoom[] {
    return this.#snapshot((recents) => {
      const recent = recentEnds(recents);
      return this.#statements.allRooms.all().map((row) => {
        const [id, name, kind, createdMs, closedMs, first, last, memberCount] = row as [
          number,
          string,
          RoomKind,
          number,
          number | null,
          number | null,
          number | null,
          number,
        ];
        const firstSeq = first ?? recent.get(id)?.firstSeq ?? 1;
        const lastSeq = recent.get(id)?.lastSeq ?? last ?? 0;
        // A log has no gaps, so that its length needs no counting.
        const eventCount = lastSeq - firstSeq + 1;
        const closed = closedMs ?? undefined;
        return { id, name, kind, createdMs, closedMs: closed, firstSeq, lastSeq, eventCount, memberCount };
      });
    });
  }

  names(): StoredName[] {
    const order = (left: StoredName, right: StoredName): number =>
      left.user === right.user ? left.takenMs - right.takenMs : left.user < right.user ? -1 : 1;
    return this.#statements.names.all().map(nameOfRow).sort(order);
  }

  read(roomId: number, fromSeq: number, limit: number): RoomEvent[] {
    const page = new EventPage(roomId, pageOf(fromSeq, limit));
    this.#snapshot((recents) => {
      for (const [events] of this.#statements.segments.iterate(roomId, page.nextSeq)) {
        page.take(events as Uint8Array);
        if (page.isFull) return;
      }
      for (const events of recents) {
        page.take(events);
        if (page.isFull) return;
      }
    });
    return decodeEvents(page.toBytes());
  }

  pick(roomId: number, seqs: readonly number[]): RoomEvent[] {
    const picked = new EventPick(roomId, seqs);
    this.#snapshot((recents) => {
      while (picked.nextSeq !== undefined) {
        const row = this.#statements.segments.get(roomId, picked.nextSeq);
        if (row === undefined) break;
        picked.takeSegment(row[0] as Uint8Array);
      }
      // All of them are gone through, so once for all events and only for those that no segment has.
      if (picked.nextSeq === undefined) return;
      for (const events of recents) {
        picked.take(events);
        if (picked.nextSeq === undefined) break;
      }
    });
    return picked.events;
  }

  close(): void {
    this.#database.close();
  }

  /**
   * Runs `work`, whose reads all see the same moment.
   * @param work gets all events that no segment has yet, or only just: of the database, then of the journal
   */
  #snapshot<Result>(work: (recents: Iterable<Uint8Array>) => Result): Result {
    // Read first: what is taken out of it meanwhile is in the database then.
    const journaled = readJournals(this.#directory);
    return this.#database.snapshot(() => work(this.#recents(journaled)));
  }

  *#recents(journaled: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const [events] of this.#statements.batches.iterate()) yield events as Uint8Array;
    if (journaled.length === 0) return;
    const lastPosition = Number(this.#statements.lastPosition.get()?.[0] ?? 0);
    for (const events of journaled) if (lastPositionOf(events) > lastPosition) yield events;
  }
}

function recentEnds(
  recents: Iterable<Uint8Array>,
): Map<number, { readonly firstSeq: number; readonly lastSeq: number }> {
  const ends = new Map<number, { readonly firstSeq: number; readonly lastSeq: number }>();
  for (const events of recents) {
    const cursor = new EventCursor(events);
    while (cursor.next()) {
      const { roomId, seq } = cursor;
      ends.set(roomId, { firstSeq: ends.get(roomId)?.firstSeq ?? seq, lastSeq: seq });
    }
  }
  return ends;
}
