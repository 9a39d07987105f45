/** Weight of the newest gap: as much as RFC 9002 gives the newest round trip. */
const GAP_WEIGHT = 1 / 8;
/** What goes out within so short a time goes out at once. */
const GAP_MS_MIN = 1;
/** Longer pauses count as this: one of them says nothing about what is typed next. */
const GAP_MS_MAX = 1_000;
/** A repair takes about 1.25 round trips more than the record itself. */
const HELD_UP_RTTS = 1.5;
/** Most of those who are held up are so for a part of it only. */
const HELD_UP_POWER = 0.6;
const SHARE_MIN = 0.2;

/**
 * How far apart new records are sent. Records are handed over in order, so that one that has to be repaired after a round
 * trip holds up all that were sent since.
 */
export class RecordGap {
  #gapMs = GAP_MS_MAX;
  #lastMs: number | undefined;

  /** The time between them of late, at most 1000 ms; that before the second one. */
  get ms(): number {
    return this.#gapMs;
  }

  sent(nowMs: number): void {
    const sinceMs = nowMs - (this.#lastMs ?? Number.NEGATIVE_INFINITY);
    if (sinceMs < GAP_MS_MIN) return;
    if (this.#lastMs !== undefined) this.#gapMs += (Math.min(sinceMs, GAP_MS_MAX) - this.#gapMs) * GAP_WEIGHT;
    this.#lastMs = nowMs;
  }

  /** How much of a repair's time is left before it holds up the next record, 0.2–1: by so much fewer may be late. */
  goalShare(smoothedMs: number): number {
    return Math.min(Math.max((this.#gapMs / (HELD_UP_RTTS * smoothedMs)) ** HELD_UP_POWER, SHARE_MIN), 1);
  }
}
