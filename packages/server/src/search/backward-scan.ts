import { EventKind, type FoundMessage, matchesQuery, type RoomEvent, type SearchAsk } from '@confab/core';
import { wordsOfBody } from './body-words.ts';

/**
 * Looks at a room's events one by one from the newest to the oldest. Edits and withdrawals come after what they name, so
 * that a message is told from its newest text without a second look.
 */
export class BackwardScan {
  readonly #ask: SearchAsk;
  /** What messages that are still to come have become: the body of the newest edit; undefined: withdrawn. */
  readonly #changes = new Map<number, Uint8Array | undefined>();

  constructor(ask: SearchAsk) {
    this.#ask = ask;
  }

  /** @returns the message, when this event is one that is found */
  look(event: RoomEvent): FoundMessage | undefined {
    const { kind, seq, target, body } = event;
    if (target !== undefined && kind === EventKind.DELETE) this.#changes.set(target, undefined);
    else if (target !== undefined && kind === EventKind.EDIT && !this.#changes.has(target)) {
      this.#changes.set(target, body);
    }
    if (kind !== EventKind.MESSAGE) return undefined;
    const isChanged = this.#changes.has(seq);
    const newest = isChanged ? this.#changes.get(seq) : body;
    this.#changes.delete(seq);
    if (newest === undefined || seq >= this.#ask.beforeSeq) return undefined;
    if (!matchesQuery(this.#ask.query, wordsOfBody(newest))) return undefined;
    return { event: isChanged ? { ...event, body: newest } : event, isEdited: isChanged };
  }
}
