import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  appendEvent,
  closeRoom,
  exampleEvent,
  exampleRoom,
  propertyRuns,
  putRoom,
  storeContract,
  temporaryDirectory,
} from '@confab/testing';
import { Database } from './database.ts';
import { openLogReader } from './log-reader.ts';
import { FOLD_BOUNDS, JOURNAL_FILE, LOCK_FILE, LOG_FILE } from './options.ts';
import { openSqliteStore } from './store.ts';

// A thread takes a while to start, so that most sequences of calls are tried without it: see log-database.test.ts.
storeContract(
  'the SQLite store',
  async (context) => {
    const folder = temporaryDirectory(context);
    const open = async () => folder.closing(await openSqliteStore({ directory: folder.path }));
    let store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await open();
        return store;
      },
    };
  },
  { modelRuns: Math.ceil(propertyRuns() / 50) },
);

test('the main loop goes on while the disk keeps a commit waiting', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  await store.commit([putRoom(exampleRoom(1))]);
  // Another writer on the same file: the commit waits for it as it would wait for a slow disk.
  const slow = folder.closing(new Database(store.file, { busyTimeoutMs: 0 }));
  slow.exec('BEGIN IMMEDIATE');
  let isCommitted = false;
  const commit = store.commit([appendEvent(exampleEvent(1))]).then(() => {
    isCommitted = true;
  });
  for (let turns = 0; turns < 2_000; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isCommitted, false);
  slow.exec('ROLLBACK');
  await commit;
  assert.equal((await store.read(1, 1, 9)).length, 1);
});

test('a folder that a store has open is refused to a second one, until the first is closed', async (context) => {
  const folder = temporaryDirectory(context);
  const first = folder.closing(await openSqliteStore({ directory: folder.path }));
  await assert.rejects(openSqliteStore({ directory: folder.path }), {
    code: 'STORE_FAILED',
    message: `Data folder "${folder.path}" is in use by another confab; stop it or choose another with --data`,
  });
  // The attempt took nothing from the first.
  await first.commit([putRoom(exampleRoom(1))]);
  await assert.rejects(openSqliteStore({ directory: folder.path }), /in use by another confab/);
  await first.close();
  const second = folder.closing(await openSqliteStore({ directory: folder.path }));
  assert.equal((await second.load()).lastRoomId, 1);
});

test('a missing folder is made, for its owner alone', async (context) => {
  const folder = temporaryDirectory(context);
  const directory = join(folder.path, 'deep', 'data');
  const store = folder.closing(await openSqliteStore({ directory }));
  await store.commit([putRoom(exampleRoom(1))]);
  assert.equal(store.file, join(directory, LOG_FILE));
  const mode = (path: string) => statSync(path).mode & 0o777;
  assert.equal(mode(directory), 0o700);
  const files = readdirSync(directory).toSorted();
  assert.deepEqual(files, [LOG_FILE, `${LOG_FILE}-shm`, `${LOG_FILE}-wal`, JOURNAL_FILE, LOCK_FILE]);
  for (const file of files) assert.equal(mode(join(directory, file)), 0o600, file);
  await store.close();
  assert.deepEqual(readdirSync(directory).toSorted(), [LOG_FILE, LOCK_FILE], 'a clean close leaves one file to copy');
});

test('what people say is there for every reader at once, though the disk keeps the database waiting', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  await store.load();
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  const slow = folder.closing(new Database(store.file, { busyTimeoutMs: 0 }));
  slow.exec('BEGIN IMMEDIATE');
  for (let seq = 2; seq <= 40; seq += 1) await store.commit([appendEvent(exampleEvent(seq))]);
  const reader = folder.closing(openLogReader(folder.path));
  assert.deepEqual([reader.rooms()[0]?.lastSeq, reader.rooms()[0]?.eventCount], [40, 40]);
  assert.equal(reader.read(1, 30, 99).length, 11);
  assert.deepEqual(
    reader.pick(1, [1, 7, 40]).map(({ seq }) => seq),
    [1, 7, 40],
  );
  slow.exec('ROLLBACK');
  assert.equal((await store.read(1, 1, 99)).length, 40);
  assert.equal((await store.load()).lastPosition, 40);
  assert.equal(reader.read(1, 1, 99).length, 40);
});

test('without a journal, or writing through, all that is committed is in the database', async (context) => {
  for (const options of [{ journal: false }, { synchronous: 'full' }] as const) {
    const folder = temporaryDirectory(context);
    const store = folder.closing(await openSqliteStore({ directory: folder.path, ...options }));
    await store.load();
    await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
    await store.commit([appendEvent(exampleEvent(2))]);
    assert.ok(!existsSync(join(folder.path, JOURNAL_FILE)));
    const database = folder.closing(new Database(store.file, { busyTimeoutMs: 0, isReadOnly: true }));
    assert.equal(database.value('SELECT max(position) FROM batches'), 2);
    await store.close();
  }
});

test('another server that takes the folder has all that was committed, and the first commits nothing more', async (context) => {
  const folder = temporaryDirectory(context);
  const first = folder.closing(await openSqliteStore({ directory: folder.path }));
  await first.load();
  await first.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  for (let seq = 2; seq <= 9; seq += 1) await first.commit([appendEvent(exampleEvent(seq))]);
  unlinkSync(join(folder.path, LOCK_FILE));
  const second = folder.closing(await openSqliteStore({ directory: folder.path }));
  assert.equal((await second.load()).lastPosition, 9);
  await assert.rejects(first.commit([appendEvent(exampleEvent(10))]), { code: 'STORE_FENCED' });
  await second.commit([appendEvent(exampleEvent(10))]);
  await first.close();
  assert.ok(existsSync(join(folder.path, JOURNAL_FILE)), 'the journal of the second');
  assert.equal((await second.read(1, 1, 99)).length, 10);
});

