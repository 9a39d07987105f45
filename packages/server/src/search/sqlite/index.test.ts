import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parseQuery } from '@confab/core';
import { appendEvent, exampleEvent, exampleRoom, putRoom, searchContract, temporaryDirectory } from '@confab/testing';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { SqliteIndex } from './index.ts';
import type { IndexOptions } from './protocol.ts';

const ask = { roomId: 1, query: parseQuery('hello'), beforeSeq: 2, headSeq: 1, limit: 1 };

searchContract(
  'the full-text index',
  async (context) => {
    const directory = temporaryDirectory(context);
    const store = directory.closing(await openSqliteStore({ directory: directory.path }));
    const index = directory.closing(new SqliteIndex({ directory: directory.path, pageMs: 1000 }));
    return { store, index };
  },
  { storyRuns: 100 },
);

test('what goes wrong again and again is told once, until it goes well', async (context) => {
  const directory = temporaryDirectory(context);
  const faults: string[] = [];
  const index = directory.closing(
    new SqliteIndex({ directory: directory.path, pageMs: 10, onFault: (reason) => faults.push(reason) }),
  );
  for (let time = 0; time < 3; time += 1) await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, /No log in data folder/);
  await index.close();
  await assert.rejects(index.find(ask), (error: Error) => !error.message.includes(directory.path));
});

/** An index whose threads the test makes and ends, and whose waits it passes. */
function openMortal(path: string, createWorker: (data: IndexOptions) => Worker) {
  const workers: Worker[] = [];
  const faults: string[] = [];
  const waits: number[] = [];
  let task: (() => void) | undefined;
  const index = new SqliteIndex({
    directory: path,
    pageMs: 10,
    onFault: (reason) => faults.push(reason),
    createWorker: (data) => {
      const worker = createWorker(data);
      workers.push(worker);
      return worker;
    },
    nowMs: () => 0,
    later: (delayMs, given) => {
      waits.push(delayMs);
      task = given;
      return () => {
        task = undefined;
      };
    },
  });
  const ended = (): Promise<unknown> => new Promise((resolve) => workers.at(-1)!.once('exit', resolve));
  /** The wait is over; false: there is none. */
  const pass = (): boolean => {
    const due = task;
    task = undefined;
    due?.();
    return due !== undefined;
  };
  return { index, workers, faults, waits, ended, pass };
}

test('a search under way when the thread dies fails, and another thread searches after a while', async (context) => {
  const directory = temporaryDirectory(context);
  const store = directory.closing(await openSqliteStore({ directory: directory.path }));
  const body = new TextEncoder().encode('hello');
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { body }))]);
  const url = new URL('./worker.ts', import.meta.url);
  const mortal = openMortal(directory.path, (data) => new Worker(url, { workerData: data }));
  const { index, workers, faults, waits, pass } = mortal;
  directory.closing(index);
  index.pace(true);
  assert.equal((await index.find(ask)).messages.length, 1);
  const ending = workers[0]!.terminate();
  await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  await ending;
  await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  index.grew(new Map([[1, 1]]), new Set());
  assert.deepEqual(faults, ["the index's thread ended, with exit code 1; it is begun again in 1 s"]);
  assert.deepEqual(waits, [1000]);
  assert.ok(pass());
  assert.equal((await index.find(ask)).messages.length, 1);
  assert.equal(workers.length, 2);
});

test('a thread that dies at once is begun again after longer and longer waits, and each death is told once', async (context) => {
  const directory = temporaryDirectory(context);
  const broken = 'throw new Error("broken")';
  const { index, faults, waits, ended, pass, workers } = openMortal(
    directory.path,
    () => new Worker(broken, { eval: true }),
  );
  await ended();
  for (let deaths = 1; deaths < 3; deaths += 1) {
    assert.ok(pass());
    await ended();
  }
  assert.deepEqual(waits, [1000, 2000, 4000]);
  assert.deepEqual(
    faults,
    [1, 2, 4].map((seconds) => `the index's thread failed: broken; it is begun again in ${seconds} s`),
  );
  await index.close();
  assert.ok(!pass());
  assert.equal(workers.length, 3);
});

test('a thread that cannot be made is tried again, too', async (context) => {
  const directory = temporaryDirectory(context);
  const { index, faults, waits, pass } = openMortal(directory.path, () => {
    throw new Error('no more threads');
  });
  pass();
  assert.deepEqual(waits, [1000, 2000]);
  assert.equal(faults[0], "the index's thread cannot be made: no more threads; it is begun again in 1 s");
  await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  await index.close();
});
