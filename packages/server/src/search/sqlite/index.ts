import { Worker } from 'node:worker_threads';
import { CoreError, type SearchAsk, type SearchIndex, type SearchPage } from '@confab/core';
import { reasonOf } from '../../store/failure.ts';
import type { IndexMessage, IndexOptions, IndexRequest, IndexStatus } from './protocol.ts';

export interface SqliteIndexOptions extends IndexOptions {
  /** Something went wrong in the index's thread. It is tried again, and told again only after it went well. */
  readonly onFault?: (reason: string) => void;
  /** The index could not be read and is made again. */
  readonly onRebuild?: (reason: string) => void;
  /** Makes the index's thread. For a bundled program, which has no worker.ts beside this file. */
  readonly createWorker?: (data: IndexOptions) => Worker;
}

interface Pending {
  resolve(page: SearchPage): void;
  reject(error: CoreError): void;
}

/**
 * A full-text index of the log of a data folder, in `search.db` beside it, made and read by a thread of its own. The log must
 * be there; the folder belongs to whoever has the store.
 */
export class SqliteIndex implements SearchIndex {
  readonly #options: SqliteIndexOptions;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #status: IndexStatus = { pending: 0, indexed: 0, bytes: 0 };
  #lastId = 0;
  #death: CoreError | undefined;
  #isClosing = false;
  #isFaulty = false;

  constructor(options: SqliteIndexOptions) {
    this.#options = options;
    const { directory, pageMs } = options;
    const create = options.createWorker ?? createWorker;
    this.#worker = create({ directory, pageMs });
    this.#worker.on('message', (message: IndexMessage) => this.#hear(message));
    this.#worker.on('error', (error) => this.#die(`the index's thread failed: ${reasonOf(error)}`));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#die(`the index's thread ended, with exit code ${code}`);
        resolve();
      });
    });
  }

  /** As of a second ago, or so. */
  get status(): IndexStatus {
    return this.#status;
  }

  find(ask: SearchAsk): Promise<SearchPage> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post({ call: 'find', id, ask });
    });
  }

  /** Rooms that have new events, and their newest ones; and those of them that were closed. */
  grew(rooms: ReadonlyMap<number, number>, closed: ReadonlySet<number>): void {
    if (this.#death === undefined) this.#post({ call: 'grew', rooms, closed });
  }

  /** Whether the server has much to do; then indexing takes a fiftieth of the time at most. */
  pace(isBusy: boolean): void {
    if (this.#death === undefined) this.#post({ call: 'pace', isBusy });
  }

  /** Searches under way are answered first. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      if (this.#death === undefined) this.#post({ call: 'close' });
    }
    await this.#exited;
  }

  #post(request: IndexRequest): void {
    this.#worker.postMessage(request);
  }

  #hear(message: IndexMessage): void {
    switch (message.type) {
      case 'found':
        this.#take(message.id)?.resolve(message.page);
        return;
      case 'failed':
        this.#take(message.id)?.reject(unavailable(message.reason));
        return;
      case 'status':
        this.#status = message.status;
        this.#isFaulty = false;
        return;
      case 'fault':
        if (!this.#isFaulty) this.#options.onFault?.(message.reason);
        this.#isFaulty = true;
        return;
      case 'rebuilding':
        this.#options.onRebuild?.(message.reason);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #die(reason: string): void {
    if (this.#death !== undefined) return;
    this.#death = unavailable(reason);
    for (const { reject } of this.#pending.values()) reject(this.#death);
    this.#pending.clear();
    if (!this.#isClosing) this.#options.onFault?.(reason);
  }
}

function createWorker(data: IndexOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: data });
}

/** The reason may name files: it is for the server's log, not for who searches. */
function unavailable(cause: string): CoreError {
  return new CoreError('SEARCH_UNAVAILABLE', 'Cannot search: the index cannot be used at the moment', { cause });
}
