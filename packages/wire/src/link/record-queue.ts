import type { OutgoingRecord } from './outgoing-record.ts';

/** Records in the order in which they were put in; taking the first costs the same however many there are. */
export class RecordQueue {
  readonly #records: (OutgoingRecord | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#records.length - this.#head;
  }

  push(record: OutgoingRecord): void {
    this.#records.push(record);
  }

  /** The first one that is not done; those before it are dropped. */
  peek(): OutgoingRecord | undefined {
    while (this.#head < this.#records.length) {
      const record = this.#records[this.#head]!;
      if (!record.isDone) return record;
      this.shift();
    }
    return undefined;
  }

  shift(): void {
    this.#records[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#records.length) this.clear();
    else if (this.#head >= 256 && this.#head * 2 >= this.#records.length) {
      this.#records.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Put another one in the place of the first. */
  replaceFirst(record: OutgoingRecord): void {
    this.#records[this.#head] = record;
  }

  clear(): void {
    this.#records.length = 0;
    this.#head = 0;
  }
}
