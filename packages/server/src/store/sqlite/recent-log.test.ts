import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RoomEvent, StoreChange } from '@confab/core';
import { appendEvent, closeRoom, exampleEvent, exampleRoom, putRoom, temporaryDirectory } from '@confab/testing';
import { Database } from './database.ts';
import { BlockingStore, type BlockingStoreOptions } from './fixtures/blocking-store.ts';
import { openLogReader } from './log-reader.ts';
import { FOLD_BOUNDS, type FoldBounds } from './options.ts';

const ROOMS = 5;
const EVENTS = 60;

/** All events are folded at once, in many slices. */
const slowly: FoldBounds = { ...FOLD_BOUNDS, foldEvents: EVENTS, segmentEvents: 4, sliceRooms: 2, sliceEvents: 5 };

function eventAt(position: number): RoomEvent {
  const at = position - 1;
  return exampleEvent(Math.floor(at / ROOMS) + 1, {
    roomId: (at % ROOMS) + 1,
    position,
    clientId: at % 3 === 0 ? `id ${position}` : undefined,
    kind: at % 7 === 0 ? 32 + (at % 2) : 1,
  });
}

async function filled(context: TestContext, options: BlockingStoreOptions) {
  const folder = temporaryDirectory(context);
  const open = () => folder.closing(new BlockingStore(folder.path, options));
  const store = open();
  const rooms = Array.from({ length: ROOMS }, (_, index) => putRoom(exampleRoom(index + 1)));
  await store.commit(rooms);
  let position = 0;
  const append = async (count: number): Promise<void> => {
    const changes: StoreChange[] = [];
    for (let left = count; left > 0; left -= 1) {
      position += 1;
      changes.push(appendEvent(eventAt(position)));
    }
    await store.commit(changes);
  };
  for (let batch = 0; batch < EVENTS; batch += 10) await append(10);
  return { folder, store, open, append };
}

function rowCounts(directory: string): { batches: number; segments: number } {
  const database = new Database(`${directory}/confab.db`, { busyTimeoutMs: 0, isReadOnly: true });
  const batches = Number(database.value('SELECT count(*) FROM batches'));
  const segments = Number(database.value('SELECT count(*) FROM segments'));
  database.close();
  return { batches, segments };
}

/** All that can be asked of the logs. */
async function everything(store: BlockingStore): Promise<unknown> {
  const pages: unknown[] = [];
  for (let room = 1; room <= ROOMS; room += 1) {
    for (const fromSeq of [1, 3, 7, 12, 99]) {
      for (const limit of [1, 5, 99]) pages.push(await store.read(room, fromSeq, limit));
    }
  }
  const { epoch: _, ...state } = await store.load();
  return { pages, state };
}

