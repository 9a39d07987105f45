/** Bounds of a read: where it begins, at least 1, and how many events at most, at least 0. Both are whole numbers. */
export interface Page {
  readonly fromSeq: number;
  readonly limit: number;
}

/** What a caller asked for, made safe: SQLite reads a negative LIMIT as none, and takes no infinity or fraction. */
export function pageOf(fromSeq: number, limit: number): Page {
  return { fromSeq: whole(fromSeq, 1), limit: whole(limit, 0) };
}

function whole(value: number, min: number): number {
  if (!(value > min)) return min;
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}
