import { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import type { Draft, RoomLog } from './log.ts';
import type { Clock, Schedule } from './ports.ts';
import type { CommitResult, DuplicateEvent, LoadedState, Store, StoreChange } from './store.ts';

/** What an operation may add to the batch it is part of. */
export interface Batch {
  add(change: StoreChange): void;
  /** Number a draft in its room's log and add it. */
  append(log: RoomLog, draft: Draft): RoomEvent;
  /** The last position given; for asserting order in tests and for cursors across rooms. */
  readonly position: number;
}

/**
 * One request on its way to the store. Its calls come in this order: `seal` (again, if the batch had to be renumbered),
 * then exactly one of `committed`, `repeated` or `failed`.
 */
export interface Operation {
  /** Events that it adds, when it may be more than one: how much of a queue and of a batch it takes up. */
  readonly weight?: number;
  /** Add changes to the batch. Throwing a CoreError refuses the operation alone: `failed` is called with it. */
  seal(batch: Batch): void;
  /** The store has it; readers have not been handed its events yet. For wires that acknowledge before they deliver. */
  persisted?(): void;
  /** The store has it and every reader was handed its events. */
  committed(): void;
  /** The log had its client id already, as `event`; nothing was written for it. */
  repeated?(event: RoomEvent): void;
  /** It was refused or could not be written. `'again'` keeps it in the queue for the next batch. */
  failed(error: CoreError): 'again' | 'drop';
}

/** Does the task, within which everything that a commit brought is handed to its readers. */
export type Publishing = (task: () => void) => void;

export interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly schedule: Schedule;
  /** Where a log's events go once they are written. */
  readonly publish: (log: RoomLog, events: readonly RoomEvent[]) => void;
  /** Calls `publish` for all logs of a batch: what is written meanwhile may go out together, when it ends. */
  readonly publishing?: Publishing | undefined;
  /** Hears of each batch that was written and published: how many events, and how long the oldest had waited, ms. */
  readonly onCommitted?: (events: number, waitedMs: number) => void;
  /** Hears of a fault that was contained: an operation or a publication that threw, and the first of a row of failed commits. */
  readonly onFault: (error: unknown) => void;
  /** Hears, once, that somebody else has written to the log (STORE_FENCED): no commit will succeed any more. */
  readonly onFenced?: (error: CoreError) => void;
  readonly loaded: Pick<LoadedState, 'lastPosition'>;
  readonly queueMax: number;
  readonly batchMax: number;
}

/**
 * So many operations that came during a commit are a trickle: a commit of few costs hardly less than one of many. More than
 * that are worth a commit at once.
 */
const TRICKLE_MAX = 32;

/**
 * Group commit: everything asked for in one turn of the event loop is one transaction; then its events are published;
 * then those who asked are told. One transaction at a time: while one is being written the next one gathers, so a slow
 * disk makes batches larger, not the loop slower, and a failed batch has nothing numbered behind it.
 */
