import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EventKind, matchesQuery, parseQuery, type RoomEvent, type SearchAsk, wordsOf } from '@confab/core';
import { exampleEvent, temporaryDirectory } from '@confab/testing';
import fc from 'fast-check';
import type { Statement } from '../../store/sqlite/database.ts';
import { BEGINNING_WORDS_MAX } from './block-filter.ts';
import { BlockLister } from './block-lister.ts';
import { Finder } from './finder.ts';
import { BLOCK_EVENTS, type IndexDatabase, openIndexDatabase, STRETCH_BLOCKS } from './index-database.ts';
import { RoomChanges } from './room-changes.ts';

const encoder = new TextEncoder();

function openIndex(context: TestContext): IndexDatabase {
  const directory = temporaryDirectory(context);
  const index = openIndexDatabase(directory.path);
  directory.closing(index.database);
  return index;
}

/** A log of which only what is asked for is there. */
const log = logOf((seq) => exampleEvent(seq));

function logOf(eventAt: (seq: number) => RoomEvent | undefined) {
  const pick = (_roomId: number, seqs: readonly number[]): RoomEvent[] =>
    seqs.map(eventAt).filter((event) => event !== undefined);
  return { rooms: () => [], names: () => [], read: () => [], pick, close: () => {} };
}

function ask(query: string, headSeq: number, more: Partial<SearchAsk> = {}): SearchAsk {
  return { roomId: 1, query: parseQuery(query), headSeq, beforeSeq: headSeq + 1, limit: 10, ...more };
}

/** The index, which tells of each look into a block. */
function watched(index: IndexDatabase, onLook: () => void): IndexDatabase {
  const all: Statement['all'] = (...values) => {
    onLook();
    return index.find.all(...values);
  };
  return { ...index, find: { ...index.find, all } };
}

/** Lists all blocks of a room that end at this event or before it; returns how many these are. */
function listBlocks(index: IndexDatabase, roomId: number, seq: number): number {
  const lister = new BlockLister(index);
  lister.grew(roomId, seq);
  while (!lister.isIdle) lister.step();
  return lister.listedBlocks(roomId);
}

const headSeq = 3 * BLOCK_EVENTS + 5;

for (const pageMs of [2, 1000]) {
  test(`a room of several blocks is searched from the newest to the oldest, in pages of ${pageMs} ms`, (context) => {
    const index = openIndex(context);
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
      const page = finder.find(ask('event', headSeq, { beforeSeq }), { seq: headSeq, listedBlocks: 0 });
      found.push(...page.messages.map(({ event }) => event.seq));
      beforeSeq = page.nextBeforeSeq;
    }
    assert.deepEqual(found, seqs.toReversed());
    // Two blocks are looked into before the time is over.
    assert.equal(pages, pageMs === 2 ? 2 : 1);
  });
}

test('no further block is looked into when one more such look would take longer than a page may', (context) => {
  const index = openIndex(context);
  let nowMs = 0;
  const slow = (lookMs: number): Finder =>
    new Finder({
      index: watched(index, () => {
        nowMs += lookMs;
      }),
      log,
      pageMs: 11,
      nowMs: () => nowMs,
    });
  const all = { seq: headSeq, listedBlocks: 0 };
  // Four blocks: one is looked into, two, or all.
  assert.deepEqual(
    [6, 5, 2].map((lookMs) => slow(lookMs).find(ask('event', headSeq), all).nextBeforeSeq),
    [3 * BLOCK_EVENTS, 2 * BLOCK_EVENTS, undefined],
  );
});

test('what lies above the index is counted, as far as it was asked about', (context) => {
  const index = openIndex(context);
  const finder = new Finder({ index, log, pageMs: 10, nowMs: () => 0 });
  const unsearched = (beforeSeq: number): number =>
    finder.find(ask('event', 100, { beforeSeq, limit: 1 }), { seq: 60, listedBlocks: 0 }).unsearched;
  assert.deepEqual([101, 81, 61, 2].map(unsearched), [40, 20, 0, 0]);
});

