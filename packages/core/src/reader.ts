import type { RoomEvent } from './event.ts';
import type { Group } from './reader-group.ts';

/**
 * A cursor in a room's log. *live*: has everything published and is written to with its group. *behind*: is being fed older
 * events. *paused*: its outlet is full. *detached*: reads no more.
 */
export type ReaderState = 'live' | 'behind' | 'paused' | 'detached';

/** Events handed to a reader that catches up, at a time: bounds what one slow reader can make us encode at once. */
const CATCH_UP_EVENTS = 128;

/** `Reader.index` of one that is not in the list of live readers … */
export const LEFT = -1;
/** … or will be when the publication under way is over. */
export const ENTERING = -2;

export class Reader<Outlet> {
  readonly memberId: number;
  readonly outlet: Outlet;
  readonly #group: Group<Outlet>;
  /** @internal Place in the group's list of live readers, or LEFT, or ENTERING. */
  index = LEFT;
  #state: ReaderState = 'behind';
  #cursor: number;
  #isFeeding = false;
  /** Paused by us, because the store could not be read, and not by its outlet. */
  #isStalled = false;

  constructor(group: Group<Outlet>, memberId: number, outlet: Outlet, cursor: number) {
    this.#group = group;
    this.memberId = memberId;
    this.outlet = outlet;
    this.#cursor = cursor;
  }

  get state(): ReaderState {
    return this.#state;
  }

  /** Sequence number of the newest event that was handed to the outlet. */
  get cursor(): number {
    return this.index >= 0 ? this.#group.handedSeq : this.#cursor;
  }

  /** The outlet is full: hand it nothing more until `resume`. What was just delivered counts as handed over. */
  pause(): void {
    if (this.#state === 'detached') return;
    this.#isStalled = false;
    this.#leaveLive();
    this.#state = 'paused';
  }

  /** The outlet has room again: go on from the cursor. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#isStalled = false;
    this.#state = 'behind';
    this.feed();
  }

  detach(): void {
    if (this.#state === 'detached') return;
    this.#leaveLive();
    this.#state = 'detached';
    this.#group.forget();
  }

  /** @internal Read on if it was the store that stopped the reader: no outlet will drain and say `resume`. */
  retry(): void {
    if (this.#isStalled) this.resume();
  }

  /** @internal Read on from the cursor until the head (then go live), a full outlet, or a read that must wait for the store. */
  feed(): void {
    if (this.#isFeeding) return;
    this.#isFeeding = true;
    while (this.#state === 'behind') {
      const { oldestCursor } = this.#group;
      if (this.#cursor < oldestCursor) {
        this.#skip(oldestCursor);
        // Told so, the outlet may have paused or detached.
        continue;
      }
      if (this.#cursor >= this.#group.headSeq) {
        this.#state = 'live';
        this.#group.enterLive(this);
        break;
      }
      const from = this.#cursor + 1;
      const events = this.#group.log.read(from, CATCH_UP_EVENTS);
      if (events instanceof Promise) {
        events.then(
          (read) => {
            if (this.#state === 'behind') this.#handOver(from, read);
            this.#isFeeding = false;
            this.feed();
          },
          // The store cannot be read. Whoever resumes or retries this reader next reads again from the same cursor.
          (error) => {
            this.#isFeeding = false;
            if (this.#state === 'behind') {
              this.#state = 'paused';
              this.#isStalled = true;
            }
            this.#group.onFault(error);
          },
        );
        return;
      }
      this.#handOver(from, events);
    }
    this.#isFeeding = false;
  }

  #handOver(from: number, events: readonly RoomEvent[]): void {
    // Not what was asked for: the log lost its oldest part meanwhile. Say so and move on rather than ask for ever.
    const firstSeq = events[0]?.seq ?? this.#group.headSeq + 1;
    if (firstSeq > from) {
      this.#skip(firstSeq - 1);
      if (this.#state !== 'behind') return;
    }
    if (events.length === 0) return;
    this.#cursor = events[events.length - 1]!.seq;
    this.#group.deliverOld(events, this);
  }

  #skip(lastSeq: number): void {
    const firstSeq = this.#cursor + 1;
    this.#cursor = lastSeq;
    this.#group.tellSkipped(this, firstSeq, lastSeq);
  }

  #leaveLive(): void {
    if (this.#state !== 'live') return;
    this.#cursor = this.cursor;
    this.#group.leaveLive(this);
  }
}
