import { DatabaseSync } from 'node:sqlite';

/** What a column holds, or a parameter is given. Integers beyond 2^53 are never written. */
export type SqlValue = null | number | string | Uint8Array;

/** A prepared statement. Rows are arrays, in the order of the SELECT's columns. */
export interface Statement {
  /** Runs it; returns how many rows it changed. */
  run(...values: SqlValue[]): { readonly changes: number | bigint };
  get(...values: SqlValue[]): SqlValue[] | undefined;
  all(...values: SqlValue[]): SqlValue[][];
  /** Row by row, as they are read; leaving the loop ends the reading. */
  iterate(...values: SqlValue[]): IterableIterator<SqlValue[]>;
}

export interface DatabaseOptions {
  /** How long a statement waits for another connection's lock, ms. */
  readonly busyTimeoutMs: number;
  readonly isReadOnly?: boolean;
}

/**
 * The one place that knows the SQLite binding's classes and error shape. Everything here blocks its thread: it belongs
 * in a worker, or in a program that has nothing else to do.
 */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #begin: Statement;
  readonly #commit: Statement;

  constructor(file: string, options: DatabaseOptions) {
    this.#connection = new DatabaseSync(file, {
      readOnly: options.isReadOnly ?? false,
      timeout: options.busyTimeoutMs,
      enableForeignKeyConstraints: true,
    });
    // Not to be called by `run`, which also tells the newest row id, and fails where that is beyond 2^53.
    this.#begin = this.prepare('BEGIN IMMEDIATE');
    this.#commit = this.prepare('COMMIT');
  }

  /** Runs SQL text of any number of statements, without parameters and without rows. */
  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  prepare(sql: string): Statement {
    // The binding's own object, without a wrapper around each call: inserting events is the hot path. Its types do not
    // know that rows come as arrays.
    return this.#connection.prepare(sql, { returnArrays: true }) as unknown as Statement;
  }

  /** The first column of the first row: for pragmas and counts. */
  value(sql: string): SqlValue | undefined {
    return this.prepare(sql).get()?.[0];
  }

  /** Runs `work` in one transaction that took the write lock at its start; rolled back when `work` throws. */
  transaction<Result>(work: () => Result): Result {
    this.#begin.all();
    try {
      const result = work();
      this.#commit.all();
      return result;
    } catch (error) {
      // Some errors, such as a full disk, have rolled it back already.
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
  }

  /** Runs `work`, whose reads all see the same moment. Writers go on meanwhile. */
  snapshot<Result>(work: () => Result): Result {
    this.#connection.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#connection.exec('COMMIT');
    }
  }

  /** Harmless when it is closed already. */
  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }
}

/** SQLITE_BUSY, https://sqlite.org/rescode.html: another connection holds the lock. */
const PRIMARY_CODE_BUSY = 5;

/** Whether a statement gave up because another connection holds the lock. */
export function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  // The low byte of an extended result code is the primary one.
  return (error.errcode & 0xff) === PRIMARY_CODE_BUSY;
}
