import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RoomEvent, StoreChange } from '@confab/core';
import {
  appendEvent,
  exampleEvent,
  exampleRoom,
  propertyRuns,
  putRoom,
  storeContract,
  temporaryDirectory,
} from '@confab/testing';
import { Database } from './database.ts';
import { decodeEvents, encodeEvents } from './event-codec.ts';
import { BlockingStore } from './fixtures/blocking-store.ts';
import { LogDatabase } from './log-database.ts';
import { FOLD_BOUNDS, type FoldBounds, LOG_FILE } from './options.ts';
import { packBatch } from './protocol.ts';
import { SERIES_NUMBER_MAX } from './series.ts';
import { SERIES_IDS_MAX } from './statements.ts';

/** So little that a few events go through all that otherwise takes thousands. */
const tiny: FoldBounds = {
  foldEvents: 3,
  foldBytes: 200,
  backlog: 4,
  segmentEvents: 2,
  segmentBytes: 100,
  sliceRooms: 1,
  sliceEvents: 2,
};

/** How far folding is when a batch, a read or a new start comes. */
const foldings: readonly { name: string; fold: FoldBounds; slicesPerCommit: number }[] = [
  { name: 'folding nothing,', fold: FOLD_BOUNDS, slicesPerCommit: 1 },
  { name: 'folding a slice after each commit,', fold: tiny, slicesPerCommit: 1 },
  { name: 'folding all after each commit,', fold: { ...tiny, foldEvents: 1 }, slicesPerCommit: 1000 },
  { name: 'folding only when it must,', fold: tiny, slicesPerCommit: 0 },
];

for (const { name, fold, slicesPerCommit } of foldings) {
  storeContract(
    `the SQLite log without its thread, writing through, ${name}`,
    async (context) => {
      const folder = temporaryDirectory(context);
      const open = () => folder.closing(new BlockingStore(folder.path, { fold, slicesPerCommit }));
      let store = open();
      return {
        store,
        reopen: async () => {
          await store.close();
          store = open();
          return store;
        },
      };
    },
    { modelRuns: Math.ceil(propertyRuns() / 12) },
  );
}

test('what the journal alone had is in the log of the next server, and a repeat of anything is found there', async (context) => {
  const folder = temporaryDirectory(context);
  const open = () => folder.closing(new BlockingStore(folder.path, { handOverBytes: Number.POSITIVE_INFINITY }));
  const store = open();
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { clientId: 'a' }))]);
  for (let seq = 2; seq <= 50; seq += 1) await store.commit([appendEvent(exampleEvent(seq))]);
  assert.equal(store.quickCommits, 49);
  store.kill();
  const next = open();
  assert.equal((await next.load()).lastPosition, 50);
  assert.equal((await next.read(1, 1, 99)).length, 50);
  assert.equal((await next.commit([appendEvent(exampleEvent(51, { clientId: 'a' }))])).status, 'duplicates');
});