describe('Folding recent events into segments', () => {
  test('changes nothing of what is read, whatever slice it has come to, in the server or beside it', async (context) => {
    const { folder, store } = await filled(context, { fold: slowly });
    const reader = folder.closing(openLogReader(folder.path));
    const beside = () => [
      reader.rooms(),
      [1, 2, 3, 4, 5].map((room) => [reader.read(room, 2, 6), reader.pick(room, [1, 4, 5, 11, 12, 99])]),
    ];
    assert.deepEqual(
      reader.pick(2, [1, 4, 5, 11, 12, 99]).map(({ roomId, seq }) => [roomId, seq]),
      [1, 4, 5, 11, 12].map((seq) => [2, seq]),
    );
    const before = await everything(store);
    const besideBefore = beside();
    let slices = 0;
    for (let isMore = true; isMore; slices += 1) {
      isMore = store.tidy();
      assert.deepEqual(await everything(store), before);
      assert.deepEqual(beside(), besideBefore);
    }
    // Twelve of 5 events and one that finds nothing more, at most; then the rows go, two at a time.
    assert.ok(slices >= EVENTS / slowly.sliceEvents, `${slices} slices`);
    assert.equal(rowCounts(folder.path).batches, 0);
  });

  test('goes on where it was when the process dies within, at every slice', async (context) => {
    const { folder, store, open } = await filled(context, { fold: slowly });
    const before = await everything(store);
    await store.close();
    for (let slices = 1; slices < 40; slices += 1) {
      // A store that is closed has done no more than one that was killed: it folds nothing then.
      const next = open();
      assert.deepEqual(await everything(next), before);
      for (let slice = 0; slice < slices && next.tidy(); slice += 1);
      assert.deepEqual(await everything(next), before);
      await next.close();
    }
    assert.equal(rowCounts(folder.path).batches, 0);
  });

  test('knows each client id at every slice', async (context) => {
    const { store } = await filled(context, { fold: slowly });
    for (let isMore = true; isMore; ) {
      for (let position = 1; position <= EVENTS; position += 3) {
        const { roomId, clientId } = eventAt(position);
        const repeat = exampleEvent(EVENTS / ROOMS + 1, { roomId, position: EVENTS + 1, clientId });
        const result = await store.commit([appendEvent(repeat)]);
        assert.ok(result.status === 'duplicates');
        assert.equal(result.duplicates[0]?.event.position, position);
      }
      isMore = store.tidy();
    }
  });

  test('takes what comes meanwhile, also of rooms that close', async (context) => {
    const { folder, store, append, open } = await filled(context, { fold: slowly });
    store.tidy();
    await append(35);
    await store.commit([closeRoom(2)]);
    while (store.tidy());
    const seqs = async (from: BlockingStore, room: number) => (await from.read(room, 1, 99)).map(({ seq }) => seq);
    const all = Array.from({ length: 19 }, (_, index) => index + 1);
    for (let room = 1; room <= ROOMS; room += 1) assert.deepEqual(await seqs(store, room), all);
    await store.close();
    assert.deepEqual(await seqs(open(), 2), all);
    assert.equal(rowCounts(folder.path).batches, 1, 'fewer than are folded together stay where they are');
  });

  test('is called for by bytes as well as by events', async (context) => {
    const { folder, store } = await filled(context, { fold: { ...slowly, foldEvents: 1e9, foldBytes: 1000 } });
    while (store.tidy());
    assert.equal(rowCounts(folder.path).batches, 0);
  });

  test('keeps a segment within its bytes, and gives one that is longer a segment of its own', async (context) => {
    const folder = temporaryDirectory(context);
    const fold = { ...FOLD_BOUNDS, foldEvents: 1, segmentBytes: 1000 };
    const store = folder.closing(new BlockingStore(folder.path, { fold }));
    const sizes = [400, 400, 400, 3000, 10, 10];
    const changes = sizes.map((size, at) => appendEvent(exampleEvent(at + 1, { body: new Uint8Array(size) })));
    await store.commit([putRoom(exampleRoom(1)), ...changes]);
    while (store.tidy());
    const database = folder.closing(new Database(`${folder.path}/confab.db`, { busyTimeoutMs: 0, isReadOnly: true }));
    const segments = database.prepare('SELECT first_seq, last_seq FROM segments ORDER BY id').all();
    assert.deepEqual(segments, [
      [1, 2],
      [3, 3],
      [4, 4],
      [5, 6],
    ]);
  });

  test('that the disk has no room for costs no event and no commit, until it is too far behind', async (context) => {
    const folder = temporaryDirectory(context);
    // Two events are a batch and a fold is due at four; the next fold could not take more than 16.
    const fold = { ...FOLD_BOUNDS, foldEvents: 4, backlog: 4 };
    const store = folder.closing(new BlockingStore(folder.path, { fold, fileBytesMax: 200 * 1024 }));
    await store.commit([putRoom(exampleRoom(1))]);
    const append = (first: number, count: number, bytes: number) => {
      const body = new Uint8Array(bytes);
      return store.commit(
        Array.from({ length: count }, (_, index) => appendEvent(exampleEvent(first + index, { body }))),
      );
    };
    await append(1, 4, 24_000);
    assert.equal(store.tidy(), false, 'there is no room for a second copy');
    for (let seq = 5; seq < 20; seq += 1) await append(seq, 1, 10);
    await append(20, 1, 10);
    await assert.rejects(append(21, 1, 10), /database or disk is full/);
    assert.equal((await store.read(1, 1, 99)).length, 20);
  });
});
