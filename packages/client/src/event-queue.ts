import type { MissedEvent } from './session.ts';

/**
 * Events on their way to one asynchronous reader. Holds at most `max`: a program that does not read loses the oldest and
 * is told how many, instead of growing without end.
 */
export class EventQueue<Event> {
  readonly #max: number;
  #events: Event[] = [];
  #missed = 0;
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  push(event: Event): void {
    if (this.#isEnded) return;
    if (this.#events.length >= this.#max) {
      this.#events.shift();
      this.#missed += 1;
    }
    this.#events.push(event);
    this.#wake?.();
  }

  /** Nothing follows `event`. */
  end(event: Event): void {
    this.push(event);
    this.#isEnded = true;
    this.#wake?.();
  }

  async *read(signal?: AbortSignal): AsyncGenerator<Event | MissedEvent, undefined> {
    const wake = (): void => this.#wake?.();
    signal?.addEventListener('abort', wake);
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#missed > 0) {
          const count = this.#missed;
          this.#missed = 0;
          yield { type: 'missed', count };
        } else if (this.#events.length > 0) {
          const batch = this.#events;
          this.#events = [];
          let taken = 0;
          try {
            for (const event of batch) {
              signal?.throwIfAborted();
              taken += 1;
              yield event;
            }
          } finally {
            // A reader that stops in the middle leaves the rest for the next one.
            if (taken < batch.length) this.#events = [...batch.slice(taken), ...this.#events];
          }
        } else if (this.#isEnded) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }
}
