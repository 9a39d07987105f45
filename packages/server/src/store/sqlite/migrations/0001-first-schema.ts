/**
 * The first schema. Frozen: data folders made with it exist, so a change to it is another migration.
 *
 * - `state` has one row. The last ids are kept apart from the tables, since the newest member may have been deleted and
 *   ids are given once. The rest tells the next run how this one ended; see epoch.ts.
 * - `rooms` keeps closed rooms for their logs; a name is unique among open ones only. Text compares byte by byte.
 * - `events` is stored in the order of `position`, so that appending writes at the end of the table. The index
 *   `events_tracked` serves conditional appends: kinds from 32 up belong to applications and to key agreement.
 * - Times are ms since the Unix epoch.
 */
export const firstSchema = `
CREATE TABLE state (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  last_room_id INTEGER NOT NULL,
  last_member_id INTEGER NOT NULL,
  was_closed INTEGER NOT NULL,
  synchronous TEXT NOT NULL,
  boot_id TEXT
) STRICT;

CREATE TABLE epochs (
  epoch INTEGER PRIMARY KEY,
  start_position INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  boot_id TEXT
) STRICT;

CREATE TABLE rooms (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  password_hash TEXT,
  host_id INTEGER,
  created_ms INTEGER NOT NULL,
  closed_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX rooms_open ON rooms (name) WHERE closed_ms IS NULL;

CREATE TABLE members (
  id INTEGER PRIMARY KEY,
  room_id INTEGER NOT NULL REFERENCES rooms (id),
  user TEXT NOT NULL,
  token_digest TEXT,
  address TEXT NOT NULL,
  profile TEXT NOT NULL,
  joined_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX members_room ON members (room_id);

CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  room_id INTEGER NOT NULL REFERENCES rooms (id),
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  author INTEGER NOT NULL,
  user TEXT NOT NULL,
  client_id TEXT,
  target INTEGER,
  body BLOB NOT NULL,
  UNIQUE (room_id, seq)
) STRICT;
CREATE UNIQUE INDEX events_client_id ON events (room_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX events_tracked ON events (room_id, kind, seq) WHERE kind >= 32;
`;
