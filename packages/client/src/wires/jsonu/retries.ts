import type { JsonId } from '@confab/wire/json';

export interface RetriesOptions {
  /** First wait for an acknowledgement, ms; doubled each time. */
  readonly baseDelayMs: number;
  /** Times that a request is sent again. */
  readonly maxRetries: number;
}

interface Pending {
  readonly transmit: () => void;
  readonly settle: (outcome: RetryOutcome) => void;
  sends: number;
  dueMs: number;
}

/** *acked*; or *silent*: sent as often as allowed, and no acknowledgement came. */
export type RetryOutcome = 'acked' | 'silent';

/** Sends requests until they are acknowledged, ever more slowly. Time is an argument; early calls are harmless. */
export class Retries {
  readonly #options: RetriesOptions;
  readonly #pending = new Map<JsonId, Pending>();

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pending.size;
  }

  start(nowMs: number, id: JsonId, transmit: () => void, settle: (outcome: RetryOutcome) => void): void {
    this.#pending.set(id, { transmit, settle, sends: 1, dueMs: nowMs + this.#options.baseDelayMs });
    transmit();
  }

  /** False for an id that nobody waits for (any more). */
  acked(id: JsonId): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) return false;
    this.#pending.delete(id);
    pending.settle('acked');
    return true;
  }

  /** Nobody waits for this one any more; it is not settled. */
  drop(id: JsonId): void {
    this.#pending.delete(id);
  }

  /** What was in vain until now would not be any more: begin again at once, with the first delay. */
  restart(nowMs: number): void {
    for (const pending of this.#pending.values()) {
      pending.sends = 0;
      pending.dueMs = nowMs;
    }
  }

  nextTimeoutMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#pending.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }

  onTimeout(nowMs: number): void {
    const { baseDelayMs, maxRetries } = this.#options;
    for (const [id, pending] of this.#pending) {
      if (pending.dueMs > nowMs) continue;
      if (pending.sends > maxRetries) {
        this.#pending.delete(id);
        pending.settle('silent');
        continue;
      }
      pending.transmit();
      pending.dueMs = nowMs + baseDelayMs * 2 ** pending.sends;
      pending.sends += 1;
    }
  }
}
