import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery, type RoomEvent } from '@confab/core';
import { exampleEvent, temporaryDirectory } from '@confab/testing';
import { Finder } from './finder.ts';
import { BLOCK_EVENTS, openIndexDatabase } from './index-database.ts';
import { RoomChanges } from './room-changes.ts';

/** A log of which only what is asked for is there. */
const log = {
  rooms: () => [],
  names: () => [],
  read: (_roomId: number, fromSeq: number, limit: number): RoomEvent[] =>
    Array.from({ length: limit }, (_, index) => exampleEvent(fromSeq + index)),
  close: () => {},
};

const headSeq = 3 * BLOCK_EVENTS + 5;

for (const pageMs of [2, 1000]) {
  test(`a room of several blocks is searched from the newest to the oldest, in pages of ${pageMs} ms`, (context) => {
    const directory = temporaryDirectory(context);
    const index = openIndexDatabase(directory.path);
    directory.closing(index.database);
    const seqs = [1, BLOCK_EVENTS - 1, BLOCK_EVENTS, 3 * BLOCK_EVENTS, headSeq];
    const changes = new RoomChanges(index, 1);
    for (const seq of seqs) changes.add(exampleEvent(seq));
    changes.write();
    let nowMs = 0;
    const finder = new Finder({ index, log, pageMs, nowMs: () => nowMs++ });
    const found: number[] = [];
    let pages = 0;
    let beforeSeq: number | undefined = headSeq + 1;
    for (; beforeSeq !== undefined; pages += 1) {
      const page = finder.find({ roomId: 1, query: parseQuery('event'), headSeq, beforeSeq, limit: 10 }, headSeq);
      found.push(...page.messages.map(({ event }) => event.seq));
      beforeSeq = page.nextBeforeSeq;
    }
    assert.deepEqual(found, seqs.toReversed());
    // Two blocks are looked into before the time is over.
    assert.equal(pages, pageMs === 2 ? 2 : 1);
  });
}

test('what lies above the index is counted, as far as it was asked about', (context) => {
  const directory = temporaryDirectory(context);
  const index = openIndexDatabase(directory.path);
  directory.closing(index.database);
  const finder = new Finder({ index, log, pageMs: 10, nowMs: () => 0 });
  const unsearched = (beforeSeq: number): number =>
    finder.find({ roomId: 1, query: parseQuery('event'), headSeq: 100, beforeSeq, limit: 1 }, 60).unsearched;
  assert.deepEqual([101, 81, 61, 2].map(unsearched), [40, 20, 0, 0]);
});
