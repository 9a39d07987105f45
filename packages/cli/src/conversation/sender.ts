import type { Session } from '@confab/client';
import { codeOf, reasonOf } from '../failure.ts';
import { excerpt } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import { Pace } from './pace.ts';
import { renderMessage } from './render.ts';

/** Not sent for what they are: to be corrected, not repeated. */
const correctable = new Set(['MESSAGE_TOO_LONG', 'MESSAGE_RESERVED']);
/** Codes with which it is certain that nobody has seen the message. */
const unsent = new Set([...correctable, 'SESSION_CLOSED']);

/**
 * Sends what is typed, and tells of what did not go through; nothing is lost unseen.
 *
 * What scripts pipe in goes out one line after the other, each when the one before it is settled: datagrams may overtake
 * each other, and lines of a file must not. People's lines go out at once.
 */
export class Sender {
  readonly #session: Session;
  readonly #screen: Screen;
  readonly #pending = new Set<Promise<void>>();
  readonly #pace = new Pace();
  /** How often each text was given to an outbox and has not come back. */
  readonly #typed = new Map<string, number>();
  #failureCount = 0;

  constructor(session: Session, screen: Screen) {
    this.#session = session;
    this.#screen = screen;
  }

  /** Messages that were not accepted or not confirmed. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** Fulfils when the next line may be read. */
  async say(text: string): Promise<void> {
    if (!this.#screen.isInteractive) {
      await this.#pace.turn();
      await this.#send(text);
      return;
    }
    const sending = this.#send(text).finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  /** Fulfils when every message is settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Whether somebody has typed here what comes back now; each time once. Otherwise it was left behind by another program. */
  takeTyped(text: string): boolean {
    const count = this.#typed.get(text) ?? 0;
    if (count > 1) this.#typed.set(text, count - 1);
    else this.#typed.delete(text);
    return count > 0;
  }

  async #send(text: string): Promise<void> {
    const { outbox } = this.#session;
    try {
      const sending = this.#session.send(text);
      if (outbox !== undefined) this.#typed.set(text, (this.#typed.get(text) ?? 0) + 1);
      await sending;
    } catch (error) {
      // It is kept, and whoever looks after the outbox tells what becomes of it.
      if (outbox !== undefined && codeOf(error) === 'SEND_UNCERTAIN') return;
      this.takeTyped(text);
      this.#failureCount += 1;
      await this.#tell(text, error);
      return;
    }
    // A wire that confirms sends our own messages back as events, in their place among the others.
    if (!this.#screen.isInteractive && !this.#session.isConfirming) {
      await this.#screen.print(renderMessage(this.#session.user, text));
    }
  }

  async #tell(text: string, error: unknown): Promise<void> {
    const code = codeOf(error) ?? '';
    const reason = reasonOf(error).replace(/^Cannot send: /, '');
    const isBack = correctable.has(code) && this.#screen.restoreLine(text);
    const which = isBack ? '' : `: "${excerpt(text)}"`;
    const verdict = unsent.has(code) ? 'Not sent: ' : reason.startsWith('Not confirmed') ? '' : 'Not confirmed: ';
    await this.#screen.printStatus(`! ${verdict}${reason}${which}`);
  }
}
