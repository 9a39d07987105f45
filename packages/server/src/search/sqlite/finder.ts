import type { FoundMessage, RoomEvent, SearchAsk, SearchPage, SearchQuery } from '@confab/core';
import type { LogReader } from '../../store/sqlite/log-reader.ts';
import { BLOCK_EVENTS, blockOf, type IndexDatabase, wordPrefix } from './index-database.ts';

/** Messages that are so near to each other are read from the log at once, with what lies between. */
const READ_TOGETHER_EVENTS = 16;

export interface FinderOptions {
  readonly index: IndexDatabase;
  readonly log: LogReader;
  /** Time after which a search looks into no further block, ms. */
  readonly pageMs: number;
  readonly nowMs: () => number;
}

/** Answers searches from the index; the messages come from the log. */
export class Finder {
  readonly #options: FinderOptions;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  /** @param indexedSeq up to where the room's log is indexed */
  find(ask: SearchAsk, indexedSeq: number): SearchPage {
    const { index, pageMs, nowMs } = this.#options;
    const { roomId, query, limit } = ask;
    const lastSeq = Math.min(ask.beforeSeq - 1, ask.headSeq);
    const unsearched = Math.max(0, lastSeq - indexedSeq);
    const startMs = nowMs();
    const seqs: number[] = [];
    let highSeq = lastSeq - unsearched;
    while (highSeq >= 1) {
      const block = blockOf(highSeq);
      const lowSeq = block * BLOCK_EVENTS;
      // One more than wanted tells whether there are more.
      const left = limit + 1 - seqs.length;
      const rows = index.find.all(roomId, lowSeq, highSeq, matchOf(query, wordPrefix(roomId, block)), left);
      for (const [seq] of rows) seqs.push(seq as number);
      highSeq = lowSeq - 1;
      if (seqs.length > limit || nowMs() - startMs >= pageMs) break;
    }
    let nextBeforeSeq = highSeq >= 1 ? highSeq + 1 : undefined;
    if (seqs.length > limit) {
      seqs.length = limit;
      nextBeforeSeq = seqs[limit - 1];
    }
    return { messages: this.#messages(roomId, seqs), nextBeforeSeq, unsearched };
  }

  #messages(roomId: number, seqs: readonly number[]): FoundMessage[] {
    const originals = this.#read(roomId, seqs);
    const editSeqs = new Map<number, number>();
    for (const seq of seqs) {
      const row = this.#options.index.editOf.get(roomId, seq);
      if (row !== undefined) editSeqs.set(seq, row[0] as number);
    }
    const edits = this.#read(roomId, [...editSeqs.values()]);
    const messages: FoundMessage[] = [];
    for (const seq of seqs) {
      const event = originals.get(seq);
      // A log may lose its oldest part.
      if (event === undefined) continue;
      const edit = edits.get(editSeqs.get(seq) ?? 0);
      if (edit === undefined) messages.push({ event, isEdited: false });
      else messages.push({ event: { ...event, body: edit.body }, isEdited: true });
    }
    return messages;
  }

  #read(roomId: number, seqs: readonly number[]): Map<number, RoomEvent> {
    const events = new Map<number, RoomEvent>();
    const sorted = seqs.toSorted((a, b) => a - b);
    for (let start = 0; start < sorted.length; ) {
      let end = start;
      while (end + 1 < sorted.length && sorted[end + 1]! - sorted[end]! <= READ_TOGETHER_EVENTS) end += 1;
      const firstSeq = sorted[start]!;
      for (const event of this.#options.log.read(roomId, firstSeq, sorted[end]! - firstSeq + 1)) {
        events.set(event.seq, event);
      }
      start = end + 1;
    }
    return events;
  }
}

/** In FTS5's language (https://sqlite.org/fts5.html#full_text_query_syntax). Words hold nothing that means something in it. */
function matchOf(query: SearchQuery, prefix: string): string {
  return query
    .map(({ words, isPrefix }) => `"${words.map((word) => prefix + word).join(' ')}"${isPrefix ? ' *' : ''}`)
    .join(' ');
}
