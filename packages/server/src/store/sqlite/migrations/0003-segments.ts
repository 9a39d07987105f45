import type { RoomEvent } from '@confab/core';
import type { Database, SqlValue } from '../database.ts';
import { encodeEvents } from '../event-codec.ts';
import { type FoldStatements, foldRoom } from '../fold.ts';
import { RecentEvents } from '../recent-events.ts';

/**
 * Events in few rows. Frozen, as every migration, and so is the form of the records that are written here
 * (event-codec.ts); another form needs another migration.
 *
 * - `batches`: what was committed lately, a row a commit, in the order of `position`, which is that of its last event. A commit
 *   writes at the end of this table and nowhere else.
 * - `segments`: where those events go later, many commits at once: some consecutive events of one room a row. No gaps, no
 *   overlaps. What is in both tables is in `segments`; see fold.ts.
 * - `client_ids`, `tracked_kinds`: by what the events of `segments` are found besides their numbers.
 * - `state.folded_position`: all events up to this position are in `segments`.
 */
const segments = `
CREATE TABLE batches (
  position INTEGER PRIMARY KEY,
  events BLOB NOT NULL
) STRICT;

CREATE TABLE segments (
  id INTEGER PRIMARY KEY,
  room_id INTEGER NOT NULL REFERENCES rooms (id),
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  events BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX segments_room ON segments (room_id, last_seq, first_seq);

CREATE TABLE client_ids (
  room_id INTEGER NOT NULL,
  client_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (room_id, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tracked_kinds (
  room_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  PRIMARY KEY (room_id, kind)
) STRICT, WITHOUT ROWID;

ALTER TABLE state ADD COLUMN folded_position INTEGER NOT NULL DEFAULT 0;
`;

const oldEvents =
  'SELECT room_id, seq, position, kind, time_ms, author, user, client_id, target, body, is_verified ' +
  'FROM events ORDER BY position';

/** As many events as are folded together; see `FOLD_BOUNDS`. In memory at once, as are their bodies. */
const FOLD_EVENTS = 65_536;
const FOLD_BYTES = 16 * 1024 * 1024;

/** Moves all events into segments. Reads once and writes once what the log has. */
export function toSegments(database: Database): void {
  database.exec(segments);
  const statements: FoldStatements = {
    lastSegmentSeq: database.prepare('SELECT max(last_seq) FROM segments WHERE room_id = ?'),
    insertSegment: database.prepare('INSERT INTO segments (room_id, first_seq, last_seq, events) VALUES (?, ?, ?, ?)'),
    insertClientId: database.prepare('INSERT INTO client_ids (room_id, client_id, seq) VALUES (?, ?, ?)'),
    putTrackedKind: database.prepare(
      'INSERT INTO tracked_kinds (room_id, kind, last_seq) VALUES (?, ?, ?) ' +
        'ON CONFLICT (room_id, kind) DO UPDATE SET last_seq = excluded.last_seq',
    ),
  };
  let events: RoomEvent[] = [];
  let bytes = 0;
  const fold = (): void => {
    const recent = new RecentEvents();
    if (events.length > 0) recent.add(encodeEvents(events));
    for (const room of recent.rooms.values()) {
      foldRoom(statements, recent, room, Number.POSITIVE_INFINITY, { segmentEvents: 128, segmentBytes: 16 * 1024 });
    }
    events = [];
    bytes = 0;
  };
  for (const row of database.prepare(oldEvents).iterate()) {
    const event = eventOfRow(row);
    events.push(event);
    bytes += event.body.length;
    if (events.length >= FOLD_EVENTS || bytes >= FOLD_BYTES) fold();
  }
  fold();
  database.exec(
    'UPDATE state SET folded_position = coalesce((SELECT max(position) FROM events), 0); DROP TABLE events',
  );
}

type EventRow = [
  number,
  number,
  number,
  number,
  number,
  number,
  string,
  string | null,
  number | null,
  Uint8Array,
  number,
];

function eventOfRow(row: SqlValue[]): RoomEvent {
  const [roomId, seq, position, kind, timeMs, author, user, clientId, target, body, isVerified] = row as EventRow;
  return {
    roomId,
    seq,
    position,
    kind,
    timeMs,
    author,
    user,
    isVerified: isVerified === 1 ? true : undefined,
    clientId: clientId ?? undefined,
    target: target ?? undefined,
    body,
  };
}
