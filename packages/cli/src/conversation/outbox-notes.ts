import type { OutboxEvent, Session } from '@confab/client';
import { excerpt } from '../terminal/sanitize.ts';

/** Says what becomes of messages that could not be sent at once; of others nothing. */
export class OutboxNotes {
  readonly #session: Session;
  /** Numbers that were told to be queued. */
  readonly #told = new Set<number>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** A line about it, if it is worth one. */
  note({ number, state, action, text }: OutboxEvent): string | undefined {
    const what = action === 'withdrawal' ? 'a withdrawal' : `"${excerpt(text)}"`;
    if (state === 'accepted' || state === 'failed') {
      // What was refused is told by whoever has sent it.
      return this.#told.delete(number) && state === 'accepted' ? `! Sent: ${what}` : undefined;
    }
    // Most are queued for no longer than it takes to say so.
    if (state !== 'queued' || this.#told.has(number)) return undefined;
    if (this.#session.outbox?.find(number)?.state !== 'queued') return undefined;
    this.#told.add(number);
    return `! Queued, to be sent when the server is there again: ${what}`;
  }
}
