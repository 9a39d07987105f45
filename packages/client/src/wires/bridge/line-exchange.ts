/** Lines under way at the same time. */
const WINDOW = 32;
/** Lines kept that came before an earlier one. */
const EARLY_MAX = 64;

interface SentLine {
  readonly id: number;
  readonly text: string;
  /** When it is sent (again), ms. */
  dueMs: number;
  /** The wait after that, ms. */
  delayMs: number;
}

export interface LineExchangeTimes {
  /** First wait for an acknowledgement, doubled each time … */
  readonly resendMs: number;
  /** … up to this. */
  readonly resendMsMax: number;
}

/**
 * Lines in both directions, each exactly once and in order, over ways that lose, repeat and reorder. No clock: time is an
 * argument, ms.
 */
export class LineExchange {
  readonly #times: LineExchangeTimes;
  #nextId = 1;
  readonly #sent: SentLine[] = [];
  /** All up to this one have come. */
  #received = 0;
  readonly #early = new Map<number, string>();

  constructor(times: LineExchangeTimes) {
    this.#times = times;
  }

  /** Lines that are not acknowledged. */
  get unackedCount(): number {
    return this.#sent.length;
  }

  /** Acknowledges all lines up to it. */
  get receivedId(): number {
    return this.#received;
  }

  /** Take a line to be sent; it is due at once. Returns its number. */
  add(nowMs: number, text: string): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#sent.push({ id, text, dueMs: nowMs, delayMs: this.#times.resendMs });
    return id;
  }

  /** Lines to be sent now. */
  takeDue(nowMs: number): { id: number; text: string }[] {
    const due = this.#sent.slice(0, WINDOW).filter(({ dueMs }) => dueMs <= nowMs);
    for (const line of due) {
      line.dueMs = nowMs + line.delayMs;
      line.delayMs = Math.min(2 * line.delayMs, this.#times.resendMsMax);
    }
    return due;
  }

  /** There is a new way: what is not acknowledged goes out again at once. */
  hurry(nowMs: number): void {
    for (const line of this.#sent) {
      line.dueMs = nowMs;
      line.delayMs = this.#times.resendMs;
    }
  }

  nextDueMs(): number | undefined {
    const window = this.#sent.slice(0, WINDOW);
    return window.length === 0 ? undefined : Math.min(...window.map(({ dueMs }) => dueMs));
  }

  /** The other one has all lines up to `id`. Returns the numbers that were not acknowledged before. */
  acknowledge(id: number): number[] {
    const acked: number[] = [];
    while (this.#sent[0] !== undefined && this.#sent[0].id <= id) acked.push(this.#sent.shift()!.id);
    return acked;
  }

  /** A line came. Returns the texts that are now complete in their order. */
  receive(id: number, text: string): string[] {
    if (id <= this.#received || id > this.#received + EARLY_MAX) return [];
    this.#early.set(id, text);
    const texts: string[] = [];
    for (;;) {
      const next = this.#early.get(this.#received + 1);
      if (next === undefined) return texts;
      this.#received += 1;
      this.#early.delete(this.#received);
      texts.push(next);
    }
  }
}
