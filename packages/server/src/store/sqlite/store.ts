import { Worker } from 'node:worker_threads';
import type { CommitResult, LoadedState, RoomEvent, Store, StoreChange } from '@confab/core';
import { storeFailed } from '../failure.ts';
import { decodeEvents } from './event-codec.ts';
import { Journal } from './journal.ts';
import { JOURNAL_BOUNDS, readBootId, type Synchronous } from './options.ts';
import { packBatch } from './protocol.ts';
import { QuickCommits } from './quick-commits.ts';
import { WorkerConnection } from './worker-connection.ts';

export interface SqliteStoreOptions {
  /** The data folder. Made if it is missing, for its owner alone (mode 0700). One server at a time. */
  readonly directory: string;
  /** Default `normal`. */
  readonly synchronous?: Synchronous;
  /** Whether to keep a journal; with `synchronous = full` none is kept. Default true. */
  readonly journal?: boolean;
  /** Largest size of the database file, bytes. A commit that would exceed it fails as on a full disk. Default: none. */
  readonly fileBytesMax?: number;
  /** Names the current start of the machine; undefined when that cannot be told. Default: the kernel's boot id. */
  readonly bootId?: () => string | undefined;
  /** Makes the store's thread. For a bundled program, which has no worker.ts beside this file. */
  readonly createWorker?: () => Worker;
}

const COMMITTED: CommitResult = { status: 'committed' };

export interface SqliteStore extends Store {
  /** Path of the database. */
  readonly file: string;
}

/**
 * Open the store of a data folder, in a thread of its own: however slow the disk, the caller's event loop goes on. The
 * thread keeps the process alive until `close`.
 * @throws {CoreError} STORE_FAILED when the folder is in use by another process or cannot be used, or when its database
 *   is another program's, or a newer confab wrote it. The message says what to do.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const worker = options.createWorker?.() ?? new Worker(new URL('./worker.ts', import.meta.url));
  const connection = new WorkerConnection(worker);
  try {
    const { file } = await connection.request('open', {
      directory: options.directory,
      synchronous: options.synchronous ?? 'normal',
      bootId: (options.bootId ?? readBootId)(),
      fileBytesMax: options.fileBytesMax,
    });
    const isJournaled = options.synchronous !== 'full' && options.journal !== false;
    return new WorkerStore(connection, file, isJournaled ? quickCommits(options.directory, connection) : undefined);
  } catch (error) {
    await connection.terminate();
    throw error;
  }
}

/** None where no journal can be written: then every commit waits for the database, which tells why. */
function quickCommits(directory: string, connection: WorkerConnection): QuickCommits | undefined {
  let journal: Journal;
  try {
    journal = new Journal(directory);
  } catch {
    return undefined;
  }
  return new QuickCommits({
    journal,
    bounds: JOURNAL_BOUNDS,
    take: (events) => connection.request('take', { events }, [events.buffer]),
    highestOf: (roomId, series) => connection.request('series', { roomId, series }),
    nowMs: () => performance.now(),
    after: (ms, task) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  });
}

class WorkerStore implements SqliteStore {
  readonly file: string;
  readonly #connection: WorkerConnection;
  readonly #quick: QuickCommits | undefined;
  #closed: Promise<void> | undefined;
  /** Commits that wait for the database: what comes meanwhile goes behind. */
  #slowCommits = 0;

  constructor(connection: WorkerConnection, file: string, quick: QuickCommits | undefined) {
    this.#connection = connection;
    this.file = file;
    this.#quick = quick;
  }

  async load(): Promise<LoadedState> {
    this.#expectOpen();
    this.#quick?.handOver();
    const state = await this.#connection.request('load', undefined);
    this.#quick?.restore(state);
    return state;
  }

  async commit(changes: readonly StoreChange[]): Promise<CommitResult> {
    this.#expectOpen();
    if (this.#slowCommits === 0 && this.#quick?.commit(changes) === true) return COMMITTED;
    this.#quick?.handOver();
    const batch = packBatch(changes);
    this.#slowCommits += 1;
    try {
      const result = await this.#connection.request('commit', batch, [batch.events.buffer]);
      if (result.status === 'committed') this.#quick?.committed(changes);
      return result;
    } finally {
      this.#slowCommits -= 1;
    }
  }

  async read(roomId: number, fromSeq: number, limit: number): Promise<RoomEvent[]> {
    this.#expectOpen();
    this.#quick?.handOver();
    return decodeEvents(await this.#connection.request('read', { roomId, fromSeq, limit }));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    let isDone = false;
    try {
      this.#quick?.handOver();
      ({ isDone } = await this.#connection.request('close', undefined));
    } catch {
      // The thread is dead, and its lock with it, or could not tidy up. What was committed is safe, and all else was told.
    }
    this.#quick?.close(isDone);
    await this.#connection.exited();
  }

  #expectOpen(): void {
    if (this.#closed !== undefined) throw storeFailed('Cannot use the store: it was closed');
  }
}