test('listed blocks that lack a word are not looked into, others are', (context) => {
  const index = openIndex(context);
  const blocks = STRETCH_BLOCKS + 3;
  const changes = new RoomChanges(index, 1);
  const say = (block: number, text: string): void =>
    changes.add(exampleEvent(block * BLOCK_EVENTS + 1, { body: encoder.encode(text) }));
  for (let block = 0; block < blocks; block += 1) say(block, 'plain');
  changes.add(exampleEvent(2, { body: encoder.encode('seldom helmet') }));
  changes.add(exampleEvent(STRETCH_BLOCKS * BLOCK_EVENTS + 2, { body: encoder.encode('seldom other') }));
  changes.write();
  const endSeq = blocks * BLOCK_EVENTS - 1;
  assert.equal(listBlocks(index, 1, endSeq), blocks);
  let looks = 0;
  const finder = new Finder({
    index: watched(index, () => {
      looks += 1;
    }),
    log,
    pageMs: 1000,
    nowMs: () => 0,
  });
  const looksFor = (query: string, listedBlocks: number): number => {
    looks = 0;
    finder.find(ask(query, endSeq, { limit: 100 }), { seq: endSeq, listedBlocks });
    return looks;
  };
  assert.deepEqual(
    ['plain', 'seldom', 'seldom hel*', '"seldom other"', 'hel*', 'absent', 'absent plain', 'abs*'].map((query) =>
      looksFor(query, blocks),
    ),
    [blocks, 2, 1, 1, 1, 0, 0, 0],
  );
  assert.equal(looksFor('absent', blocks - 2), 2);
});

test('a beginning of more words than are looked at in the list counts as in all blocks', (context) => {
  for (const [words, looks] of [
    [BEGINNING_WORDS_MAX - 1, 1],
    [BEGINNING_WORDS_MAX, 2],
  ] as const) {
    const index = openIndex(context);
    const body = encoder.encode(Array.from({ length: words }, (_, nth) => `hel${nth}`).join(' '));
    const changes = new RoomChanges(index, 1);
    changes.add(exampleEvent(1, { body }));
    changes.add(exampleEvent(BLOCK_EVENTS));
    changes.write();
    const endSeq = 2 * BLOCK_EVENTS - 1;
    const listedBlocks = listBlocks(index, 1, endSeq);
    let looked = 0;
    const counted = watched(index, () => {
      looked += 1;
    });
    const finder = new Finder({ index: counted, log, pageMs: 1000, nowMs: () => 0 });
    const page = finder.find(ask('hel*', endSeq), { seq: endSeq, listedBlocks });
    assert.deepEqual(
      page.messages.map(({ event }) => event.seq),
      [1],
    );
    assert.equal(looked, looks);
  }
});

test('with blocks listed, what is found is what reading finds, edits after the listing too', (context) => {
  const index = openIndex(context);
  const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'é', '日', '日本', 'x1');
  const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
  // Few places, so that some messages are in one block and some edits come in another one than their message.
  const place = fc.tuple(fc.constantFrom(0, 1, 2, STRETCH_BLOCKS - 1, STRETCH_BLOCKS, STRETCH_BLOCKS + 1), fc.nat(2));
  let roomId = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(place, text), { minLength: 1, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(7), text), { maxLength: 3 }),
      fc.array(fc.oneof(text, fc.constantFrom('ab*', '日*', '"a ab"', 'a b ab*')), { minLength: 1, maxLength: 4 }),
      (said, edits, queries) => {
        roomId += 1;
        const messages = new Map(said.map(([[block, at], body]) => [block * BLOCK_EVENTS + at + 1, body]));
        const events = new Map<number, RoomEvent>();
        const endSeq = (STRETCH_BLOCKS + 2) * BLOCK_EVENTS - 1;
        const write = (seq: number, body: string, more: Partial<RoomEvent> = {}): void => {
          const event = exampleEvent(seq, { roomId, body: encoder.encode(body), ...more });
          events.set(seq, event);
          const changes = new RoomChanges(index, roomId);
          changes.add(event);
          changes.write();
        };
        for (const seq of [...messages.keys()].sort((a, b) => a - b)) write(seq, messages.get(seq)!);
        const listedBlocks = listBlocks(index, roomId, endSeq);
        for (const [nth, [at, body]] of edits.entries()) {
          const target = [...messages.keys()][at % messages.size]!;
          write(endSeq + 1 + nth, body, { kind: EventKind.EDIT, target });
          messages.set(target, body);
        }
        const finder = new Finder({ index, log: logOf((seq) => events.get(seq)), pageMs: 1000, nowMs: () => 0 });
        const headSeq = endSeq + edits.length;
        for (const query of queries) {
          const page = finder.find(ask(query, headSeq, { roomId, limit: 100 }), { seq: headSeq, listedBlocks });
          const expected = [...messages.keys()].filter((seq) =>
            matchesQuery(parseQuery(query), wordsOf(messages.get(seq)!)),
          );
          assert.deepEqual(
            page.messages.map(({ event }) => event.seq),
            expected.sort((a, b) => b - a),
          );
        }
      },
    ),
    { numRuns: 30 },
  );
});
