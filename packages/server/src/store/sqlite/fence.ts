import { storeFenced } from '../failure.ts';
import type { Database, Statement } from './database.ts';

export const FENCED_TEXT = 'Another process has taken the database of this data folder and writes to it';

/** What must hold as long as nobody else writes. */
export interface FenceChecks {
  /** Whether the lock is still the one that this process took. */
  isLockOurs(): boolean;
  /** Whether the log ends where this process left it. */
  isEndOurs(): boolean;
}

/**
 * Finds out, within a transaction, whether another connection has written since the last one: then two processes number the
 * same logs, and the one that finds out must stop. The folder's lock keeps them apart where it works; it does not when its
 * file was removed, or on a network file system without locks.
 *
 * A lock file that is no longer ours tells before the other process has written anything. Where all have the same file, SQLite
 * tells for next to nothing whether anybody else has changed the database (PRAGMA data_version); that may also have been a
 * checkpoint which somebody forced, so the end of the log is looked at before it is called a fault.
 */
export class Fence {
  readonly #version: Statement;
  readonly #checks: FenceChecks;
  #seen: number;
  #isBroken = false;

  constructor(database: Database, checks: FenceChecks) {
    this.#version = database.prepare('PRAGMA data_version');
    this.#checks = checks;
    this.#seen = this.#read();
  }

  /** Whether somebody else was found to write. Once so, it stays so. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** @throws {CoreError} STORE_FENCED */
  check(): void {
    const version = this.#read();
    this.#isBroken ||= !this.#checks.isLockOurs() || (version !== this.#seen && !this.#checks.isEndOurs());
    if (this.#isBroken) throw storeFenced(FENCED_TEXT);
    this.#seen = version;
  }

  #read(): number {
    return Number(this.#version.get()?.[0]);
  }
}
