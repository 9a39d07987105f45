import { readFileSync } from 'node:fs';

/**
 * When a commit is on the disk. Both survive the death of the process. `normal`: the operating system has it; a power
 * failure may cut the newest events off, which shows as a new epoch. `full`: the disk has it, at one flush a commit.
 */
export type Synchronous = 'normal' | 'full';

/** What the worker needs to open the log. Sent to it, so plain data only. */
export interface LogOptions {
  /** As the user named it; messages quote it. */
  readonly directory: string;
  readonly synchronous: Synchronous;
  readonly bootId: string | undefined;
  /** Largest size of the database file, bytes; undefined: what the disk holds. A commit beyond it fails. */
  readonly fileBytesMax?: number | undefined;
}

/** The log, inside its data folder. SQLite keeps `-wal` and `-shm` files beside it while it is open. */
export const LOG_FILE = 'confab.db';
/** Held locked by the process that may write the log. Empty. */
export const LOCK_FILE = 'confab.lock';

/** How long a statement waits for a stray writer (somebody's SQLite shell), ms. Then the batch fails. */
export const BUSY_TIMEOUT_MS = 5_000;
/** Pages of 4096 bytes in the write-ahead log before they are moved into the database: 16 MiB. */
export const WAL_PAGES_MAX = 4_096;
/** What the write-ahead log is cut back to after a long reader made it grow, bytes. */
export const WAL_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** Database pages kept in memory, KiB. */
export const CACHE_KIB = 16 * 1024;

/** Linux's id of the current boot; undefined on a system that has none. */
export function readBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
