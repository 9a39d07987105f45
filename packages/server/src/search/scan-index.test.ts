import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery } from '@confab/core';
import { appendEvent, exampleEvent, exampleRoom, putRoom, searchContract } from '@confab/testing';
import { MemoryStore } from '../store/memory.ts';
import { ScanIndex } from './scan-index.ts';

searchContract('the search by reading', async () => {
  const store = new MemoryStore();
  return { store, index: new ScanIndex(store) };
});

test('a log that has lost its oldest part is read to its beginning, once', async () => {
  const store = new MemoryStore({ eventsPerRoomMax: 300 });
  await store.commit([putRoom(exampleRoom(1))]);
  for (let seq = 1; seq <= 1000; seq += 1) await store.commit([appendEvent(exampleEvent(seq))]);
  const { messages, nextBeforeSeq } = await new ScanIndex(store).find({
    roomId: 1,
    query: parseQuery('event'),
    beforeSeq: 1001,
    headSeq: 1000,
    limit: 1000,
  });
  assert.deepEqual(
    messages.map(({ event }) => event.seq),
    Array.from({ length: 300 }, (_, index) => 1000 - index),
  );
  assert.equal(nextBeforeSeq, undefined);
});
