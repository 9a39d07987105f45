import type { Config } from '@confab/config';
import type { Hub, SearchIndex, Store } from '@confab/core';
import type { Logger } from 'pino';
import { IndexFeed } from './feed.ts';
import { ScanIndex } from './scan-index.ts';
import { SqliteIndex } from './sqlite/index.ts';
import type { IndexStatus } from './sqlite/protocol.ts';

/** How a server searches. */
export interface Search {
  /** Undefined: it does not. */
  readonly index: SearchIndex | undefined;
  /** How far the index is; undefined where there is none that could lag. */
  readonly status: (() => IndexStatus) | undefined;
  /** Keep the index up to date with what happens from now on. */
  follow(hub: Hub): void;
  close(): Promise<void>;
}

/** @param store open, so that its log is there */
export function openSearch(config: Config, store: Store, log: Logger): Search {
  const none = { status: undefined, follow: () => {}, close: async () => {} };
  if (!config.search.enabled) return { ...none, index: undefined };
  if (config.store.kind === 'memory') return { ...none, index: new ScanIndex(store) };
  const index = new SqliteIndex({
    directory: config.data,
    pageMs: config.search.pageMs,
    onFault: (reason) => log.error({ reason }, 'search: the index could not be brought up to date'),
    onRebuild: (reason) => log.warn({ reason }, 'search: the index is damaged and is made again'),
  });
  let feed: IndexFeed | undefined;
  return {
    index,
    status: () => index.status,
    follow: (hub) => {
      feed = new IndexFeed({ hub, index });
    },
    close: async () => {
      feed?.close();
      await index.close();
    },
  };
}
