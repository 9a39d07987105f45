import type { RetriesOptions } from './retries.ts';

/** Says, again and ever more slowly, something that needs no answer of its own, until it has had its effect. */
export class Nudges {
  readonly #options: RetriesOptions;
  readonly #nudge: () => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #count = 0;

  constructor(options: RetriesOptions, nudge: () => void) {
    this.#options = options;
    this.#nudge = nudge;
  }

  start(nowMs: number): void {
    this.#count = 0;
    this.#dueMs = nowMs + this.#options.baseDelayMs;
  }

  stop(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  nextTimeoutMs(): number {
    return this.#dueMs;
  }

  onTimeout(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    this.#nudge();
    this.#count += 1;
    const { baseDelayMs, maxRetries } = this.#options;
    this.#dueMs = this.#count > maxRetries ? Number.POSITIVE_INFINITY : nowMs + baseDelayMs * 2 ** this.#count;
  }
}
