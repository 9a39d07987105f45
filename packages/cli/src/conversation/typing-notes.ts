import type { Session, SessionEvent } from '@confab/client';
import { excerpt, sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';

/** How often the others are told that somebody goes on typing, ms. */
export const TELL_MS = 3000;
/** Who has not said so again for so long is not typing any more, ms: one of two may get lost. */
export const BELIEVE_MS = 6000;
/** Who is typing is remembered for so many; of more there is no use telling. */
const TYPISTS_MAX = 100;
/** Names that are shown; of more only how many they are. */
const NAMES_MAX = 2;
const NAME_CHARACTERS_MAX = 20;

export interface TypingNotesOptions {
  readonly session: Session;
  readonly screen: Pick<Screen, 'setPrompt' | 'onLineChange'>;
  /** Monotonic ms. */
  readonly nowMs?: () => number;
  /** Runs a task later; returns what cancels it. */
  readonly later?: (delayMs: number, task: () => void) => () => void;
}

/** Tells the others while a line is typed here, and shows in the prompt who is typing there. */
export class TypingNotes {
  readonly #options: Required<TypingNotesOptions>;
  readonly #prompt: string;
  readonly #stopListening: () => void;
  /** By name: what forgets it. */
  readonly #typists = new Map<string, () => void>();
  #toldMs: number | undefined;

  constructor({ nowMs = () => performance.now(), later = runLater, ...options }: TypingNotesOptions) {
    this.#options = { nowMs, later, ...options };
    this.#prompt = `${sanitizeName(options.session.user)}> `;
    options.screen.setPrompt(this.#prompt);
    this.#stopListening = options.session.abilities.has('typing')
      ? options.screen.onLineChange((line) => this.#typed(line))
      : () => {};
  }

  /** Call it for each event. */
  note(event: SessionEvent): void {
    if (event.type === 'message') this.#forget(event.user);
    // Nobody of the room that was left is seen typing any more.
    if (event.type === 'entered') for (const user of [...this.#typists.keys()]) this.#forget(user);
    if (event.type !== 'typing') return;
    this.#typists.get(event.user)?.();
    this.#typists.delete(event.user);
    if (event.isTyping && this.#typists.size < TYPISTS_MAX) {
      this.#typists.set(
        event.user,
        this.#options.later(BELIEVE_MS, () => this.#forget(event.user)),
      );
    }
    this.#show();
  }

  stop(): void {
    this.#stopListening();
    for (const cancel of this.#typists.values()) cancel();
    this.#typists.clear();
  }

  #forget(user: string): void {
    this.#typists.get(user)?.();
    if (this.#typists.delete(user)) this.#show();
  }

  /** Commands are nobody's business. */
  #typed(line: string): void {
    const { session, nowMs } = this.#options;
    const isSaying = line.trim() !== '' && (!line.startsWith('/') || line.startsWith('//'));
    if (!isSaying) {
      if (this.#toldMs !== undefined) session.typing(false);
      this.#toldMs = undefined;
    } else if (this.#toldMs === undefined || nowMs() - this.#toldMs >= TELL_MS) {
      this.#toldMs = nowMs();
      session.typing(true);
    }
  }

  #show(): void {
    const names = [...this.#typists.keys()].map((name) => excerpt(sanitizeName(name), NAME_CHARACTERS_MAX));
    const who = names.length > NAMES_MAX ? `${names.length} people` : names.join(' and ');
    const note = names.length === 0 ? '' : `(${who} ${names.length === 1 ? 'is' : 'are'} typing) `;
    this.#options.screen.setPrompt(note + this.#prompt);
  }
}

function runLater(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(task, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
}
