import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { appendEvent, exampleEvent, plainState, temporaryDirectory, withoutUndefined } from '@confab/testing';
import { Database } from './database.ts';
import { APPLICATION_ID, migrate, schemaVersion } from './migrate.ts';
import { namesAndKeys } from './migrations/0002-names-and-keys.ts';
import { migrations } from './migrations/index.ts';
import { LOG_FILE } from './options.ts';
import { openSqliteStore } from './store.ts';

const frozenV1 = readFileSync(new URL('./fixtures/v1.sql', import.meta.url), 'utf8');

/** As the second release left it: events are rows. */
const frozenV2 = `${frozenV1}; ${namesAndKeys}; PRAGMA user_version = 2;`;

const inMemory = () => new Database(':memory:', { busyTimeoutMs: 0 });

function schemaOf(database: Database): unknown {
  return database.prepare('SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all();
}

function fileWith(directory: string, sql: string): void {
  const database = new Database(join(directory, LOG_FILE), { busyTimeoutMs: 0 });
  database.exec(sql);
  database.close();
}

test('names that were taken before it was kept when they were used count as used when they were taken', () => {
  const database = inMemory();
  database.exec(frozenV2);
  database.exec("INSERT INTO names (user, device_key, taken_ms) VALUES ('Ann', 'key 1', 5)");
  migrate(database, 'data');
  assert.deepEqual(database.prepare('SELECT user, device_key, taken_ms, used_ms, address, added_by FROM names').all(), [
    ['Ann', 'key 1', 5, 5, '', null],
  ]);
});

test('a log of the first release opens with all that is in it', async (context) => {
  const folder = temporaryDirectory(context);
  fileWith(folder.path, frozenV1);
  const store = folder.closing(await openSqliteStore({ directory: folder.path, bootId: () => 'boot 3' }));
  const state = plainState(await store.load());
  assert.deepEqual(state, {
    epoch: 2,
    epochStartPosition: 4,
    lastPosition: 9,
    lastRoomId: 3,
    lastMemberId: 9,
    rooms: [
      {
        id: 2,
        name: '部屋',
        kind: 'hosted',
        passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
        hostId: 4,
        createdMs: 1763700000002,
        firstSeq: 1,
        lastSeq: 4,
        lastSeqByKind: new Map([
          [32, 2],
          [40, 4],
        ]),
      },
      {
        id: 3,
        name: 'lobby',
        kind: 'open',
        createdMs: 1763700001000,
        firstSeq: 1,
        lastSeq: 0,
        lastSeqByKind: new Map(),
      },
    ],
    members: [
      {
        id: 4,
        roomId: 2,
        user: 'Zoë',
        tokenDigest: 'b1946ac9',
        address: '192.0.2.7',
        profile: '{"wire":"ucrp"}',
        joinedMs: 1763700000003,
      },
      {
        id: 7,
        roomId: 3,
        user: 'Bo',
        tokenDigest: '591785b7',
        address: '2001:db8::1',
        profile: '',
        joinedMs: 1763700000004,
      },
    ],
    names: [],
  });
  const [greeting] = await store.read(2, 1, 1);
  assert.deepEqual(greeting && withoutUndefined(greeting), {
    roomId: 2,
    seq: 1,
    position: 2,
    kind: 1,
    timeMs: 1763700000011,
    author: 4,
    user: 'Zoë',
    clientId: 'c-1',
    body: new TextEncoder().encode('Hi, 👋'),
  });
  assert.equal((await store.read(1, 1, 9)).length, 2);
  const repeat = exampleEvent(5, { roomId: 2, position: 10, clientId: 'c-2' });
  assert.equal((await store.commit([appendEvent(repeat)])).status, 'duplicates');
  assert.equal((await store.commit([appendEvent({ ...repeat, clientId: 'c-3' })])).status, 'committed');
});

test('the first migration makes the schema of the first release, to the letter', () => {
  const frozen = inMemory();
  frozen.exec(frozenV1);
  const made = inMemory();
  migrate(made, 'test', migrations.slice(0, 1));
  assert.deepEqual(schemaOf(made), schemaOf(frozen));
  assert.equal(frozen.value('PRAGMA application_id'), APPLICATION_ID);
});

test('events of the second release come through as they were, each part of them', async (context) => {
  const folder = temporaryDirectory(context);
  fileWith(
    folder.path,
    `${frozenV2}
    INSERT INTO events VALUES
      (10, 2, 5, 1, 1763700000016, 4, 'Zoë 部屋', 'ü' || char(0) || 'x', 1, x'', 1),
      (12, 2, 6, 4000000000, 0, 4294967295, '', '', NULL, x'00', 0),
      (14, 3, 1, 1, 1763700000018, 7, 'Bo', 'c-1', NULL, zeroblob(70000), 0);
    UPDATE state SET last_member_id = 4294967295`,
  );
  const store = folder.closing(await openSqliteStore({ directory: folder.path, bootId: () => 'boot 3' }));
  assert.deepEqual((await store.read(2, 5, 9)).map(withoutUndefined), [
    {
      roomId: 2,
      seq: 5,
      position: 10,
      kind: 1,
      timeMs: 1763700000016,
      author: 4,
      user: 'Zoë 部屋',
      isVerified: true,
      clientId: 'ü\0x',
      target: 1,
      body: new Uint8Array(0),
    },
    {
      roomId: 2,
      seq: 6,
      position: 12,
      kind: 4_000_000_000,
      timeMs: 0,
      author: 4_294_967_295,
      user: '',
      clientId: '',
      body: Uint8Array.of(0),
    },
  ]);
  assert.deepEqual((await store.read(3, 1, 9))[0]?.body, new Uint8Array(70_000));
  const { lastPosition, rooms } = await store.load();
  assert.equal(lastPosition, 14);
  const kinds = new Map([
    [32, 2],
    [40, 4],
    [4_000_000_000, 6],
  ]);
  assert.deepEqual(rooms.find(({ id }) => id === 2)?.lastSeqByKind, kinds);
  for (const clientId of ['ü\0x', '', 'c-1']) {
    const repeat = exampleEvent(7, { roomId: 2, position: 20, clientId });
    assert.equal((await store.commit([appendEvent(repeat)])).status, 'duplicates', JSON.stringify(clientId));
  }
});

test('a long log comes through whole: rooms in turns, long and short, and each client id', async (context) => {
  const folder = temporaryDirectory(context);
  // More than are moved at a time, and in each room more than one segment holds.
  const rooms = 9;
  const count = 70_000;
  fileWith(
    folder.path,
    `${frozenV2}
    DELETE FROM events; DELETE FROM members; DELETE FROM rooms;
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${rooms})
      INSERT INTO rooms SELECT n, 'room ' || n, 'open', NULL, NULL, 0, NULL FROM n;
    WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ${count - 1})
      INSERT INTO events SELECT n + 1, 1 + n % ${rooms}, 1 + n / ${rooms}, 1, n, 5, 'user ' || (n % 7),
        CASE WHEN n % 10 = 0 THEN 'id ' || n END, NULL, CAST('text ' || n AS BLOB), 0 FROM n`,
  );
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  const decoder = new TextDecoder();
  for (let room = 1; room <= rooms; room += 1) {
    const events = await store.read(room, 1, count);
    const length = Math.ceil((count - room + 1) / rooms);
    const expected = Array.from({ length }, (_, index) => {
      const n = index * rooms + room - 1;
      return `${index + 1} ${n + 1} user ${n % 7} ${n % 10 === 0 ? `id ${n}` : undefined} text ${n}`;
    });
    const read = events.map(
      ({ seq, position, user, clientId, body }) => `${seq} ${position} ${user} ${clientId} ${decoder.decode(body)}`,
    );
    assert.deepEqual(read, expected);
  }
  const seqs = async (room: number, fromSeq: number) => (await store.read(room, fromSeq, 3)).map(({ seq }) => seq);
  assert.deepEqual(await seqs(4, 7000), [7000, 7001, 7002]);
  const { lastSeq } = (await store.load()).rooms[0]!;
  const event = exampleEvent(lastSeq + 1, { roomId: 1, position: count + 1, clientId: 'id 69930' });
  assert.equal((await store.commit([appendEvent(event)])).status, 'duplicates');
  assert.equal((await store.commit([appendEvent({ ...event, clientId: 'new' })])).status, 'committed');
});

test('migrations that a log has not had are applied in order, and once', () => {
  const database = inMemory();
  const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y', 'INSERT INTO a VALUES (1, 2)'];
  migrate(database, 'test', steps.slice(0, 1));
  assert.equal(schemaVersion(database), 1);
  migrate(database, 'test', steps);
  migrate(database, 'test', steps);
  assert.equal(schemaVersion(database), 3);
  assert.deepEqual(database.prepare('SELECT x, y FROM a').all(), [[1, 2]]);
});

test('a migration that fails leaves the log as the one before it did', () => {
  const database = inMemory();
  const steps = ['CREATE TABLE a (x)', 'CREATE TABLE b (x); INSERT INTO missing VALUES (1)'];
  assert.throws(() => migrate(database, 'test', steps), /no such table: missing/);
  assert.equal(schemaVersion(database), 1);
  const broken = (): void => {
    database.exec('CREATE TABLE c (x)');
    throw new Error('disk full');
  };
  assert.throws(() => migrate(database, 'test', [...steps.slice(0, 1), broken]), /disk full/);
  assert.equal(schemaVersion(database), 1);
  assert.equal(database.value("SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
  assert.equal(database.value("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
});

test('a log that a newer program wrote is refused and left as it is', async (context) => {
  const folder = temporaryDirectory(context);
  fileWith(folder.path, `${frozenV1}; PRAGMA user_version = 900`);
  await assert.rejects(openSqliteStore({ directory: folder.path }), {
    code: 'STORE_FAILED',
    message:
      `Data folder "${folder.path}" was written by a newer confab (schema 900, this one knows ${migrations.length}); ` +
      'upgrade confab or choose another folder with --data',
  });
  const database = folder.closing(new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 0 }));
  assert.equal(schemaVersion(database), 900);
});

test("another program's database is refused and left as it is", async (context) => {
  const folder = temporaryDirectory(context);
  fileWith(folder.path, 'CREATE TABLE recipes (name TEXT)');
  await assert.rejects(openSqliteStore({ directory: folder.path }), {
    code: 'STORE_FAILED',
    message: /holds another program's database/,
  });
  const database = folder.closing(new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 0 }));
  assert.deepEqual(schemaOf(database), [['recipes', 'CREATE TABLE recipes (name TEXT)']]);
});
