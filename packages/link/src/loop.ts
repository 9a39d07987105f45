import { Alarms, type MonotonicClock, systemTimers, type Timers } from './alarms.ts';

/** Something that has bytes to write at the end of this turn. */
export interface Flushable {
  flush(): void;
}

export interface LinkLoopOptions {
  readonly clock?: MonotonicClock;
  readonly timers?: Timers;
  /** Run a task once after what this turn of the event loop brought. */
  readonly soon?: (task: () => void) => void;
}

/**
 * The turns and the timer of any number of sessions: all that have something to write are flushed once, after all that a
 * turn of the event loop brought; all their deadlines hang on one timer of the system. One for a server, one for a client.
 */
export class LinkLoop {
  readonly clock: MonotonicClock;
  readonly alarms: Alarms;
  readonly #soon: (task: () => void) => void;
  #waiting = new Set<Flushable>();
  #isScheduled = false;

  constructor(options: LinkLoopOptions = {}) {
    this.clock = options.clock ?? { monotonicMs: () => performance.now() };
    this.#soon = options.soon ?? setImmediate;
    this.alarms = new Alarms(this.clock, options.timers ?? systemTimers, this.#soon);
  }

  /** Flush it after this turn; once, however often it is asked for. */
  flushSoon(session: Flushable): void {
    this.#waiting.add(session);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#soon(() => this.#flushAll());
  }

  forget(session: Flushable): void {
    this.#waiting.delete(session);
  }

  /** No timer rings any more. */
  close(): void {
    this.alarms.close();
    this.#waiting.clear();
  }

  #flushAll(): void {
    this.#isScheduled = false;
    // What asks again meanwhile has its turn after others have had theirs.
    const sessions = this.#waiting;
    this.#waiting = new Set();
    for (const session of sessions) session.flush();
  }
}