test('ids that count up need not wait for the database, and repeats of them are found wherever the first one is', async (context) => {
  const folder = temporaryDirectory(context);
  const open = async (): Promise<BlockingStore> => {
    const store = folder.closing(new BlockingStore(folder.path, { fold: tiny, handOverBytes: 2_000 }));
    await store.load();
    return store;
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const post = async (store: BlockingStore, seq: number, number: number): Promise<string> => {
    const { status } = await store.commit([appendEvent(exampleEvent(seq, { clientId: `Zoë 👩‍🚀/${number}` }))]);
    // The database tells what it has of the series.
    await turn();
    return status;
  };
  let store = await open();
  await store.commit([putRoom(exampleRoom(1))]);
  for (let seq = 1; seq <= 30; seq += 1) {
    assert.equal(await post(store, seq, seq), 'committed');
    while (store.tidy());
  }
  assert.equal(store.quickCommits, 29);
  assert.equal(await post(store, 31, 30), 'duplicates', 'the journal has it');
  store.kill();
  store = await open();
  for (const number of [30, 29, 1]) assert.equal(await post(store, 31, number), 'duplicates');
  assert.equal(await post(store, 31, 32), 'committed');
  assert.equal(await post(store, 32, 33), 'committed');
  assert.equal(store.quickCommits, 1);
  assert.equal(await post(store, 33, 31), 'committed', 'left out before, and not quick');
  assert.equal(await post(store, 34, 34), 'committed');
  assert.equal(store.quickCommits, 2);
  await store.close();
  store = await open();
  for (const number of [31, 32, 33, 34]) assert.equal(await post(store, 35, number), 'duplicates');
});

for (const { name, handOverBytes, isKilled } of [
  { name: 'which gets it only when it must,', handOverBytes: Number.POSITIVE_INFINITY, isKilled: false },
  { name: 'which gets it a few events at a time,', handOverBytes: 150, isKilled: false },
  { name: 'which gets it when a server starts that follows a killed one,', handOverBytes: 400, isKilled: true },
]) {
  storeContract(
    `the journal before the SQLite log, ${name}`,
    async (context) => {
      const folder = temporaryDirectory(context);
      const open = () =>
        folder.closing(new BlockingStore(folder.path, { fold: tiny, slicesPerCommit: 1, handOverBytes }));
      let store = open();
      return {
        store,
        reopen: async () => {
          if (isKilled) store.kill();
          else await store.close();
          store = open();
          return store;
        },
      };
    },
    { modelRuns: Math.ceil(propertyRuns() / 6) },
  );
}

test('a repeat of what the journal alone has, since the database was locked, is found there', (context) => {
  const folder = temporaryDirectory(context);
  const log = folder.closing(
    LogDatabase.open({ directory: folder.path, synchronous: 'normal', bootId: 'boot', busyTimeoutMs: 0 }),
  );
  log.commit(packBatch([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]));
  const stray = folder.closing(new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 0 }));
  stray.exec('BEGIN IMMEDIATE');
  const first = exampleEvent(2, { clientId: 'a' });
  assert.throws(() => log.take(encodeEvents([first])), /database is locked/);
  const repeat = packBatch([appendEvent(exampleEvent(3, { clientId: 'a' }))]);
  assert.throws(() => log.commit(repeat), /database is locked/);
  stray.exec('ROLLBACK');
  assert.partialDeepStrictEqual(log.commit(repeat), {
    status: 'duplicates',
    duplicates: [{ index: 0, event: { seq: first.seq, clientId: 'a' } }],
  });
  assert.deepEqual(log.commit(packBatch([appendEvent(exampleEvent(3, { clientId: 'b' }))])), { status: 'committed' });
  assert.deepEqual(
    decodeEvents(log.read(1, 1, 9)).map(({ seq, clientId }) => [seq, clientId]),
    [
      [1, undefined],
      [2, 'a'],
      [3, 'b'],
    ],
  );
});

test('the ids of a series are gone through up to a bound, beyond which any number may be there', (context) => {
  const folder = temporaryDirectory(context);
  const log = folder.closing(LogDatabase.open({ directory: folder.path, synchronous: 'normal', bootId: 'boot' }));
  const other = folder.closing(new Database(join(folder.path, LOG_FILE), { busyTimeoutMs: 1000 }));
  const count = (from: number, to: number): void =>
    other.exec(
      `WITH RECURSIVE ids (n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM ids WHERE n < ${to}) ` +
        "INSERT INTO client_ids (room_id, client_id, seq) SELECT 1, 'a/' || n, n FROM ids",
    );
  assert.equal(log.highestOf(1, 'a/'), 0);
  count(1, SERIES_IDS_MAX);
  assert.equal(log.highestOf(1, 'a/'), SERIES_IDS_MAX);
  count(SERIES_IDS_MAX + 1, SERIES_IDS_MAX + 1);
  assert.equal(log.highestOf(1, 'a/'), SERIES_NUMBER_MAX);
  assert.equal(log.highestOf(2, 'a/'), 0);
});

test('of two events with one client id, which only a fault could have put into the journal, the first one counts', (context) => {
  const folder = temporaryDirectory(context);
  const log = folder.closing(
    LogDatabase.open({ directory: folder.path, synchronous: 'normal', bootId: 'boot', fold: tiny }),
  );
  log.commit(packBatch([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1))]));
  for (const seq of [2, 3, 4]) log.take(encodeEvents([exampleEvent(seq, { clientId: 'a' })]));
  while (log.tidy());
  const result = log.commit(packBatch([appendEvent(exampleEvent(5, { clientId: 'a' }))]));
  assert.ok(result.status === 'duplicates');
  assert.equal(result.duplicates[0]?.event.seq, 2);
  assert.equal(decodeEvents(log.read(1, 1, 9)).length, 4);
});

