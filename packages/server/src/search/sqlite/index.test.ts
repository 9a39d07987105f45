import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { parseQuery } from '@confab/core';
import { searchContract, temporaryDirectory } from '@confab/testing';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { SqliteIndex } from './index.ts';

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
  const ask = { roomId: 1, query: parseQuery('hello'), beforeSeq: 2, headSeq: 1, limit: 1 };
  for (let time = 0; time < 3; time += 1) await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, /No log in data folder/);
  await index.close();
  await assert.rejects(index.find(ask), (error: Error) => !error.message.includes(directory.path));
});

test('a search under way when the thread dies fails, and so do those after it', async (context) => {
  const directory = temporaryDirectory(context);
  const faults: string[] = [];
  const index = new SqliteIndex({
    directory: directory.path,
    pageMs: 10,
    onFault: (reason) => faults.push(reason),
    createWorker: () => new Worker('setTimeout(() => { throw new Error("broken"); }, 0)', { eval: true }),
  });
  const ask = { roomId: 1, query: parseQuery('hello'), beforeSeq: 2, headSeq: 1, limit: 1 };
  await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  await assert.rejects(index.find(ask), { code: 'SEARCH_UNAVAILABLE' });
  assert.deepEqual(faults, ["the index's thread failed: broken"]);
  await index.close();
});
