import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CoreError } from '@confab/core';
import { reasonOf, storeFailed } from '../failure.ts';
import { Database, isBusy } from './database.ts';
import { LOCK_FILE, LOG_FILE } from './options.ts';

/** A data folder that this process alone may write. */
export interface DataFolder {
  /** Path of the log. */
  readonly file: string;
  /** Whether the lock still stands for the folder: not when its file was removed, or another one put in its place. */
  isOurs(): boolean;
  release(): void;
}

/**
 * Make the folder if it is missing (its owner alone may enter) and take its lock, which vanishes with the process
 * however that ends.
 *
 * The lock is SQLite's own exclusive one, on an empty file beside the log: the log itself stays open to readers.
 * @throws {CoreError} STORE_FAILED when another process has the lock, or the folder cannot be made or written
 */
export function claimDataFolder(directory: string): DataFolder {
  const file = join(directory, LOG_FILE);
  const lockFile = join(directory, LOCK_FILE);
  return explained(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    createPrivate(lockFile);
    const lock = new Database(lockFile, { busyTimeoutMs: 0 });
    try {
      // Nothing is ever written, so no journal need lie beside it for a killed process to leave behind.
      lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      createPrivate(file);
    } catch (error) {
      lock.close();
      if (!isBusy(error)) throw error;
      throw storeFailed(
        `Data folder "${directory}" is in use by another confab; stop it or choose another with --data`,
        error,
      );
    }
    const taken = statSync(lockFile);
    const isOurs = (): boolean => {
      const now = statSync(lockFile, { throwIfNoEntry: false });
      return now !== undefined && now.ino === taken.ino && now.dev === taken.dev;
    };
    return { file, isOurs, release: () => lock.close() };
  });
}

/** Runs `work`; whatever it throws comes out as a CoreError that says what to do. */
export function explained<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof CoreError) throw error;
    throw storeFailed(
      `Cannot use data folder "${directory}": ${reasonOf(error)}; make it readable and writable or choose another with --data`,
      error,
    );
  }
}

/**
 * An empty file for its owner alone; SQLite gives its `-wal` and `-shm` files the same permissions. A file that exists is
 * not even opened: closing it again would drop every lock that this process has on it (POSIX).
 */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
