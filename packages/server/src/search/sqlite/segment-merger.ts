import type { IndexDatabase } from './index-database.ts';

/** Pages that are written in one transaction: about as long as a batch takes. */
const SLICE_PAGES = 16;
/** Segments of one size that are made into one of the next size while more are being added. */
const MERGED_SEGMENTS = 4;
/** Segments, of all sizes, that are kept when nothing else is to be done; every look into the index goes through all of them. */
const IDLE_SEGMENTS_MAX = 8;
const IDLE_MERGED_SEGMENTS = 2;

/**
 * Keeps FTS5's segments few: each transaction makes one. Left to itself (`automerge`), FTS5 merges within the transactions that
 * add rows, at times for 100 ms, which a search would have to wait for.
 * @see https://sqlite.org/fts5.html#the_merge_command
 */
export class SegmentMerger {
  readonly #index: IndexDatabase;
  /** As written in the index; undefined: not known. */
  #mergedSegments: number | undefined;
  #isDue = true;
  #isIdleDue = true;

  constructor(index: IndexDatabase) {
    this.#index = index;
  }

  /** Nothing is to be done before more rows come, or before all else is done. */
  get isSettled(): boolean {
    return !this.#isDue;
  }

  /** Nothing is to be done before more rows come. */
  get isIdle(): boolean {
    return !this.#isDue && !this.#isIdleDue;
  }

  /** Rows were added, or deleted. */
  grew(): void {
    this.#isDue = true;
    this.#isIdleDue = true;
  }

  /** Merge a little. Nothing to do: harmless. */
  step(): void {
    if (this.#isDue) this.#isDue = this.#merge(MERGED_SEGMENTS);
    else if (this.#isIdleDue) {
      this.#isIdleDue = this.#index.countSegments() > IDLE_SEGMENTS_MAX && this.#merge(IDLE_MERGED_SEGMENTS);
    }
  }

  /** @returns whether there may be more to do */
  #merge(mergedSegments: number): boolean {
    const { database, setOption, totalChanges } = this.#index;
    return database.transaction(() => {
      if (mergedSegments !== this.#mergedSegments) setOption('usermerge', mergedSegments);
      this.#mergedSegments = mergedSegments;
      const before = totalChanges();
      setOption('merge', SLICE_PAGES);
      // The command itself counts as one.
      return totalChanges() - before > 1;
    });
  }
}
