import { Worker } from 'node:worker_threads';
import type { CommitResult, LoadedState, RoomEvent, Store, StoreChange } from '@confab/core';
import { storeFailed } from '../failure.ts';
import { decodeEvents } from './event-codec.ts';
import { readBootId, type Synchronous } from './options.ts';
import { packBatch } from './protocol.ts';
import { WorkerConnection } from './worker-connection.ts';

export interface SqliteStoreOptions {
  /** The data folder. Made if it is missing, for its owner alone (mode 0700). One server at a time. */
  readonly directory: string;
  /** Default `normal`. */
  readonly synchronous?: Synchronous;
  /** Largest size of the database file, bytes. A commit that would exceed it fails as on a full disk. Default: none. */
  readonly fileBytesMax?: number;
  /** Names the current start of the machine; undefined when that cannot be told. Default: the kernel's boot id. */
  readonly bootId?: () => string | undefined;
  /** Makes the store's thread. For a bundled program, which has no worker.ts beside this file. */
  readonly createWorker?: () => Worker;
}

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
    return new WorkerStore(connection, file);
  } catch (error) {
    await connection.terminate();
    throw error;
  }
}

class WorkerStore implements SqliteStore {
  readonly file: string;
  readonly #connection: WorkerConnection;
  #closed: Promise<void> | undefined;

  constructor(connection: WorkerConnection, file: string) {
    this.#connection = connection;
    this.file = file;
  }

  async load(): Promise<LoadedState> {
    this.#expectOpen();
    return this.#connection.request('load', undefined);
  }

  async commit(changes: readonly StoreChange[]): Promise<CommitResult> {
    this.#expectOpen();
    const batch = packBatch(changes);
    return this.#connection.request('commit', batch, [batch.events.buffer]);
  }

  async read(roomId: number, fromSeq: number, limit: number): Promise<RoomEvent[]> {
    this.#expectOpen();
    return decodeEvents(await this.#connection.request('read', { roomId, fromSeq, limit }));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#connection.request('close', undefined);
    } catch {
      // The thread is dead, and its lock with it, or could not tidy up. What was committed is safe, and all else was told.
    }
    await this.#connection.exited();
  }

  #expectOpen(): void {
    if (this.#closed !== undefined) throw storeFailed('Cannot use the store: it was closed');
  }
}
