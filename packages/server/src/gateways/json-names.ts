import type { Clock } from '@confab/core';
import { byCodePoint } from '@confab/wire/json';

/** Up to so many names a list is always made anew when something has happened: that costs well under a millisecond. */
const FRESH_NAMES_MAX = 1000;
/** A longer list is used for so many times the time it took to make, so that asking for it cannot keep the server busy. */
const AGE_PER_COST = 10;

/** What stands for the counter in a text that is kept; the longest one, so that any other fits. */
const SEQ = Number.MAX_SAFE_INTEGER;
const BEFORE_SEQ = '],"seq":';

export interface NameListOptions {
  readonly clock: Clock;
  /** Changes whenever the list may have. */
  readonly version: () => string;
  /** The names, in any order. */
  readonly read: () => readonly string[];
  /** `{…],"seq":n…}`: the JSON object that tells these names. */
  readonly encode: (names: readonly string[], seq: number) => string;
}

/** Names in the order of their code points, and the JSON text that tells them: made when they are asked for, and kept. */
export class NameList {
  readonly #options: NameListOptions;
  #names: readonly string[] = [];
  #text: { readonly head: string; readonly tail: string } | undefined;
  #madeFor: string | undefined;
  #staleAtMs = 0;

  constructor(options: NameListOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    const { clock, version, read } = this.#options;
    const madeFor = version();
    if (madeFor === this.#madeFor) return this.#names;
    const nowMs = clock.monotonicMs();
    if (this.#names.length > FRESH_NAMES_MAX && nowMs < this.#staleAtMs) return this.#names;
    this.#names = read().toSorted(byCodePoint);
    this.#text = undefined;
    this.#madeFor = madeFor;
    const endMs = clock.monotonicMs();
    this.#staleAtMs = endMs + AGE_PER_COST * (endMs - nowMs);
    return this.#names;
  }

  /** The JSON object, with this counter. */
  text(seq: number): string {
    const { names } = this;
    this.#text ??= split(this.#options.encode(names, SEQ));
    return `${this.#text.head}${seq}${this.#text.tail}`;
  }
}

function split(text: string): { head: string; tail: string } {
  // Quotes in names are escaped, so the last place that looks like this is the one.
  const seqAt = text.lastIndexOf(BEFORE_SEQ) + BEFORE_SEQ.length;
  return { head: text.slice(0, seqAt), tail: text.slice(seqAt + String(SEQ).length) };
}
