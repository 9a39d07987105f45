import assert from 'node:assert/strict';
import { cpSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EventKind, parseQuery, type RoomEvent, type SearchPage, type StoreChange } from '@confab/core';
import { appendEvent, closeRoom, exampleEvent, exampleRoom, putRoom, temporaryDirectory } from '@confab/testing';
import { openSqliteStore, type SqliteStore } from '../../store/sqlite/store.ts';
import { BLOCK_EVENTS, openIndexDatabase, SEARCH_FILE } from './index-database.ts';
import { IndexThread } from './index-thread.ts';
import type { IndexMessage, IndexStatus } from './protocol.ts';

/** The index's thread, on this one, with its timer in the test's hands. */
class Bench {
  readonly said: IndexMessage[] = [];
  readonly delays: number[] = [];
  readonly thread: IndexThread;
  #task: (() => void) | undefined;
  #nowMs = 0;

  constructor(directory: string, { pageMs = 1000, callMs = 0 } = {}) {
    this.thread = new IndexThread({
      directory,
      pageMs,
      say: (message) => this.said.push(message),
      nowMs: () => {
        this.#nowMs += callMs;
        return this.#nowMs;
      },
      later: (delayMs, task) => {
        this.delays.push(delayMs);
        this.#task = task;
        return () => {
          this.#task = undefined;
        };
      },
    });
  }

  get status(): IndexStatus | undefined {
    return this.said.findLast((message) => message.type === 'status')?.status;
  }

  /** Do one piece of work; false when there is none. */
  work(): boolean {
    const task = this.#task;
    this.#task = undefined;
    task?.();
    return task !== undefined;
  }

  workOff(): void {
    while (this.work());
  }

  find(query: string, headSeq: number, more: { beforeSeq?: number; limit?: number; roomId?: number } = {}): SearchPage {
    const ask = { roomId: 1, beforeSeq: headSeq + 1, limit: 10, ...more, headSeq, query: parseQuery(query) };
    this.thread.receive({ call: 'find', id: 1, ask });
    const answer = this.said.findLast((message) => message.type === 'found' || message.type === 'failed');
    if (answer?.type !== 'found') throw new Error(answer?.reason);
    return answer.page;
  }

  close(): void {
    this.thread.receive({ call: 'close' });
  }
}

async function openLog(context: TestContext) {
  const directory = temporaryDirectory(context);
  const store = directory.closing(await openSqliteStore({ directory: directory.path }));
  await store.commit([putRoom(exampleRoom(1)), putRoom(exampleRoom(2))]);
  const begin = (options?: { pageMs?: number; callMs?: number }): Bench =>
    directory.closing(new Bench(directory.path, options));
  return { path: directory.path, directory, store, begin };
}

function messages(fromSeq: number, toSeq: number, more: Partial<RoomEvent> = {}): StoreChange[] {
  const changes: StoreChange[] = [];
  for (let seq = fromSeq; seq <= toSeq; seq += 1) changes.push(appendEvent(exampleEvent(seq, more)));
  return changes;
}

const seqsOf = (page: SearchPage): number[] => page.messages.map(({ event }) => event.seq);

/** Rows of the index, once it is closed. */
function countRows(path: string, table = 'words_docsize'): number {
  const { database } = openIndexDatabase(path);
  const rows = database.value(`SELECT count(*) FROM ${table}`);
  database.close();
  return rows as number;
}

test('it goes on where it stopped, and reads nothing twice', async (context) => {
  const { store, begin } = await openLog(context);
  await store.commit(messages(1, 300));
  const first = begin();
  first.workOff();
  assert.deepEqual([first.status?.pending, first.status?.indexed], [0, 300]);
  first.close();
  await store.commit(messages(301, 400));
  const second = begin();
  second.workOff();
  assert.deepEqual([second.status?.pending, second.status?.indexed], [0, 100]);
  assert.deepEqual(seqsOf(second.find('event', 400, { limit: 3 })), [400, 399, 398]);
});

test('one that was killed in the middle of it all loses and repeats nothing', async (context) => {
  const { store, begin, path } = await openLog(context);
  await store.commit(messages(1, 1000));
  const first = begin();
  first.work();
  first.work();
  assert.ok(first.status!.pending > 0);
  // Not closed: another one takes its place.
  const second = begin();
  second.workOff();
  assert.deepEqual(seqsOf(second.find('"event 1"', 1000)), [1]);
  second.close();
  first.close();
  assert.equal(countRows(path), 1000);
});

