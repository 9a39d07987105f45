/** Messages that wait for the server to send them back, which is how this wire confirms them. */
export interface OutstandingMessage {
  readonly confirm: () => void;
  readonly fail: (error: unknown) => void;
  /** The part that has not come back yet: a long message comes back in pieces. */
  rest: string;
  readonly isLong: boolean;
}

/**
 * Matches what comes back from the server under one's own name with what was sent. Datagrams may be lost, so a message
 * further on may come back before an earlier one.
 */
export class Outstanding {
  readonly #messages = new Set<OutstandingMessage>();

  get size(): number {
    return this.#messages.size;
  }

  add(
    text: string,
    isLong: boolean,
    { confirm, fail }: Pick<OutstandingMessage, 'confirm' | 'fail'>,
  ): OutstandingMessage {
    const message = { rest: text, isLong, confirm, fail };
    this.#messages.add(message);
    return message;
  }

  /** Wait no longer for this message. */
  drop(message: OutstandingMessage): void {
    this.#messages.delete(message);
  }

  /** Nothing will come back any more. */
  failAll(error: unknown): void {
    for (const message of this.#messages) message.fail(error);
    this.#messages.clear();
  }

  /** Whether `text` is one of our own messages, or a piece of one, coming back. */
  match(text: string): 'confirmed' | 'piece' | undefined {
    for (const message of this.#messages) {
      if (message.rest === text) {
        this.#messages.delete(message);
        message.confirm();
        return 'confirmed';
      }
      if (message.isLong && text !== '' && message.rest.startsWith(text)) {
        message.rest = message.rest.slice(text.length);
        return 'piece';
      }
    }
    return undefined;
  }
}