test('a long batch is in the log whole and in its order, however its events are written, or not at all', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(new BlockingStore(folder.path));
  await store.commit([{ type: 'room-put', room: { id: 1, name: 'lobby', kind: 'open', createdMs: 0 } }]);
  const event = (seq: number, clientId?: string): RoomEvent => {
    const body = new TextEncoder().encode(`text ${seq}`);
    return {
      roomId: 1,
      seq,
      position: seq,
      kind: 1,
      timeMs: seq,
      author: 7,
      user: 'ann',
      clientId,
      target: undefined,
      isVerified: undefined,
      body,
    };
  };
  const changes = (seqs: readonly number[], isNamed: (seq: number) => boolean = () => false): StoreChange[] =>
    seqs.map((seq) => ({ type: 'event', event: event(seq, isNamed(seq) ? `id ${seq}` : undefined) }));
  const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

  await store.commit(changes(range(1, 70), (seq) => seq === 5 || seq === 40));
  await assert.rejects(store.commit(changes([...range(71, 90), 92])), { code: 'STORE_FENCED' });
  const repeated = { type: 'event', event: event(91, 'id 40') } as const;
  const result = await store.commit([...changes(range(71, 90)), repeated]);
  assert.deepEqual(result, { status: 'duplicates', duplicates: [{ index: 20, event: event(40, 'id 40') }] });
  const read = await store.read(1, 1, 1000);
  assert.deepEqual(
    read.map(({ seq, clientId, body }) => [seq, clientId, new TextDecoder().decode(body)]),
    range(1, 70).map((seq) => [seq, seq === 5 || seq === 40 ? `id ${seq}` : undefined, `text ${seq}`]),
  );
});

test('repeats are found among many ids, old ones and new ones, whatever room they are of', async (context) => {
  const folder = temporaryDirectory(context);
  // The first batch is in segments, the second is not.
  const store = folder.closing(new BlockingStore(folder.path, { fold: { ...FOLD_BOUNDS, foldEvents: 60 } }));
  const rooms = [1, 2, 3].map((id) => putRoom(exampleRoom(id)));
  const lastSeqs = [0, 0, 0, 0];
  let position = 0;
  const event = (roomId: number, clientId: string): StoreChange => {
    position += 1;
    lastSeqs[roomId]! += 1;
    return appendEvent(exampleEvent(lastSeqs[roomId]!, { roomId, position, clientId }));
  };
  const range = (count: number) => Array.from({ length: count }, (_, index) => index);
  await store.commit([...rooms, ...range(60).map((at) => event(1 + (at % 3), `old ${at}`))]);
  while (store.tidy());
  await store.commit(range(7).map((at) => event(1 + (at % 3), `recent ${at}`)));

  const numbers = [...lastSeqs];
  // 41 events: old ids of this room at 5, 20 and 40, one twice at 21, of another room at 6, a recent one at 30.
  const ids = new Map<number, readonly [room: number, id: string]>([
    [5, [3, 'old 2']],
    [6, [1, 'old 2']],
    [20, [1, 'old 57']],
    [21, [1, 'old 57']],
    [30, [2, 'recent 4']],
    [40, [2, 'old 1']],
  ]);
  const batch = range(41).map((at) => event(ids.get(at)?.[0] ?? 1 + (at % 3), ids.get(at)?.[1] ?? `new ${at}`));
  const result = await store.commit(batch);
  assert.ok(result.status === 'duplicates');
  assert.deepEqual(
    result.duplicates.map(({ index, event: { roomId, clientId, position: at } }) => [index, roomId, clientId, at]),
    [
      [5, 3, 'old 2', 3],
      [20, 1, 'old 57', 58],
      [21, 1, 'old 57', 58],
      [30, 2, 'recent 4', 65],
      [40, 2, 'old 1', 2],
    ],
  );
  position = 67;
  lastSeqs.splice(0, 4, ...numbers);
  assert.equal((await store.commit(range(41).map((at) => event(1 + (at % 3), `new ${at}`)))).status, 'committed');
});
