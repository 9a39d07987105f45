import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  appendEvent,
  closeRoom,
  exampleEvent,
  exampleMember,
  exampleRoom,
  putMember,
  putName,
  putRoom,
  temporaryDirectory,
} from '@confab/testing';
import { Database } from './database.ts';
import { freeName } from './free-name.ts';
import { openLogReader } from './log-reader.ts';
import { APPLICATION_ID } from './migrate.ts';
import { LOG_FILE } from './options.ts';
import { openSqliteStore } from './store.ts';

test('all rooms are listed, closed ones too, and their events read', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  const first = [exampleEvent(1), exampleEvent(2, { clientId: 'a', target: 1 })];
  await store.commit([putRoom(exampleRoom(1, { name: 'lobby' })), ...first.map(appendEvent), closeRoom(1, 1_234)]);
  await store.commit([
    putRoom(exampleRoom(2, { name: 'lobby', kind: 'hosted', passwordHash: 'secret' })),
    putMember(exampleMember(3, 2)),
  ]);
  await store.close();

  const reader = folder.closing(openLogReader(folder.path));
  const { createdMs } = exampleRoom(1);
  assert.deepEqual(reader.rooms(), [
    {
      id: 1,
      name: 'lobby',
      kind: 'open',
      createdMs,
      closedMs: 1_234,
      firstSeq: 1,
      lastSeq: 2,
      eventCount: 2,
      memberCount: 0,
    },
    {
      id: 2,
      name: 'lobby',
      kind: 'hosted',
      createdMs: createdMs + 1,
      closedMs: undefined,
      firstSeq: 1,
      lastSeq: 0,
      eventCount: 0,
      memberCount: 1,
    },
  ]);
  const read = reader.read(1, 1, 10);
  assert.deepEqual(
    read.map(({ seq, clientId, target }) => [seq, clientId, target]),
    [
      [1, undefined, undefined],
      [2, 'a', 1],
    ],
  );
  assert.deepEqual(reader.read(1, 2, 1).length, 1);
  assert.deepEqual(reader.read(1, 1, -1), []);
  assert.deepEqual(reader.read(9, 1, 10), []);
});

test('a reader beside a store sees each commit, hinders none, and stands in no opener’s way', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  await store.commit([putRoom(exampleRoom(1))]);
  const reader = folder.closing(openLogReader(folder.path));
  for (const seq of [1, 2, 3]) {
    await store.commit([appendEvent(exampleEvent(seq))]);
    assert.equal(reader.rooms()[0]?.lastSeq, seq);
  }
  await store.close();
  const again = folder.closing(await openSqliteStore({ directory: folder.path }));
  await again.commit([appendEvent(exampleEvent(4))]);
  assert.equal(reader.read(1, 4, 1).length, 1);
});

test('a folder without a log is refused in a sentence that says what to do, and nothing is made in it', (context) => {
  const folder = temporaryDirectory(context);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    assert.throws(() => openLogReader(folder.path), {
      code: 'STORE_FAILED',
      message: `No log in data folder "${folder.path}"; start confab there once or choose another with --data`,
    });
  }
});

test('a log of another version is refused: reading alone does not migrate', (context) => {
  const folder = temporaryDirectory(context);
  const database = folder.closing(new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 0 }));
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; CREATE TABLE future (x)`);
  assert.throws(() => openLogReader(folder.path), /written by an older confab \(schema 0, this one reads 4\)/);
  database.exec('PRAGMA user_version = 900');
  assert.throws(() => openLogReader(folder.path), /written by a newer confab \(schema 900, this one knows 4\)/);
});

test('user names and their keys are listed by name, and freed, all or one key, while no server has the folder', async (context) => {
  const folder = temporaryDirectory(context);
  const store = await openSqliteStore({ directory: folder.path });
  await store.commit([putName('Bo', 'key 3', 3), putName('Ann', 'key 2', 2), putName('Ann', 'key 1', 1)]);
  const reader = folder.closing(openLogReader(folder.path));
  const names = () => reader.names().map(({ user, deviceKey }) => `${user} ${deviceKey}`);
  assert.deepEqual(names(), ['Ann key 1', 'Ann key 2', 'Bo key 3']);
  assert.throws(() => freeName(folder.path, 'Ann'), { code: 'STORE_FAILED', message: /in use by another confab/ });
  await store.close();
  assert.equal(freeName(folder.path, 'Ann', 'key 9'), 0);
  assert.equal(freeName(folder.path, 'Ann', 'key 1'), 1);
  assert.deepEqual(names(), ['Ann key 2', 'Bo key 3']);
  assert.equal(freeName(folder.path, 'Ann'), 1);
  assert.equal(freeName(folder.path, 'Ann'), 0);
  const again = folder.closing(await openSqliteStore({ directory: folder.path }));
  assert.deepEqual(
    (await again.load()).names.map(({ user }) => user),
    ['Bo'],
  );
});