test('a room in which little was said is indexed when it is searched, or when more was said', async (context) => {
  const { store, begin } = await openLog(context);
  await store.commit(messages(1, 63));
  const bench = begin();
  bench.workOff();
  assert.deepEqual([bench.status?.pending, bench.status?.indexed], [63, 0]);
  assert.equal(bench.find('event', 63).unsearched, 0);
  await store.commit(messages(64, 127));
  bench.thread.receive({ call: 'grew', rooms: new Map([[1, 127]]), closed: new Set() });
  bench.workOff();
  assert.deepEqual([bench.status?.pending, bench.status?.indexed], [0, 127]);
});

test('a room that is far behind says so, and is indexed before others when somebody searches it', async (context) => {
  const { store, begin } = await openLog(context);
  await store.commit([
    ...messages(1, 2000),
    ...messages(1, 2000, { roomId: 2, position: 0 }).map((change, index) => withPosition(change, 2001 + index)),
  ]);
  const bench = begin();
  assert.equal(bench.find('event', 2000, { roomId: 2 }).unsearched, 2000);
  // What was not asked for stays as it is meanwhile.
  while (bench.find('event', 2000, { roomId: 2, limit: 1 }).unsearched > 0) bench.work();
  assert.deepEqual(seqsOf(bench.find('event', 2000, { roomId: 2, limit: 2 })), [2000, 1999]);
  assert.equal(bench.find('event', 2000).unsearched, 2000);
});

function withPosition(change: StoreChange, position: number): StoreChange {
  return change.type === 'event' ? appendEvent({ ...change.event, position }) : change;
}

test('what was indexed of a log that has become another one is thrown away, room by room', async (context) => {
  const { store, begin, path, directory } = await openLog(context);
  await store.commit(messages(1, 700));
  const first = begin();
  first.workOff();
  first.close();
  await store.close();
  // As after a power failure that took the newest events, whose numbers were then given to others.
  const other = temporaryDirectory(context);
  const shorter = await refill(other.path, messages(1, 699), [appendEvent(exampleEvent(700, { timeMs: 5 }))]);
  await shorter.close();
  const index = join(path, SEARCH_FILE);
  for (const suffix of ['', '-wal', '-shm']) copyIfThere(index + suffix, join(other.path, SEARCH_FILE + suffix));
  const second = directory.closing(new Bench(other.path));
  second.workOff();
  assert.equal(second.status?.indexed ?? 0, 0);
  assert.equal(second.find('event', 700).unsearched, 700);
  second.workOff();
  assert.equal(second.status?.indexed, 700);
  assert.deepEqual(seqsOf(second.find('event', 700, { limit: 2 })), [700, 699]);
  second.close();
  assert.equal(countRows(other.path), 700);
});

async function refill(path: string, ...batches: StoreChange[][]): Promise<SqliteStore> {
  const store = await openSqliteStore({ directory: path });
  await store.commit([putRoom(exampleRoom(1))]);
  for (const batch of batches) await store.commit(batch);
  return store;
}

function copyIfThere(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) cpSync(from, to);
}

test('a room that was closed is forgotten, whether that was seen or not', async (context) => {
  const { store, begin, path } = await openLog(context);
  const end = appendEvent(exampleEvent(601, { kind: EventKind.CLOSE, body: new Uint8Array() }));
  await store.commit(messages(1, 600));
  const first = begin();
  first.workOff();
  await store.commit([end, closeRoom(1)]);
  first.thread.receive({ call: 'grew', rooms: new Map([[1, 601]]), closed: new Set([1]) });
  first.workOff();
  first.close();
  assert.equal(countRows(path), 0);
  await store.commit(messages(1, 100, { roomId: 2 }).map((change, index) => withPosition(change, 700 + index)));
  const second = begin();
  second.workOff();
  second.close();
  await store.commit([closeRoom(2)]);
  const third = begin();
  third.workOff();
  third.close();
  assert.equal(countRows(path), 0);
});

