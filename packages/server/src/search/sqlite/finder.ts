import type { FoundMessage, SearchAsk, SearchPage, SearchQuery } from '@confab/core';
import type { LogReader } from '../../store/sqlite/log-reader.ts';
import { BlockFilter } from './block-filter.ts';
import { BLOCK_EVENTS, blockOf, type IndexDatabase, wordPrefix } from './index-database.ts';

export interface FinderOptions {
  readonly index: IndexDatabase;
  readonly log: LogReader;
  /** Time after which a search looks into no further block, ms. */
  readonly pageMs: number;
  readonly nowMs: () => number;
}

/** What of a room is indexed. */
export interface IndexedPart {
  /** Up to this event. */
  readonly seq: number;
  /** Blocks of which the words are listed, from the oldest on. */
  readonly listedBlocks: number;
}

/** Answers searches from the index; the messages come from the log. */
export class Finder {
  readonly #options: FinderOptions;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  find(ask: SearchAsk, { seq: indexedSeq, listedBlocks }: IndexedPart): SearchPage {
    const { index, pageMs, nowMs } = this.#options;
    const { roomId, query, limit } = ask;
    const lastSeq = Math.min(ask.beforeSeq - 1, ask.headSeq);
    const unsearched = Math.max(0, lastSeq - indexedSeq);
    const filter = new BlockFilter(index, roomId, query, listedBlocks);
    const startMs = nowMs();
    const seqs: number[] = [];
    let highSeq = lastSeq - unsearched;
    let lookMs = 0;
    let nowAtMs = startMs;
    while (highSeq >= 1) {
      const block = blockOf(highSeq);
      const lowSeq = block * BLOCK_EVENTS;
      const isLookedInto = filter.mayHold(block);
      if (isLookedInto) {
        // One more than wanted tells whether there are more.
        const left = limit + 1 - seqs.length;
        const rows = index.find.all(roomId, lowSeq, highSeq, matchOf(query, wordPrefix(roomId, block)), left);
        for (const [seq] of rows) seqs.push(seq as number);
      }
      highSeq = lowSeq - 1;
      const endMs = nowMs();
      if (isLookedInto) lookMs = endMs - nowAtMs;
      nowAtMs = endMs;
      // The next look may take as long as the last one.
      const isOver = endMs - startMs >= pageMs || endMs - startMs + lookMs > pageMs;
      if (seqs.length > limit || isOver) break;
    }
    let nextBeforeSeq = highSeq >= 1 ? highSeq + 1 : undefined;
    if (seqs.length > limit) {
      seqs.length = limit;
      nextBeforeSeq = seqs[limit - 1];
    }
    return { messages: this.#messages(roomId, seqs), nextBeforeSeq, unsearched };
  }

  #messages(roomId: number, seqs: readonly number[]): FoundMessage[] {
    const editSeqs = new Map<number, number>();
    for (const seq of seqs) {
      const row = this.#options.index.editOf.get(roomId, seq);
      if (row !== undefined) editSeqs.set(seq, row[0] as number);
    }
    const wanted = [...seqs, ...editSeqs.values()].sort((a, b) => a - b);
    const events = new Map(this.#options.log.pick(roomId, wanted).map((event) => [event.seq, event]));
    const messages: FoundMessage[] = [];
    for (const seq of seqs) {
      const event = events.get(seq);
      // A log may lose its oldest part.
      if (event === undefined) continue;
      const edit = events.get(editSeqs.get(seq) ?? 0);
      if (edit === undefined) messages.push({ event, isEdited: false });
      else messages.push({ event: { ...event, body: edit.body }, isEdited: true });
    }
    return messages;
  }
}

/** In FTS5's language (https://sqlite.org/fts5.html#full_text_query_syntax). Words hold nothing that means something in it. */
function matchOf(query: SearchQuery, prefix: string): string {
  return query
    .map(({ words, isPrefix }) => `"${words.map((word) => prefix + word).join(' ')}"${isPrefix ? ' *' : ''}`)
    .join(' ');
}
