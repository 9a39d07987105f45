import type { Database, Statement } from './database.ts';
import { SERIES_NUMBER_MAX } from './series.ts';

const FIRST_SEQ = '(SELECT first_seq FROM segments WHERE room_id = rooms.id ORDER BY last_seq LIMIT 1)';
const LAST_SEQ = '(SELECT max(last_seq) FROM segments WHERE room_id = rooms.id)';
const MEMBERS = '(SELECT count(*) FROM members WHERE room_id = rooms.id)';

/** Ids of a series in a room that are gone through for its highest number, in about 20 ms. Those of a longer one all wait for the database. */
export const SERIES_IDS_MAX = 100_000;

/** Reads; the test of the query plans goes through all of them. */
export const readSql = {
  /** Those that end at a sequence number or later, oldest first. */
  segments: 'SELECT events FROM segments WHERE room_id = ? AND last_seq >= ? ORDER BY last_seq',
  lastSegmentSeq: 'SELECT max(last_seq) FROM segments WHERE room_id = ?',
  seqOfClientId: 'SELECT seq FROM client_ids WHERE room_id = ? AND client_id = ?',
  /**
   * The highest number behind a series (series.ts): of a series and a room. What only begins with a number there may make it
   * too high; 15 digits are the most, and what it is of more ids than are looked at.
   */
  highestOfSeries:
    `SELECT iif(count(*) > ${SERIES_IDS_MAX}, ${SERIES_NUMBER_MAX}, ` +
    `min(max(CAST(substr(client_id, length(?1) + 1) AS INTEGER)), ${SERIES_NUMBER_MAX})) ` +
    'FROM (SELECT client_id FROM client_ids ' +
    `WHERE room_id = ?2 AND client_id >= ?1 || '0' AND client_id < ?1 || ':' LIMIT ${SERIES_IDS_MAX} + 1)`,
  trackedKinds: 'SELECT kind, last_seq FROM tracked_kinds WHERE room_id = ?',
  /** All that no segment has yet, and maybe some that one has. */
  batches: 'SELECT events FROM batches ORDER BY position',
  lastPosition:
    'SELECT max(folded_position, coalesce((SELECT max(position) FROM batches), 0)) FROM state WHERE only = 1',
  /** By the partial index, which has no closed rooms: in a long life these become many. */
  openRooms:
    `SELECT id, name, kind, password_hash, host_id, created_ms, ${FIRST_SEQ}, ${LAST_SEQ} ` +
    'FROM rooms INDEXED BY rooms_open WHERE closed_ms IS NULL',
  allRooms: `SELECT id, name, kind, created_ms, closed_ms, ${FIRST_SEQ}, ${LAST_SEQ}, ${MEMBERS} FROM rooms ORDER BY id`,
  isClosedRoom: 'SELECT 1 FROM rooms WHERE id = ? AND closed_ms IS NOT NULL',
  members: 'SELECT id, room_id, user, token_digest, address, profile, joined_ms, device_key FROM members ORDER BY id',
  names: 'SELECT user, device_key, taken_ms, used_ms, address, added_by FROM names',
  state: 'SELECT last_room_id, last_member_id, was_closed, synchronous, boot_id FROM state WHERE only = 1',
  epoch: 'SELECT epoch, start_position FROM epochs ORDER BY epoch DESC LIMIT 1',
} as const;

export const writeSql = {
  insertBatch: 'INSERT INTO batches (position, events) VALUES (?, ?)',
  deleteBatches: 'DELETE FROM batches WHERE position <= ?',
  insertSegment: 'INSERT INTO segments (room_id, first_seq, last_seq, events) VALUES (?, ?, ?, ?)',
  /** Should an id be there twice, the first one counts. */
  insertClientId: 'INSERT INTO client_ids (room_id, client_id, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  putTrackedKind:
    'INSERT INTO tracked_kinds (room_id, kind, last_seq) VALUES (?, ?, ?) ' +
    'ON CONFLICT (room_id, kind) DO UPDATE SET last_seq = excluded.last_seq',
  putFoldedPosition: 'UPDATE state SET folded_position = ? WHERE only = 1',
  putRoom:
    'INSERT INTO rooms (id, name, kind, password_hash, host_id, created_ms) VALUES (?, ?, ?, ?, ?, ?) ' +
    'ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, ' +
    'password_hash = excluded.password_hash, host_id = excluded.host_id, created_ms = excluded.created_ms',
  closeRoom: 'UPDATE rooms SET closed_ms = ? WHERE id = ? AND closed_ms IS NULL',
  putMember:
    'INSERT INTO members (id, room_id, user, token_digest, address, profile, joined_ms, device_key) ' +
    'VALUES (?, ?, ?, ?, ?, ?, ?, ?) ' +
    'ON CONFLICT (id) DO UPDATE SET room_id = excluded.room_id, user = excluded.user, ' +
    'token_digest = excluded.token_digest, address = excluded.address, profile = excluded.profile, ' +
    'joined_ms = excluded.joined_ms, device_key = excluded.device_key',
  putName:
    'INSERT INTO names (user, device_key, taken_ms, used_ms, address, added_by) VALUES (?, ?, ?, ?, ?, ?) ' +
    'ON CONFLICT (user, device_key) DO UPDATE SET used_ms = max(used_ms, excluded.used_ms)',
  deleteName: 'DELETE FROM names WHERE user = ?',
  deleteNameKey: 'DELETE FROM names WHERE user = ? AND device_key = ?',
  deleteMember: 'DELETE FROM members WHERE id = ?',
  deleteMembersOfRoom: 'DELETE FROM members WHERE room_id = ?',
  putCounters: 'UPDATE state SET last_room_id = ?, last_member_id = ? WHERE only = 1',
  beginRun:
    'INSERT INTO state (only, last_room_id, last_member_id, was_closed, synchronous, boot_id) VALUES (1, 0, 0, 0, ?, ?) ' +
    'ON CONFLICT (only) DO UPDATE SET was_closed = 0, synchronous = excluded.synchronous, boot_id = excluded.boot_id',
  endRun: 'UPDATE state SET was_closed = 1 WHERE only = 1',
  insertEpoch: 'INSERT INTO epochs (epoch, start_position, started_ms, boot_id) VALUES (?, ?, ?, ?)',
} as const;

/** Every statement by its name, prepared once. */
export type ReadStatements = { readonly [Name in keyof typeof readSql]: Statement };
export type Statements = ReadStatements & { readonly [Name in keyof typeof writeSql]: Statement };

export function prepareReads(database: Database): ReadStatements {
  return prepareAll(database, readSql);
}

export function prepareStatements(database: Database): Statements {
  return { ...prepareReads(database), ...prepareAll(database, writeSql) };
}

function prepareAll<Name extends string>(
  database: Database,
  texts: Readonly<Record<Name, string>>,
): Record<Name, Statement> {
  const entries = Object.entries<string>(texts).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(entries) as Record<Name, Statement>;
}
