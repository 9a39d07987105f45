import type { Unit, UnitRun } from './encoding.ts';

/** The encoded events of a log's tail, which a group of readers shares. */
export class EncodedTail {
  /** Of events that were encoded one by one. */
  readonly #units = new Map<number, readonly Unit[]>();
  /** Oldest first. */
  readonly #runs: UnitRun[] = [];
  #startSeq: number;

  /** @param startSeq the tail's first event */
  constructor(startSeq: number) {
    this.#startSeq = startSeq;
  }

  /** The units of an event; undefined: it was not encoded, or is not of the tail any more. */
  find(seq: number): readonly Unit[] | undefined {
    const units = this.#units.get(seq);
    if (units !== undefined) return units;
    const run = this.#runs.findLast(({ firstSeq }) => firstSeq <= seq);
    if (run === undefined || run.lastSeq < seq) return undefined;
    const unit = run.unitOf(seq);
    return unit === undefined ? [] : [unit];
  }

  keep(seq: number, units: readonly Unit[]): void {
    if (seq >= this.#startSeq) this.#units.set(seq, units);
  }

  keepRun(run: UnitRun): void {
    if (run.lastSeq >= this.#startSeq) this.#runs.push(run);
  }

  /** The tail begins at `startSeq` now. */
  forgetBefore(startSeq: number): void {
    if (this.#units.size === 0) this.#startSeq = startSeq;
    for (; this.#startSeq < startSeq; this.#startSeq += 1) this.#units.delete(this.#startSeq);
    let old = 0;
    while (old < this.#runs.length && this.#runs[old]!.lastSeq < startSeq) old += 1;
    if (old > 0) this.#runs.splice(0, old);
  }
}
