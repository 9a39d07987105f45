import type { Alarm, Alarms } from '../alarms.ts';

/** An acknowledgement that waits for the store, but not for ever. */
export interface HeldAck {
  /** Send it now, unless that was done or it was cancelled. */
  release(): void;
  /** It must not be sent: the request was refused. Too late when it was released. */
  cancel(): void;
  readonly isReleased: boolean;
}

interface Held extends HeldAck {
  readonly dueMs: number;
}

/**
 * Acknowledgements that are held until what they acknowledge is decided, for at most `holdMs`: a client that waits for longer
 * sends again, or gives up. All are held equally long, so one queue and one alarm will do.
 */
export class HeldAcks {
  readonly #holdMs: number;
  readonly #alarm: Alarm;
  #queue: Held[] = [];

  constructor(alarms: Alarms, holdMs: number) {
    this.#holdMs = holdMs;
    this.#alarm = alarms.create((nowMs) => this.#releaseDue(nowMs));
  }

  /** Acknowledgements that are held, and those released since the oldest of them was. */
  get size(): number {
    return this.#queue.length;
  }

  hold(nowMs: number, send: () => void): HeldAck {
    let state: 'held' | 'released' | 'cancelled' = 'held';
    const held: Held = {
      dueMs: nowMs + this.#holdMs,
      get isReleased() {
        return state === 'released';
      },
      release: () => {
        if (state !== 'held') return;
        state = 'released';
        send();
      },
      cancel: () => {
        if (state === 'held') state = 'cancelled';
      },
    };
    this.#queue.push(held);
    this.#alarm.ringBy(held.dueMs);
    return held;
  }

  #releaseDue(nowMs: number): void {
    let due = 0;
    while (due < this.#queue.length && this.#queue[due]!.dueMs <= nowMs) {
      this.#queue[due]!.release();
      due += 1;
    }
    this.#queue = this.#queue.slice(due);
    this.#alarm.ringBy(this.#queue[0]?.dueMs);
  }
}
