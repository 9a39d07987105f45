/** Counts what comes in one room, where messages are numbered from 0. */
export class Tally {
  delivered = 0;
  doubled = 0;
  outOfOrder = 0;
  readonly latenciesUs: number[] = [];
  readonly sentUs: number[] = [];
  readonly #indices: number[] = [];
  readonly #seen = new Set<number>();
  #highest = -1;

  note(index: number, sentUs: number, nowUs: number): void {
    if (this.#seen.has(index)) {
      this.doubled += 1;
      return;
    }
    this.#seen.add(index);
    this.delivered += 1;
    if (index < this.#highest) this.outOfOrder += 1;
    else this.#highest = index;
    this.#indices.push(index);
    this.latenciesUs.push(nowUs - sentUs);
    this.sentUs.push(sentUs);
  }

  /** Latencies, and when each was said, of the messages from this number on. */
  measured(from: number): { readonly latenciesUs: number[]; readonly sentUs: number[] } {
    const isMeasured = (_: number, at: number): boolean => this.#indices[at]! >= from;
    return { latenciesUs: this.latenciesUs.filter(isMeasured), sentUs: this.sentUs.filter(isMeasured) };
  }
}