export class Committer {
  readonly #options: CommitterOptions;
  #queue: Operation[] = [];
  #queueWeight = 0;
  #isScheduled = false;
  #isCommitting = false;
  #isStoreFailing = false;
  #isFenced = false;
  #position: number;
  /** Monotonic time at which the oldest operation of the queue came, ms. */
  #gatheringSinceMs = 0;
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#position = options.loaded.lastPosition;
  }

  /** Position of the newest event that the store has. */
  get position(): number {
    return this.#position;
  }

  /** Weight of the operations that wait for the next transaction. */
  get queueLength(): number {
    return this.#queueWeight;
  }

  /** So much more the queue takes from users. */
  get room(): number {
    return Math.max(0, this.#options.queueMax - this.#queueWeight);
  }

  /** Whether the queue takes more requests from users. */
  get hasRoom(): boolean {
    return this.room > 0;
  }

  enqueue(operation: Operation): void {
    if (this.#queue.length === 0) this.#gatheringSinceMs = this.#options.clock.monotonicMs();
    this.#queue.push(operation);
    this.#queueWeight += weightOf(operation);
    this.#wake();
  }

  /** Try again what could not be written. Harmless when there is nothing. */
  retry(): void {
    if (this.#queue.length > 0) this.#wake();
  }

  /** Fulfils when nothing is queued or being written, however it ended. */
  async idle(): Promise<void> {
    if (this.#queue.length === 0 && !this.#isCommitting) return;
    this.#wake();
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #wake(isTrickling = false): void {
    if (this.#isScheduled || this.#isCommitting) return;
    this.#isScheduled = true;
    this.#options.schedule(() => {
      this.#isScheduled = false;
      this.#commitNext();
    }, isTrickling);
  }

  #commitNext(): void {
    const operations = this.#takeBatch();
    const sinceMs = this.#gatheringSinceMs;
    this.#gatheringSinceMs = this.#options.clock.monotonicMs();
    this.#isCommitting = true;
    this.#commit(operations, sinceMs).then((retained) => {
      this.#isCommitting = false;
      // What must happen whatever the disk says waits in front for the next request to wake the queue: no busy loop.
      const hadNews = this.#queue.length > 0;
      if (retained.length > 0) {
        this.#queue = [...retained, ...this.#queue];
        this.#queueWeight += totalWeight(retained);
      }
      if (hadNews) {
        this.#wake(this.#queueWeight < TRICKLE_MAX);
        return;
      }
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    });
  }

  /** The oldest operations, as many as a batch holds, and at least one. */
  #takeBatch(): Operation[] {
    const queue = this.#queue;
    const { batchMax } = this.#options;
    if (this.#queueWeight <= batchMax) {
      this.#queue = [];
      this.#queueWeight = 0;
      return queue;
    }
    let count = 0;
    let weight = 0;
    for (const operation of queue) {
      const next = weight + weightOf(operation);
      if (next > batchMax && count > 0) break;
      weight = next;
      count += 1;
    }
    this.#queue = queue.slice(count);
    this.#queueWeight -= weight;
    return queue.slice(0, count);
  }

  /** Writes, publishes, tells. Never rejects, whatever its parts throw. Returns the operations to try again. */
  async #commit(operations: readonly Operation[], sinceMs: number): Promise<Operation[]> {
    const retained: Operation[] = [];
    let remaining = operations;
    for (;;) {
      const batch = new SealedBatch(this.#position, this.#options.clock.wallMs());
      // Nobody is told of a refusal before the batch is settled: what was refused because of an event of this batch may
      // stand when that event turns out to be a duplicate, or is not written.
      const refused = new Map<Operation, CoreError>();
      const broken = this.#seal(batch, remaining, refused);
      if (broken !== undefined) {
        batch.takeBack();
        this.#fail(broken.operation, storeFailure(broken.cause), retained);
        remaining = remaining.filter((operation) => operation !== broken.operation);
        continue;
      }
      let result: CommitResult = { status: 'committed' };
      if (batch.changes.length > 0) {
        try {
          result = await this.#options.store.commit(batch.changes);
        } catch (cause) {
          batch.takeBack();
          this.#failAll(remaining, cause, retained);
          return retained;
        }
      }
      if (result.status === 'committed') {
        if (batch.changes.length > 0) this.#isStoreFailing = false;
        this.#position = batch.position;
        this.#tellPersisted(remaining, refused);
        this.#publish(batch);
        this.#tellCommitted(batch, sinceMs);
        this.#settle(remaining, refused, retained);
        return retained;
      }
      batch.takeBack();
      const repeated = batch.repeatedBy(result.duplicates);
      if (repeated.size === 0) {
        this.#failAll(remaining, new RangeError('The store names no duplicate of this batch'), retained);
        return retained;
      }
      for (const [operation, event] of repeated) this.#contain(() => operation.repeated?.(event));
      remaining = remaining.filter((operation) => !repeated.has(operation));
    }
  }

  /** Returns the operation that threw anything but a refusal: a bug, after which the batch must be made anew without it. */
  #seal(
    batch: SealedBatch,
    operations: readonly Operation[],
    refused: Map<Operation, CoreError>,
  ): { readonly operation: Operation; readonly cause: unknown } | undefined {
    for (const operation of operations) {
      const mark = batch.changes.length;
      try {
        operation.seal(batch);
        batch.own(mark, operation);
      } catch (cause) {
        if (!(cause instanceof CoreError) || batch.changes.length !== mark) {
          this.#options.onFault(cause);
          return { operation, cause };
        }
        refused.set(operation, cause);
      }
    }
    return undefined;
  }

  #failAll(operations: readonly Operation[], cause: unknown, retained: Operation[]): void {
    if (!this.#isStoreFailing) this.#options.onFault(cause);
    this.#isStoreFailing = true;
    const error = storeFailure(cause);
    if (error.code === 'STORE_FENCED' && !this.#isFenced) {
      this.#isFenced = true;
      this.#contain(() => this.#options.onFenced?.(error));
    }
    for (const operation of operations) this.#fail(operation, error, retained);
    if (retained.length < this.#options.batchMax) return;
    // The next batch would be this one again, over and over, and whoever waits behind it would never be told.
    const waiting = this.#queue;
    this.#queue = [];
    this.#queueWeight = 0;
    for (const operation of waiting) this.#fail(operation, error, retained);
  }

  #fail(operation: Operation, error: CoreError, retained: Operation[]): void {
    this.#contain(() => {
      if (operation.failed(error) === 'again') retained.push(operation);
    });
  }

  // Loops of their own, without a closure for each operation: a busy server goes through them a hundred thousand times a second.

  #tellPersisted(operations: readonly Operation[], refused: ReadonlyMap<Operation, CoreError>): void {
    for (const operation of operations) {
      if (operation.persisted === undefined || refused.has(operation)) continue;
      try {
        operation.persisted();
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  #settle(operations: readonly Operation[], refused: ReadonlyMap<Operation, CoreError>, retained: Operation[]): void {
    for (const operation of operations) {
      const refusal = refused.get(operation);
      if (refusal !== undefined) {
        this.#fail(operation, refusal, retained);
        continue;
      }
      try {
        operation.committed();
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }

  #publish({ events: published }: SealedBatch): void {
    const { publish, publishing = atOnce } = this.#options;
    const all = (): void => {
      for (const [log, events] of published) this.#contain(() => publish(log, events));
    };
    this.#contain(() => publishing(all));
  }

  #tellCommitted(batch: SealedBatch, sinceMs: number): void {
    let events = 0;
    for (const published of batch.events.values()) events += published.length;
    if (events === 0) return;
    this.#contain(() => this.#options.onCommitted?.(events, this.#options.clock.monotonicMs() - sinceMs));
  }

  #contain(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#options.onFault(error);
    }
  }
}

