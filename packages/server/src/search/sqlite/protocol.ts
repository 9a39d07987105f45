import type { SearchAsk, SearchPage } from '@confab/core';

/** What the index's thread needs to begin. */
export interface IndexOptions {
  /** The data folder, in which the log is by now. */
  readonly directory: string;
  /** Time after which a search is answered with what was found so far, ms. */
  readonly pageMs: number;
}

/** How far the index is. */
export interface IndexStatus {
  /** Events that are not indexed yet. */
  readonly pending: number;
  /** Events indexed since the start. */
  readonly indexed: number;
  /** Size of its files. */
  readonly bytes: number;
}

export type IndexRequest =
  | { readonly call: 'find'; readonly id: number; readonly ask: SearchAsk }
  /** Rooms that have new events, and their newest ones; and those of them that were closed by these. */
  | { readonly call: 'grew'; readonly rooms: ReadonlyMap<number, number>; readonly closed: ReadonlySet<number> }
  /** Whether the server has much to do, so that indexing had better wait. */
  | { readonly call: 'pace'; readonly isBusy: boolean }
  | { readonly call: 'close' };

export type IndexMessage =
  | { readonly type: 'found'; readonly id: number; readonly page: SearchPage }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string }
  | { readonly type: 'status'; readonly status: IndexStatus }
  /** Something went wrong; it is tried again. */
  | { readonly type: 'fault'; readonly reason: string }
  /** The index could not be read, and is made again. */
  | { readonly type: 'rebuilding'; readonly reason: string };
