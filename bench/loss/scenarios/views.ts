import type { PosterView } from '../agent/protocol.ts';

/** What is wrong with what some clients saw of one room; all zero when nothing is. */
export interface ViewsVerdict {
  readonly accepted: number;
  /** Accepted messages that somebody did not see, counted for each who did not. */
  readonly missing: number;
  /** Messages that somebody saw under two numbers. */
  readonly doubled: number;
  /** Numbers under which two clients saw different messages, or a client two; and numbers that did not rise. */
  readonly contradictions: number;
}

/** Everybody was in the room before the first message and is to have seen each accepted one once, in the same order. */
export function judgeViews(views: readonly PosterView[]): ViewsVerdict {
  const accepted = views.flatMap((view) => view.accepted);
  const byNumber = new Map<number, string>();
  let missing = 0;
  let doubled = 0;
  let contradictions = 0;
  for (const view of views) {
    const texts = new Set(view.seen.map(([, text]) => text));
    missing += accepted.filter((text) => !texts.has(text)).length;
    doubled += view.seen.length - texts.size;
    contradictions += view.contradictions;
    for (const [seq, text] of view.seen) {
      const known = byNumber.get(seq);
      if (known === undefined) byNumber.set(seq, text);
      else if (known !== text) contradictions += 1;
    }
  }
  return { accepted: accepted.length, missing, doubled, contradictions };
}
