import type { RoomEvent } from '../event.ts';
import type { SearchQuery } from './query.ts';

/** What is asked of an index: who may ask, and how much, was judged before. */
export interface SearchAsk {
  readonly roomId: number;
  readonly query: SearchQuery;
  /** Only messages with lower sequence numbers, at least 1. */
  readonly beforeSeq: number;
  /** Newest event that anybody may see. */
  readonly headSeq: number;
  /** Messages at most, at least 1. */
  readonly limit: number;
}

/** A message that was found. */
export interface FoundMessage {
  /** As it was said, but for its body, which is that of its newest edit. */
  readonly event: RoomEvent;
  readonly isEdited: boolean;
}

export interface SearchPage {
  /** Newest first. Fewer than were asked for when looking further took too long, possibly none. */
  readonly messages: readonly FoundMessage[];
  /** There may be older ones: ask again with this as `beforeSeq`. Undefined: these were all. */
  readonly nextBeforeSeq: number | undefined;
  /** Events in the range asked about that the index has not come to yet, so that messages may be missing. */
  readonly unsearched: number;
}

/**
 * Finds what was said in a room. It is a cursor on the log like any other reader: it lags a little, says by how much, and
 * can be thrown away and made again. Withdrawn messages are not found, edited ones by their newest text. Every
 * implementation passes the contract suite in @confab/testing.
 */
export interface SearchIndex {
  /** @throws {CoreError} SEARCH_UNAVAILABLE: it cannot be used at the moment */
  find(ask: SearchAsk): Promise<SearchPage>;
}
