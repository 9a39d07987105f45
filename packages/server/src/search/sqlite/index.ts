import { Worker } from 'node:worker_threads';
import { CoreError, type SearchAsk, type SearchIndex, type SearchPage } from '@confab/core';
import { reasonOf } from '../../store/failure.ts';
import type { IndexMessage, IndexOptions, IndexRequest, IndexStatus } from './protocol.ts';
import { Revival } from './revival.ts';

export interface SqliteIndexOptions extends IndexOptions {
  /**
   * Something went wrong in the index's thread. It is tried again, and told again only after it went well; that the thread
   * died is told each time.
   */
  readonly onFault?: (reason: string) => void;
  /** The index could not be read and is made again. */
  readonly onRebuild?: (reason: string) => void;
  /** Makes the index's thread. For a bundled program, which has no worker.ts beside this file. */
  readonly createWorker?: (data: IndexOptions) => Worker;
  /** Never goes back; by default the process's. */
  readonly nowMs?: () => number;
  /** Run a task later. Returns what takes it back. */
  readonly later?: (delayMs: number, task: () => void) => () => void;
}

interface Pending {
  resolve(page: SearchPage): void;
  reject(error: CoreError): void;
}

/**
 * A full-text index of the log of a data folder, in `search.db` beside it, made and read by a thread of its own. The log must
 * be there; the folder belongs to whoever has the store. A thread that dies is replaced by another one after a while; until
 * then searches are refused.
 */
export class SqliteIndex implements SearchIndex {
  readonly #options: SqliteIndexOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #revival: Revival;
  /** Undefined: it died. */
  #worker: Worker | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #cancelRevival: (() => void) | undefined;
  #status: IndexStatus = { pending: 0, indexed: 0, bytes: 0 };
  #lastId = 0;
  #isBusy = false;
  #isClosing = false;
  #isFaulty = false;

  constructor(options: SqliteIndexOptions) {
    this.#options = options;
    this.#revival = new Revival(options.nowMs ?? (() => performance.now()));
    this.#begin();
  }

  /** As of a second ago, or so. */
  get status(): IndexStatus {
    return this.#status;
  }

  find(ask: SearchAsk): Promise<SearchPage> {
    if (this.#worker === undefined) return Promise.reject(unavailable("the index's thread died"));
    if (this.#isClosing) return Promise.reject(unavailable('the index is closed'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post({ call: 'find', id, ask });
    });
  }

  /** Rooms that have new events, and their newest ones; and those of them that were closed. */
  grew(rooms: ReadonlyMap<number, number>, closed: ReadonlySet<number>): void {
    // A thread that begins later learns of them from the log.
    this.#post({ call: 'grew', rooms, closed });
  }

  /** Whether the server has much to do; then indexing takes a fiftieth of the time at most. */
  pace(isBusy: boolean): void {
    this.#isBusy = isBusy;
    this.#post({ call: 'pace', isBusy });
  }

  /** Searches under way are answered first. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#cancelRevival?.();
      this.#post({ call: 'close' });
    }
    await this.#exited;
  }

  #begin(): void {
    this.#cancelRevival = undefined;
    this.#revival.begun();
    const { directory, pageMs } = this.#options;
    let worker: Worker;
    try {
      worker = (this.#options.createWorker ?? createWorker)({ directory, pageMs });
    } catch (error) {
      this.#died(`cannot be made: ${reasonOf(error)}`);
      return;
    }
    this.#worker = worker;
    const died = (reason: string): void => {
      // One that failed also ends.
      if (this.#worker === worker) this.#died(reason);
    };
    worker.on('message', (message: IndexMessage) => this.#hear(message));
    worker.on('error', (error) => died(`failed: ${reasonOf(error)}`));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        died(`ended, with exit code ${code}`);
        resolve(code);
      });
    });
    if (this.#isBusy) this.pace(true);
  }

  #post(request: IndexRequest): void {
    this.#worker?.postMessage(request);
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

  #died(how: string): void {
    const reason = `the index's thread ${how}`;
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(unavailable(reason));
    this.#pending.clear();
    if (this.#isClosing) return;
    const waitMs = this.#revival.died();
    this.#options.onFault?.(`${reason}; it is begun again in ${waitMs / 1000} s`);
    this.#cancelRevival = (this.#options.later ?? later)(waitMs, () => this.#begin());
  }
}

function later(delayMs: number, task: () => void): () => void {
  // Nothing waits for this alone.
  const timer = setTimeout(task, delayMs).unref();
  return () => clearTimeout(timer);
}

function createWorker(data: IndexOptions): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { workerData: data });
}

/** The reason may name files: it is for the server's log, not for who searches. */
function unavailable(cause: string): CoreError {
  return new CoreError('SEARCH_UNAVAILABLE', 'Cannot search: the index cannot be used at the moment', { cause });
}