test('words of whole blocks are listed, also by one that comes after a kill, and go when the room is closed', async (context) => {
  const { store, begin, path } = await openLog(context);
  const lastSeq = BLOCK_EVENTS + 99;
  await store.commit(messages(1, lastSeq));
  const first = begin();
  while ((first.status?.pending ?? lastSeq) > 0) assert.ok(first.work());
  // In the middle of it, and not closed: another one takes its place.
  const second = begin();
  second.workOff();
  assert.deepEqual(seqsOf(second.find('"event 7"', lastSeq)), [7]);
  assert.deepEqual(seqsOf(second.find('nothing', lastSeq)), []);
  first.close();
  second.close();
  // "event", and the numbers of the first block's events, of which there is no event 0.
  assert.equal(countRows(path, 'block_words'), BLOCK_EVENTS);
  assert.equal(countRows(path, 'cursors WHERE listed_blocks = 1'), 1);
  const end = appendEvent(exampleEvent(lastSeq + 1, { kind: EventKind.CLOSE, body: new Uint8Array() }));
  await store.commit([end, closeRoom(1)]);
  const third = begin();
  third.workOff();
  third.close();
  assert.deepEqual([countRows(path), countRows(path, 'block_words'), countRows(path, 'cursors')], [0, 0, 0]);
});

test('many small transactions leave few segments, and nothing of it is done at once', async (context) => {
  const { store, begin, path } = await openLog(context);
  const bench = begin();
  bench.workOff();
  for (let seq = 1; seq <= 6400; seq += 64) {
    await store.commit(messages(seq, seq + 63));
    bench.thread.receive({ call: 'grew', rooms: new Map([[1, seq + 63]]), closed: new Set() });
    bench.work();
  }
  bench.workOff();
  assert.equal(bench.status?.indexed, 6400);
  assert.deepEqual(seqsOf(bench.find('"event 17"', 6400)), [17]);
  bench.close();
  const index = openIndexDatabase(path);
  const segments = index.countSegments();
  index.database.close();
  assert.ok(segments <= 8, `${segments} segments`);
});

test('an index that cannot be read is made again', async (context) => {
  const { store, begin, path } = await openLog(context);
  await store.commit(messages(1, 50));
  writeFileSync(join(path, SEARCH_FILE), 'this is no database, and long enough to be seen as none at all'.repeat(100));
  const bench = begin();
  bench.workOff();
  assert.deepEqual(seqsOf(bench.find('"event 7"', 50)), [7]);
  assert.equal(statSync(join(path, SEARCH_FILE)).mode & 0o777, 0o600);
});

test('one of another version is made again', async (context) => {
  const { store, begin, path } = await openLog(context);
  await store.commit(messages(1, 5));
  const { database } = openIndexDatabase(path);
  database.exec('PRAGMA user_version = 99; DROP TABLE words');
  database.close();
  const bench = begin();
  bench.workOff();
  assert.deepEqual(seqsOf(bench.find('event', 5)), [5, 4, 3, 2, 1]);
});

test('a log that cannot be read is tried again after some seconds, and a search is refused meanwhile', async (context) => {
  const directory = temporaryDirectory(context);
  const bench = directory.closing(new Bench(directory.path));
  bench.work();
  assert.match(bench.said.find((message) => message.type === 'fault')!.reason, /No log in data folder/);
  assert.deepEqual(bench.delays, [0, 5000]);
  assert.throws(() => bench.find('event', 1), /No log in data folder/);
  const store = directory.closing(await openSqliteStore({ directory: directory.path }));
  await store.commit([putRoom(exampleRoom(1)), ...messages(1, 3)]);
  bench.workOff();
  assert.deepEqual(seqsOf(bench.find('event', 3)), [3, 2, 1]);
});

test('while the server has much to do, most of the time nothing is indexed; then the index goes on at once', async (context) => {
  const { store, begin } = await openLog(context);
  await store.commit(messages(1, 500));
  const bench = begin({ callMs: 1 });
  bench.thread.receive({ call: 'pace', isBusy: true });
  bench.work();
  const rest = bench.delays.at(-1)!;
  assert.ok(rest >= 9, `${rest} ms`);
  bench.thread.receive({ call: 'pace', isBusy: false });
  assert.equal(bench.delays.at(-1), 0);
  const scheduled = bench.delays.length;
  bench.thread.receive({ call: 'pace', isBusy: false });
  assert.equal(bench.delays.length, scheduled, 'once');
  bench.workOff();
  assert.equal(bench.status?.pending, 0);
  bench.thread.receive({ call: 'pace', isBusy: false });
  assert.equal(bench.work(), false, 'nothing to do');
});

test('after a fault the index waits, however much the server has to do', (context) => {
  const directory = temporaryDirectory(context);
  const bench = directory.closing(new Bench(directory.path));
  bench.thread.receive({ call: 'pace', isBusy: true });
  bench.work();
  bench.thread.receive({ call: 'pace', isBusy: false });
  assert.deepEqual(bench.delays, [0, 5000]);
});
