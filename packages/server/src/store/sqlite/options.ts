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
  /** How long a statement waits for a stray writer (somebody's SQLite shell), ms. Then the batch fails. Default: `BUSY_TIMEOUT_MS`. */
  readonly busyTimeoutMs?: number | undefined;
  /** For tests, which want to see with few events what otherwise takes many. */
  readonly fold?: FoldBounds | undefined;
}

/** When recent events are folded into segments, and how much at a time. All at least 1. */
export interface FoldBounds {
  /** Recent events, or bytes of them, that are folded together. They are held in memory until that is done. */
  readonly foldEvents: number;
  readonly foldBytes: number;
  /** So many times as much must not wait: a commit then folds first, and fails when that fails (a full disk). */
  readonly backlog: number;
  /** Longest segment, in events and bytes; one event may be longer. A page of history reads whole segments. */
  readonly segmentEvents: number;
  readonly segmentBytes: number;
  /** Most that one transaction of a fold writes: rooms (or rows it deletes) and events. */
  readonly sliceRooms: number;
  readonly sliceEvents: number;
}

/** How far the journal goes ahead of the database, and what makes it stand back. */
export interface JournalBounds {
  /** Events are given to the database after so long, ms, or as soon as there are so many bytes of them. */
  readonly handOverMs: number;
  readonly handOverBytes: number;
  /** Records that the journal holds at most; a batch beyond that waits for the database, which is behind, or is a long one. */
  readonly bytesMax: number;
  /**
   * The disk may hold writes up for so long at once, ms (what goes beyond 1 ms of each), and for that share of the time. Then,
   * and after a write that failed, everything waits for the database instead, for `pauseMs`.
   */
  readonly stallMs: number;
  readonly stallShare: number;
  readonly pauseMs: number;
}

export const JOURNAL_BOUNDS: JournalBounds = {
  handOverMs: 20,
  handOverBytes: 128 * 1024,
  bytesMax: 1024 * 1024,
  stallMs: 200,
  stallShare: 0.05,
  pauseMs: 5_000,
};

export const FOLD_BOUNDS: FoldBounds = {
  foldEvents: 16_384,
  foldBytes: 4 * 1024 * 1024,
  backlog: 4,
  segmentEvents: 128,
  segmentBytes: 16 * 1024,
  sliceRooms: 64,
  sliceEvents: 1024,
};

/** The log, inside its data folder. SQLite keeps `-wal` and `-shm` files beside it while it is open. */
export const LOG_FILE = 'confab.db';
/** Acknowledged events that the database may lack. There while a server runs, and after one was killed. */
export const JOURNAL_FILE = 'confab.journal';
/** A journal that the next server reads; it is put aside first, so that whoever still writes to it finds out. */
export const JOURNAL_TAKEN_FILE = 'confab.journal.taken';
/** Held locked by the process that may write the log. Empty. */
export const LOCK_FILE = 'confab.lock';

export const BUSY_TIMEOUT_MS = 5_000;
/** Pages of 4096 bytes in the write-ahead log before they are moved into the database: 4 MiB. */
export const WAL_PAGES_MAX = 1_024;
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
