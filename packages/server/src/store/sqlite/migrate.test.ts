import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { appendEvent, exampleEvent, plainState, temporaryDirectory, withoutUndefined } from '@confab/testing';
import { Database } from './database.ts';
import { APPLICATION_ID, migrate, schemaVersion } from './migrate.ts';
import { migrations } from './migrations/index.ts';
import { LOG_FILE } from './options.ts';
import { openSqliteStore } from './store.ts';

const frozenV1 = readFileSync(new URL('./fixtures/v1.sql', import.meta.url), 'utf8');

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
  for (const migration of migrations.slice(0, 2)) database.exec(migration);
  database.exec(`PRAGMA user_version = 2; PRAGMA application_id = ${APPLICATION_ID}`);
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
