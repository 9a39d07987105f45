import type { Hub } from '@confab/core';
import { byCodePoint, encodeJsonRooms } from '@confab/wire/json';

/** Up to so many rooms a list is always made anew when something has happened: that costs well under a millisecond. */
const FRESH_ROOMS_MAX = 1000;
/** A longer list is used for so many times the time it took to make, so that asking for it cannot keep the server busy. */
const AGE_PER_COST = 10;

/** What stands for the counter in a text that is kept; the longest one, so that any other fits. */
const SEQ = Number.MAX_SAFE_INTEGER;
const BEFORE_SEQ = '],"seq":';

/** The rooms that can be joined, in the order of their code points, as the JSON wires and the HTTP API tell them. */
export class RoomList {
  readonly #hub: Hub;
  #names: readonly string[] = [];
  #text: { readonly head: string; readonly tail: string } | undefined;
  /** Position and number of rooms for which the list was made. */
  #madeFor = '';
  #staleAtMs = 0;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  get names(): readonly string[] {
    const madeFor = `${this.#hub.position} ${this.#hub.roomCount}`;
    if (madeFor === this.#madeFor) return this.#names;
    const { clock } = this.#hub;
    const nowMs = clock.monotonicMs();
    if (this.#names.length > FRESH_ROOMS_MAX && nowMs < this.#staleAtMs) return this.#names;
    this.#names = this.#hub.roomNames().sort(byCodePoint);
    this.#text = undefined;
    this.#madeFor = madeFor;
    const endMs = clock.monotonicMs();
    this.#staleAtMs = endMs + AGE_PER_COST * (endMs - nowMs);
    return this.#names;
  }

  /** `{"type":"rooms",…}` with the current counter. */
  get text(): string {
    const { names } = this;
    this.#text ??= split(encodeJsonRooms(names, SEQ));
    return `${this.#text.head}${this.#hub.position}${this.#text.tail}`;
  }
}

function split(text: string): { head: string; tail: string } {
  // Quotes in names are escaped, so the last place that looks like this is the one.
  const seqAt = text.lastIndexOf(BEFORE_SEQ) + BEFORE_SEQ.length;
  return { head: text.slice(0, seqAt), tail: text.slice(seqAt + String(SEQ).length) };
}
