import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseQuery, type StoreChange } from '@confab/core';
import { SqliteIndex } from '../../packages/server/src/search/sqlite/index.ts';
import { indexBytes } from '../../packages/server/src/search/sqlite/index-database.ts';
import { openSqliteStore } from '../../packages/server/src/store/sqlite/store.ts';
import { Histogram } from '../support/histogram.ts';
import { untilAtRest } from '../support/rest.ts';
import type { GrowthOptions } from './options.ts';
import { type Chatter, chatter, MARK_EVERY } from './vocabulary.ts';

/** Messages in one transaction while the log is being filled. */
const BATCH = 4096;
/** As `confab chat` asks for. */
const PAGE_MESSAGES = 20;
/** As configured by default, ms. */
const PAGE_MS = 10;
const PAGES = 300;
/** Not measured: for the compilers, and the pages that every search reads. */
const WARM_UP_PAGES = 30;
/** Between looks at how far the index is, ms. */
const LOOK_MS = 200;
/** Between looks at whether it is at rest, ms. */
const REST_MS = 1000;

export interface SearchFigures {
  readonly messages: number;
  readonly what: string;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Pages that were cut short by `search.page_ms`, of all that were measured. */
  readonly cutShort: number;
}

/** What is looked for; each with another word each time, and from anywhere in the room where there are many. */
const searches: readonly (readonly [what: string, query: (chat: Chatter, messages: number) => string])[] = [
  ['common word', (chat) => chat.word(5, 50)],
  ['rare word', (chat, messages) => chat.mark(messages)],
  ['two words', (chat) => `${chat.word(5, 50)} ${chat.word(2000, 10_000)}`],
  ['phrase', (chat) => `"${chat.word(5, 50)} ${chat.word(5, 50)}"`],
  // Two syllables: about one word in 250 begins so.
  ['beginning', (chat) => `${chat.word(500, 5000).slice(0, 4)}*`],
  ['absent word', (chat) => `no${chat.word(5, 50)}where`],
];

/** Pages of what was found in one room that holds all messages, one after the other, through the index's thread. */
export async function searchCosts(options: GrowthOptions): Promise<SearchFigures[]> {
  const found: SearchFigures[] = [];
  for (const messages of options.pageMessages) {
    const data =
      options.data === undefined ? await mkdtemp(join(tmpdir(), 'confab-bench-')) : join(options.data, `${messages}`);
    try {
      await fill(data, messages);
      const index = new SqliteIndex({ directory: data, pageMs: PAGE_MS });
      try {
        if (await isWhole(index, data, messages, options.buildSeconds)) found.push(...(await measure(index, messages)));
      } finally {
        await index.close();
      }
    } finally {
      if (options.data === undefined) await rm(data, { recursive: true, force: true });
    }
  }
  return found;
}

/** A log of one room; what is there is gone on with. */
async function fill(data: string, messages: number): Promise<void> {
  const isNew = !existsSync(join(data, 'confab.db'));
  const store = await openSqliteStore({ directory: data });
  try {
    const room = { id: 1, name: 'r1', kind: 'open', createdMs: 0 } as const;
    if (isNew) await store.commit([{ type: 'room-put', room }]);
    const { lastPosition } = await store.load();
    const chat = chatter(lastPosition + 1);
    for (let seq = lastPosition + 1; seq <= messages; ) {
      const changes: StoreChange[] = [];
      for (; changes.length < BATCH && seq <= messages; seq += 1) {
        const body = Buffer.from(chat.message(seq));
        const event = { roomId: 1, seq, position: seq, kind: 1, timeMs: seq, author: 1, user: 'ann', body };
        changes.push({ type: 'event', event });
      }
      await store.commit(changes);
    }
  } finally {
    await store.close();
  }
}

/**
 * Until all is indexed and the index has nothing left to do, or the time for it is over; then the next run goes on. Which words
 * are in which blocks is listed after the last message was indexed, since somebody searches meanwhile.
 */
async function isWhole(index: SqliteIndex, data: string, messages: number, seconds: number): Promise<boolean> {
  const startMs = performance.now();
  const ask = { roomId: 1, query: parseQuery('x1'), beforeSeq: messages + 1, headSeq: messages, limit: 1 };
  for (;;) {
    const { unsearched } = await index.find(ask);
    const leftMs = startMs + seconds * 1000 - performance.now();
    if (unsearched === 0 && (await untilAtRest(process.pid, REST_MS, leftMs)).isAtRest) {
      const { indexed } = index.status;
      // The last look found it at rest all the time.
      const elapsedS = (performance.now() - startMs - REST_MS) / 1000;
      const rate = indexed === 0 ? '' : `, ${Math.round(indexed / elapsedS)} a second`;
      console.log(`${messages} messages are indexed: ${Math.round(indexBytes(data) / 2 ** 20)} MiB${rate}`);
      return true;
    }
    if (unsearched === 0 || leftMs < 0) {
      console.log(`${messages} messages: ${unsearched} are not indexed yet, or not in order; run it again`);
      return false;
    }
    await sleep(LOOK_MS);
  }
}

async function measure(index: SqliteIndex, messages: number): Promise<SearchFigures[]> {
  const chat = chatter(messages);
  const figures: SearchFigures[] = [];
  for (const [what, queryOf] of searches) {
    const times = new Histogram();
    let cutShort = 0;
    for (let page = -WARM_UP_PAGES; page < PAGES; page += 1) {
      const isAnywhere = messages > MARK_EVERY && (what === 'common word' || what === 'beginning');
      const beforeSeq = isAnywhere ? 1 + chat.number(messages) : messages + 1;
      const query = parseQuery(queryOf(chat, messages));
      const startMs = performance.now();
      const answer = await index.find({ roomId: 1, query, beforeSeq, headSeq: messages, limit: PAGE_MESSAGES });
      if (page < 0) continue;
      times.record((performance.now() - startMs) * 1000);
      if (answer.nextBeforeSeq !== undefined && answer.messages.length < PAGE_MESSAGES) cutShort += 1;
    }
    figures.push({
      messages,
      what,
      p50Us: times.quantile(0.5),
      p99Us: times.quantile(0.99),
      cutShort: cutShort / PAGES,
    });
  }
  return figures;
}