test('what was committed when the database had no room any more is read, and is there when it has', async (context) => {
  const folder = temporaryDirectory(context);
  const directory = folder.path;
  const store = folder.closing(await openSqliteStore({ directory, fileBytesMax: 128 * 1024 }));
  await store.load();
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  const body = new Uint8Array(4096);
  let last = 1;
  await assert.rejects(
    async () => {
      for (; last < 1_000; last += 1) await store.commit([appendEvent(exampleEvent(last + 1, { body }))]);
    },
    { code: 'STORE_FAILED', message: /full/ },
  );
  assert.equal((await store.read(1, 1, 1_000)).length, last);
  await store.close();
  assert.ok(existsSync(join(directory, JOURNAL_FILE)));
  const next = folder.closing(await openSqliteStore({ directory }));
  assert.equal((await next.load()).lastPosition, last);
  assert.equal((await next.read(1, 1, 1_000)).length, last);
});

test('a folder that cannot be used is refused in a sentence that says what to do', async (context) => {
  const folder = temporaryDirectory(context);
  const notAFolder = join(folder.path, 'file');
  writeFileSync(notAFolder, '');
  for (const directory of [notAFolder, join(notAFolder, 'below')]) {
    await assert.rejects(openSqliteStore({ directory }), {
      code: 'STORE_FAILED',
      message: /^Cannot use data folder ".+": .+; make it readable and writable or choose another with --data$/,
    });
  }
});

test('a log that is no database is refused, left as it is, and the folder not kept locked', async (context) => {
  const folder = temporaryDirectory(context);
  const file = join(folder.path, LOG_FILE);
  writeFileSync(file, 'not a database, '.repeat(100));
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await assert.rejects(openSqliteStore({ directory: folder.path }), {
      code: 'STORE_FAILED',
      message: /file is not a database/,
    });
  }
  assert.equal(statSync(file).size, 1_600);
});

test('a commit that the disk has no room for fails as a whole, and what fits still goes in', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path, fileBytesMax: 256 * 1024 }));
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]);
  const body = new Uint8Array(4096);
  const tooMuch = Array.from({ length: 100 }, (_, index) => appendEvent(exampleEvent(index + 2, { body })));
  await assert.rejects(store.commit(tooMuch), { code: 'STORE_FAILED', message: /full/ });
  assert.equal((await store.load()).lastPosition, 1);
  assert.equal((await store.commit(tooMuch.slice(0, 10))).status, 'committed');
  assert.equal((await store.read(1, 1, 100)).length, 11);
});

test('no call hangs when the thread dies: what is pending fails, what comes after fails, closing succeeds', async (context) => {
  const folder = temporaryDirectory(context);
  const worker = new Worker(new URL('./worker.ts', import.meta.url));
  const store = folder.closing(await openSqliteStore({ directory: folder.path, createWorker: () => worker }));
  await store.commit([putRoom(exampleRoom(1))]);
  // Held up, so that the calls are sure to be pending.
  const slow = folder.closing(new Database(store.file, { busyTimeoutMs: 0 }));
  slow.exec('BEGIN IMMEDIATE');
  const pending = [store.commit([appendEvent(exampleEvent(1))]), store.read(1, 1, 9), store.load()];
  const dead = { code: 'STORE_FAILED', message: /thread ended/ };
  const rejections = pending.map((call) => assert.rejects(call, dead));
  const terminated = worker.terminate();
  slow.exec('ROLLBACK');
  await terminated;
  await Promise.all(rejections);
  await assert.rejects(store.commit([closeRoom(1)]), dead);
  await store.close();
  const next = folder.closing(await openSqliteStore({ directory: folder.path }));
  assert.equal((await next.load()).lastRoomId, 1);
});

test('a thread that fails before it opens the log is told from one that opened it', async (context) => {
  const folder = temporaryDirectory(context);
  const createWorker = () => new Worker('throw new Error("no such thing")', { eval: true });
  await assert.rejects(openSqliteStore({ directory: folder.path, createWorker }), {
    code: 'STORE_FAILED',
    message: "The store's thread failed: no such thing",
  });
});

test('what many commits wrote is folded between requests, by itself', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(await openSqliteStore({ directory: folder.path }));
  await store.commit([putRoom(exampleRoom(1))]);
  const count = FOLD_BOUNDS.foldEvents + 1;
  for (let seq = 1; seq <= count; seq += 1000) {
    const length = Math.min(1000, count - seq + 1);
    await store.commit(Array.from({ length }, (_, index) => appendEvent(exampleEvent(seq + index))));
  }
  const database = folder.closing(new Database(store.file, { busyTimeoutMs: 0, isReadOnly: true }));
  const isFolded = () => database.value('SELECT count(*) FROM batches') === 0;
  // Each answer lets it go on; a test that waits for ever says as much as one that gives up.
  while (!isFolded()) await store.load();
  assert.equal((await store.read(1, 1, count)).length, count);
});
