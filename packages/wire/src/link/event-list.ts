import type { LinkEvent } from './api.ts';

/** Events in the order in which they happened; taking the first costs the same however many there are. */
export class EventList {
  readonly #events: (LinkEvent | undefined)[] = [];
  #head = 0;

  push(event: LinkEvent): void {
    this.#events.push(event);
  }

  shift(): LinkEvent | undefined {
    if (this.#head === this.#events.length) return undefined;
    const event = this.#events[this.#head];
    this.#events[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#events.length) {
      this.#events.length = 0;
      this.#head = 0;
    }
    return event;
  }
}
