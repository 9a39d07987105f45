/** The timers of the event loop, as an argument, so that tests need not wait. */
export interface Timers {
  set(delayMs: number, task: () => void): unknown;
  clear(timer: unknown): void;
}

/** Milliseconds since an arbitrary start, with fractions, never going back. */
export interface MonotonicClock {
  monotonicMs(): number;
}

export const systemTimers: Timers = {
  set: (delayMs, task) => setTimeout(task, delayMs),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

const UNSET = -1;

/** Something to be done at a time that may be moved. May ring early; whoever is rung looks at what is due. */
export class Alarm {
  readonly #alarms: Alarms;
  readonly #ring: (nowMs: number) => void;
  /** @internal Place in the heap, or UNSET. */
  index = UNSET;
  /** @internal When it rings, monotonic ms. */
  atMs = 0;

  constructor(alarms: Alarms, ring: (nowMs: number) => void) {
    this.#alarms = alarms;
    this.#ring = ring;
  }

  /** Ring at this time at the latest, on the monotonic clock, ms; `undefined` and Infinity ask for nothing. */
  ringBy(atMs: number | undefined): void {
    if (atMs === undefined || atMs === Number.POSITIVE_INFINITY) return;
    if (this.index !== UNSET && this.atMs <= atMs) return;
    this.#alarms.place(this, atMs);
  }

  cancel(): void {
    this.#alarms.remove(this);
  }

  /** @internal */
  ring(nowMs: number): void {
    this.#ring(nowMs);
  }
}

/** So late a timer rings only when the loop, or the machine, stood still meanwhile, ms. */
export const LATE_MS = 20;

/**
 * Any number of alarms on one timer: a heap, in which each alarm stands once at most.
 *
 * An event loop that stood still rings its timers before it reads its sockets, so that whatever came in time is found missing.
 * A timer that is late therefore lets the sockets be read once before any alarm rings.
 */
export class Alarms {
  readonly #clock: MonotonicClock;
  readonly #timers: Timers;
  readonly #afterReading: ((task: () => void) => void) | undefined;
  readonly #heap: Alarm[] = [];
  #timer: unknown;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** @param afterReading runs a task once after the sockets were read, as `setImmediate`; absent: late alarms ring at once */
  constructor(
    clock: MonotonicClock,
    timers: Timers = systemTimers,
    afterReading: ((task: () => void) => void) | undefined = undefined,
  ) {
    this.#clock = clock;
    this.#timers = timers;
    this.#afterReading = afterReading;
  }

  /** Alarms that are set. */
  get size(): number {
    return this.#heap.length;
  }

  create(ring: (nowMs: number) => void): Alarm {
    return new Alarm(this, ring);
  }

  /** No alarm rings any more. */
  close(): void {
    this.#isClosed = true;
    for (const alarm of this.#heap) alarm.index = UNSET;
    this.#heap.length = 0;
    this.#stopTimer();
  }

  /** @internal */
  place(alarm: Alarm, atMs: number): void {
    if (this.#isClosed) return;
    alarm.atMs = atMs;
    if (alarm.index === UNSET) {
      alarm.index = this.#heap.length;
      this.#heap.push(alarm);
    }
    this.#rise(alarm);
    if (this.#heap[0] === alarm) this.#startTimer();
  }

  /** @internal */
  remove(alarm: Alarm): void {
    const { index } = alarm;
    if (index === UNSET) return;
    const last = this.#heap.pop()!;
    alarm.index = UNSET;
    if (last === alarm) return;
    last.index = index;
    this.#heap[index] = last;
    this.#rise(last);
    this.#sink(last);
  }

  #rung(): void {
    this.#timer = undefined;
    const isLate = this.#clock.monotonicMs() - this.#timerAtMs > LATE_MS;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (isLate && this.#afterReading !== undefined) this.#afterReading(() => this.#ringDue());
    else this.#ringDue();
  }

  #ringDue(): void {
    const nowMs = this.#clock.monotonicMs();
    // Only those that are due now: one that sets itself again at once must not keep the others from their turn.
    const due: Alarm[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      this.remove(first);
      due.push(first);
    }
    for (const alarm of due) alarm.ring(nowMs);
    this.#startTimer();
  }

  #startTimer(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#timerAtMs <= first.atMs) return;
    this.#stopTimer();
    this.#timerAtMs = first.atMs;
    // Timers count whole milliseconds, and one that came early would only be set again.
    const delayMs = Math.max(0, Math.ceil(first.atMs - this.#clock.monotonicMs()));
    this.#timer = this.#timers.set(delayMs, () => this.#rung());
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#timers.clear(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #rise(alarm: Alarm): void {
    while (alarm.index > 0) {
      const parent = this.#heap[(alarm.index - 1) >> 1]!;
      if (parent.atMs <= alarm.atMs) return;
      this.#swap(parent, alarm);
    }
  }

  #sink(alarm: Alarm): void {
    for (;;) {
      const left = this.#heap[2 * alarm.index + 1];
      const right = this.#heap[2 * alarm.index + 2];
      const child = right !== undefined && right.atMs < left!.atMs ? right : left;
      if (child === undefined || child.atMs >= alarm.atMs) return;
      this.#swap(alarm, child);
    }
  }

  #swap(upper: Alarm, lower: Alarm): void {
    [upper.index, lower.index] = [lower.index, upper.index];
    this.#heap[upper.index] = upper;
    this.#heap[lower.index] = lower;
  }
}
