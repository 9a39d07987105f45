import type { LoadedState, Store } from '@confab/core';
import { propertyRuns, storeContract, temporaryDirectory } from '@confab/testing';
import { storeFailed } from '../failure.ts';
import { LogDatabase } from './log-database.ts';

/** The log as a store, on the caller's own thread. */
class BlockingStore implements Store {
  readonly #log: LogDatabase;
  #isClosed = false;

  constructor(directory: string) {
    this.#log = LogDatabase.open({ directory, synchronous: 'full', bootId: 'boot' });
  }

  async load(): Promise<LoadedState> {
    return this.#open().load();
  }

  async commit(changes: Parameters<Store['commit']>[0]): ReturnType<Store['commit']> {
    return this.#open().commit(changes);
  }

  async read(...page: Parameters<Store['read']>): ReturnType<Store['read']> {
    return this.#open().read(...page);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#log.close();
    this.#isClosed = true;
  }

  #open(): LogDatabase {
    if (this.#isClosed) throw storeFailed('Closed');
    return this.#log;
  }
}

storeContract(
  'the SQLite log without its thread, writing through,',
  async (context) => {
    const folder = temporaryDirectory(context);
    let store = folder.closing(new BlockingStore(folder.path));
    return {
      store,
      reopen: async () => {
        await store.close();
        store = folder.closing(new BlockingStore(folder.path));
        return store;
      },
    };
  },
  { modelRuns: Math.ceil(propertyRuns() / 6) },
);