const atOnce: Publishing = (task) => task();

function weightOf({ weight = 1 }: Operation): number {
  return weight;
}

function totalWeight(operations: readonly Operation[]): number {
  let total = 0;
  for (const operation of operations) total += weightOf(operation);
  return total;
}

function storeFailure(cause: unknown): CoreError {
  return cause instanceof CoreError ? cause : new CoreError('STORE_FAILED', 'The store could not write', { cause });
}

class SealedBatch implements Batch {
  readonly changes: StoreChange[] = [];
  readonly events = new Map<RoomLog, RoomEvent[]>();
  /** Who made the changes, each from its mark on. */
  readonly #owners: Operation[] = [];
  readonly #marks: number[] = [];
  readonly #timeMs: number;
  #position: number;

  constructor(position: number, timeMs: number) {
    this.#position = position;
    this.#timeMs = timeMs;
  }

  get position(): number {
    return this.#position;
  }

  add(change: StoreChange): void {
    this.changes.push(change);
  }

  append(log: RoomLog, draft: Draft): RoomEvent {
    this.#position += 1;
    const event = log.number(draft, this.#position, this.#timeMs);
    this.changes.push({ type: 'event', event });
    const events = this.events.get(log);
    if (events === undefined) this.events.set(log, [event]);
    else events.push(event);
    return event;
  }

  /** The changes from `mark` on are this operation's. */
  own(mark: number, operation: Operation): void {
    this.#marks.push(mark);
    this.#owners.push(operation);
  }

  /** Who made the changes that repeat client ids, each with the event that has its id. */
  repeatedBy(duplicates: readonly DuplicateEvent[]): Map<Operation, RoomEvent> {
    const repeated = new Map<Operation, RoomEvent>();
    for (const { index, event } of duplicates) {
      const owner = index < this.changes.length ? this.#marks.findLastIndex((mark) => mark <= index) : -1;
      const operation = this.#owners[owner];
      if (operation !== undefined) repeated.set(operation, event);
    }
    return repeated;
  }

  takeBack(): void {
    for (const log of this.events.keys()) log.takeBack();
  }
}
