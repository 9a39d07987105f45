import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadedState, RoomEvent, Store, StoreChange } from '@confab/core';
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

test('a long batch is in the log whole and in its order, however its events are written, or not at all', async (context) => {
  const folder = temporaryDirectory(context);
  const store = folder.closing(new BlockingStore(folder.path));
  await store.commit([{ type: 'room-put', room: { id: 1, name: 'lobby', kind: 'open', createdMs: 0 } }]);
  const event = (seq: number, clientId?: string): RoomEvent => {
    const body = new TextEncoder().encode(`text ${seq}`);
    return {
      roomId: 1,
      seq,
      position: seq,
      kind: 1,
      timeMs: seq,
      author: 7,
      user: 'ann',
      clientId,
      target: undefined,
      isVerified: undefined,
      body,
    };
  };
  const changes = (seqs: readonly number[], isNamed: (seq: number) => boolean = () => false): StoreChange[] =>
    seqs.map((seq) => ({ type: 'event', event: event(seq, isNamed(seq) ? `id ${seq}` : undefined) }));
  const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

  await store.commit(changes(range(1, 70), (seq) => seq === 5 || seq === 40));
  await assert.rejects(store.commit(changes([...range(71, 90), 92])), { code: 'STORE_FENCED' });
  const repeated = { type: 'event', event: event(91, 'id 40') } as const;
  const result = await store.commit([...changes(range(71, 90)), repeated]);
  assert.deepEqual(result, { status: 'duplicates', duplicates: [{ index: 20, event: event(40, 'id 40') }] });
  const read = await store.read(1, 1, 1000);
  assert.deepEqual(
    read.map(({ seq, clientId, body }) => [seq, clientId, new TextDecoder().decode(body)]),
    range(1, 70).map((seq) => [seq, seq === 5 || seq === 40 ? `id ${seq}` : undefined, `text ${seq}`]),
  );
});
