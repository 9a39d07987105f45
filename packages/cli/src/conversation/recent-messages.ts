import type { SessionEvent } from '@confab/client';

/** Messages and reactions that are remembered: what somebody edits or reacts to is mostly among the last few. */
export const RECENT_MAX = 500;

export interface RecentMessage {
  readonly seq: number;
  readonly user: string;
  readonly text: string;
  readonly isOwn: boolean;
  /** A reaction to the message of this number; undefined: a message. */
  readonly reactsTo: number | undefined;
}

/** What was said last, by number, with the newest words of each: what changes are about, and what they are shown with. */
export class RecentMessages {
  readonly #bySeq = new Map<number, RecentMessage>();

  /** Call it for each event after it was shown. */
  note(event: SessionEvent): void {
    switch (event.type) {
      case 'message':
      case 'reaction': {
        if (event.seq === undefined) return;
        const { seq, user, text, isOwn } = event;
        const reactsTo = event.type === 'reaction' ? event.target : undefined;
        this.#bySeq.set(seq, { seq, user, text, isOwn, reactsTo });
        for (const oldest of this.#bySeq.keys()) {
          if (this.#bySeq.size <= RECENT_MAX) break;
          this.#bySeq.delete(oldest);
        }
        return;
      }
      case 'edit': {
        const known = this.#bySeq.get(event.target);
        if (known !== undefined) this.#bySeq.set(event.target, { ...known, text: event.text });
        return;
      }
      case 'withdrawal':
        this.#bySeq.delete(event.target);
        return;
      default:
    }
  }

  /** Another room was entered: it has other numbers. */
  clear(): void {
    this.#bySeq.clear();
  }

  find(seq: number): RecentMessage | undefined {
    return this.#bySeq.get(seq);
  }

  /** The newest messages, oldest first; reactions are not among them. */
  last(count: number): RecentMessage[] {
    return [...this.#bySeq.values()].filter(({ reactsTo }) => reactsTo === undefined).slice(-count);
  }

  /** The newest message, of ours or of somebody else. */
  newest(isOwn: boolean): RecentMessage | undefined {
    return this.last(RECENT_MAX).findLast((message) => message.isOwn === isOwn);
  }
}
