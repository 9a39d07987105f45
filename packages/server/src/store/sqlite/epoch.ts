import type { Database } from './database.ts';
import type { Synchronous } from './options.ts';
import type { Statements } from './statements.ts';

export interface Epoch {
  readonly epoch: number;
  /** Position of the newest event when the epoch began; 0 for an empty log. */
  readonly startPosition: number;
}

export interface Run {
  readonly synchronous: Synchronous;
  /** Changes with every start of the machine; undefined: cannot be told. */
  readonly bootId: string | undefined;
  readonly nowMs: number;
}

type StateRow = [
  lastRoomId: number,
  lastMemberId: number,
  wasClosed: number,
  synchronous: string,
  bootId: string | null,
];

/**
 * Open the log for another run: find out whether the last one may have lost its end, and begin a new epoch if so.
 *
 * SQLite in WAL mode with `synchronous=NORMAL` writes every commit to the operating system, but forces it to the disk
 * only now and then. A process that dies loses nothing; a machine that dies may. So the log may have been cut when the
 * last run neither closed it nor wrote through, and the machine has been started since, as far as one can tell.
 */
export function beginRun(database: Database, statements: Statements, run: Run): Epoch {
  return writtenThrough(database, run.synchronous, () => {
    const last = statements.state.get() as StateRow | undefined;
    const epoch = statements.epoch.get() as [epoch: number, startPosition: number] | undefined;
    statements.beginRun.run(run.synchronous, run.bootId ?? null);
    if (last !== undefined && epoch !== undefined && !mayHaveBeenCut(last, run.bootId)) {
      return { epoch: epoch[0], startPosition: epoch[1] };
    }
    const startPosition = Number(statements.lastPosition.get()?.[0] ?? 0);
    const next = { epoch: (epoch?.[0] ?? 0) + 1, startPosition };
    statements.insertEpoch.run(next.epoch, startPosition, run.nowMs, run.bootId ?? null);
    return next;
  });
}

/** Note that the log is complete on disk, down to its last event. */
export function endRun(database: Database, statements: Statements, synchronous: Synchronous): void {
  writtenThrough(database, synchronous, () => statements.endRun.run());
}

function mayHaveBeenCut([, , wasClosed, synchronous, bootId]: StateRow, currentBootId: string | undefined): boolean {
  if (wasClosed === 1 || synchronous === 'full') return false;
  return currentBootId === undefined || bootId !== currentBootId;
}

/**
 * One transaction that is on the disk when it returns, and all before it with it, whatever the mode of the run: were the
 * mark "this run is open" lost together with the events that it stands for, their loss would go unseen.
 */
function writtenThrough<Result>(database: Database, synchronous: Synchronous, work: () => Result): Result {
  database.exec('PRAGMA synchronous = FULL');
  try {
    return database.transaction(work);
  } finally {
    database.exec(`PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
  }
}
