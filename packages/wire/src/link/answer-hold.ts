import { RecordGap } from './record-gap.ts';

export interface AnswerHoldOptions {
  /** The longest that an answer is held, ms. */
  readonly holdMsMax: number;
}

/** A post may be late by so many round trips before it counts as one that will not come: it may have to be repaired. */
const LATE_RTTS = 1.5;
/** Whoever waited for an answer is answered at once for so many posts. */
const AT_ONCE_POSTS = 100;

/**
 * When the answers to posts (own events) go out. While posts that nobody is in a hurry about (CALM) follow each other, an
 * answer waits for the acknowledgement that is due later, so that one packet answers several. That is of use only while the
 * peer goes on posting: where the next post does not come when it should, the peer waits for the answer, and gets this one
 * and those to its next posts at once. Times are ms on one monotonic clock.
 */
export class AnswerHold {
  readonly #holdMsMax: number;
  readonly #gap = new RecordGap();
  #postMs = Number.NEGATIVE_INFINITY;
  #sinceMs: number | undefined;
  #postsSince = 0;
  #isHurried = true;
  #atOncePosts = 0;

  constructor({ holdMsMax }: AnswerHoldOptions) {
    this.#holdMsMax = holdMsMax;
  }

  /** New posts have come in a packet. */
  posted(nowMs: number, isCalm: boolean): void {
    this.#gap.sent(nowMs);
    this.#postMs = nowMs;
    this.#postsSince += 1;
    if (!isCalm) this.#isHurried = true;
    if (this.#atOncePosts > 0) this.#atOncePosts -= 1;
  }

  /** Whether answers that could go out are to wait still. Asked when there are some, and when `dueMs` has come. */
  holds(nowMs: number, roundTripMs: number): boolean {
    if (this.#isHurried || this.#atOncePosts > 0 || this.#gap.ms > this.#holdMsMax) return false;
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      this.#postsSince = 0;
    }
    return nowMs < this.#dueMs(roundTripMs);
  }

  /** When those that wait go out at the latest; undefined while none do. */
  dueMs(roundTripMs: number): number | undefined {
    return this.#sinceMs === undefined ? undefined : this.#dueMs(roundTripMs);
  }

  /** All answers went out. */
  told(nowMs: number, roundTripMs: number): void {
    const sinceMs = this.#sinceMs;
    this.#sinceMs = undefined;
    this.#isHurried = false;
    if (sinceMs === undefined) return;
    const isMissing = nowMs >= this.#expectedMs(roundTripMs);
    if (isMissing || (this.#postsSince === 0 && nowMs - sinceMs > this.#gap.ms)) this.#atOncePosts = AT_ONCE_POSTS;
  }

  #dueMs(roundTripMs: number): number {
    return Math.min(this.#sinceMs! + this.#holdMsMax, this.#expectedMs(roundTripMs));
  }

  /** When the next post should have come. */
  #expectedMs(roundTripMs: number): number {
    return this.#postMs + this.#gap.ms + LATE_RTTS * roundTripMs;
  }
}
