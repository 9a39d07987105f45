import type { RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { RoomLog } from './log.ts';

/** One encoded piece of an event: a datagram, or a stretch of a stream. Shared by all readers of a group: never written to. */
export interface Unit {
  readonly seq: number;
  /** Member who caused the event, for wires that do not echo to the sender. */
  readonly author: number;
  readonly bytes: Uint8Array;
}

/**
 * How the members of one wire and dialect are shown events. A gateway makes one object per way of encoding and uses that
 * same object for all members it fits: readers are grouped by it, and an event is encoded once per group.
 */
export interface Encoding<Outlet> {
  /** For logs and metrics, such as `ucrp/string`. */
  readonly name: string;
  /**
   * Whether readers of this encoding ever read older events (they join with history, resume, or their outlets fill up). If
   * so, the encoded form of the log's tail is kept and shared; if not, keeping it would be a waste.
   */
  readonly isReplayed: boolean;
  /** The event's bytes, in one or several pieces; none when this wire does not show such events. */
  encode(event: RoomEvent, roomName: string): readonly Uint8Array[];
  /**
   * The units of several events at once, for encodings that can share work among them: the same bytes in the same order as
   * `encode` gives for each, at most one unit for each event. When it throws, the events are encoded one by one.
   */
  encodeTogether?(events: readonly RoomEvent[], roomName: string): readonly Unit[];
  /**
   * Write the units, oldest first, to each reader's outlet. Must not throw and must not wait: an outlet that is full calls
   * `reader.pause()` after this write, and `reader.resume()` when it has drained. The list is the group's own: do not keep
   * it. A reader that was detached while the list is being walked may still come up in it; its `state` tells.
   */
  deliver(units: readonly Unit[], readers: readonly Reader<Outlet>[]): void;
  /** The reader lagged too far, or the log has lost them: events `firstSeq`–`lastSeq` are left out for it. */
  skipped?(reader: Reader<Outlet>, firstSeq: number, lastSeq: number): void;
}

/**
 * A cursor in a room's log. *live*: has everything published and is written to with its group. *behind*: is being fed older
 * events. *paused*: its outlet is full. *detached*: reads no more.
 */
export type ReaderState = 'live' | 'behind' | 'paused' | 'detached';

/** Events handed to a reader that catches up, at a time: bounds what one slow reader can make us encode at once. */
const CATCH_UP_EVENTS = 128;

/** `Reader.index` of one that is not in the list of live readers … */
const LEFT = -1;
/** … or will be when the publication under way is over. */
const ENTERING = -2;

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
    this.#group.deliver(this.#group.encode(events), [this]);
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

interface GroupHooks {
  onEmpty(): void;
  onFault(error: unknown): void;
}

/** The readers of a room that share an encoding. */
class Group<Outlet> {
  readonly log: RoomLog;
  readonly encoding: Encoding<Outlet>;
  readonly onFault: (error: unknown) => void;
  /**
   * Sequence number of the newest event that the live readers were handed. Less than `headSeq` only while the log's newest
   * events are on their way to the groups, one group after the other: what a delivery to one group sets off in another one
   * (a pause, a resume) then meets readers that do not have these events yet.
   */
  handedSeq: number;
  readonly #roomName: string;
  readonly #limits: Limits;
  readonly #onEmpty: () => void;
  readonly #live: Reader<Outlet>[] = [];
  /** Readers that went live during a publication: they have what is being published already. */
  #entering: Reader<Outlet>[] = [];
  #readers = 0;
  #isDelivering = false;
  #hasLeavers = false;
  /** Encoded events of the log's tail, by sequence number. */
  readonly #encoded = new Map<number, readonly Unit[]>();
  #encodedStartSeq: number;

  constructor(log: RoomLog, encoding: Encoding<Outlet>, roomName: string, limits: Limits, hooks: GroupHooks) {
    this.log = log;
    this.encoding = encoding;
    this.onFault = hooks.onFault;
    this.handedSeq = log.headSeq;
    this.#roomName = roomName;
    this.#limits = limits;
    this.#onEmpty = hooks.onEmpty;
    this.#encodedStartSeq = log.tailStartSeq;
  }

  get headSeq(): number {
    return this.log.headSeq;
  }

  /** A reader may not lag behind this cursor. */
  get oldestCursor(): number {
    return this.log.headSeq - this.#limits.readerLagMax;
  }

  add(memberId: number, outlet: Outlet, cursor: number): Reader<Outlet> {
    const reader = new Reader(this, memberId, outlet, cursor);
    this.#readers += 1;
    reader.feed();
    return reader;
  }

  forget(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.#onEmpty();
  }

  enterLive(reader: Reader<Outlet>): void {
    if (this.#isDelivering || this.handedSeq < this.log.headSeq) {
      reader.index = ENTERING;
      this.#entering.push(reader);
      return;
    }
    reader.index = this.#live.length;
    this.#live.push(reader);
  }

  leaveLive(reader: Reader<Outlet>): void {
    if (reader.index === ENTERING) {
      reader.index = LEFT;
      return;
    }
    if (this.#isDelivering) {
      this.#hasLeavers = true;
      reader.index = LEFT;
      return;
    }
    const last = this.#live.pop()!;
    if (last !== reader) {
      this.#live[reader.index] = last;
      last.index = reader.index;
    }
    reader.index = LEFT;
  }

  encode(events: readonly RoomEvent[]): readonly Unit[] {
    if (events.length === 1) return this.#encodeOne(events[0]!);
    const units: Unit[] = [];
    for (const event of events) units.push(...this.#encodeOne(event));
    return units;
  }

  deliver(units: readonly Unit[], readers: readonly Reader<Outlet>[]): void {
    if (units.length === 0) return;
    try {
      this.encoding.deliver(units, readers);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** Write newly published events to all live readers. */
  publish(events: readonly RoomEvent[]): void {
    // A group that was made during this very publication: its readers began at the new head.
    if (this.handedSeq === this.log.headSeq) return;
    this.#forgetOldEncoded();
    this.handedSeq = this.log.headSeq;
    this.#isDelivering = true;
    if (this.#live.length > 0) this.deliver(this.#encodeNews(events), this.#live);
    this.#isDelivering = false;
    this.#settleLive();
  }

  tellSkipped(reader: Reader<Outlet>, firstSeq: number, lastSeq: number): void {
    try {
      this.encoding.skipped?.(reader, firstSeq, lastSeq);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** As `encode`, for events that nobody has been handed yet. */
  #encodeNews(events: readonly RoomEvent[]): readonly Unit[] {
    if (events.length === 1 || this.encoding.encodeTogether === undefined) return this.encode(events);
    let units: readonly Unit[];
    try {
      units = this.encoding.encodeTogether(events, this.#roomName);
    } catch {
      return this.encode(events);
    }
    if (this.encoding.isReplayed) this.#keep(events, units);
    return units;
  }

  #keep(events: readonly RoomEvent[], units: readonly Unit[]): void {
    let at = 0;
    for (const { seq } of events) {
      const unit = units[at];
      const hasUnit = unit?.seq === seq;
      if (hasUnit) at += 1;
      if (seq >= this.#encodedStartSeq) this.#encoded.set(seq, hasUnit ? [unit] : []);
    }
  }

  #encodeOne(event: RoomEvent): readonly Unit[] {
    const known = this.#encoded.get(event.seq);
    if (known !== undefined) return known;
    let units: Unit[] = [];
    try {
      for (const bytes of this.encoding.encode(event, this.#roomName)) {
        units.push({ seq: event.seq, author: event.author, bytes });
      }
    } catch (error) {
      // The event that cannot be encoded is not shown to this group; those around it are.
      units = [];
      this.onFault(error);
    }
    if (this.encoding.isReplayed && event.seq >= this.#encodedStartSeq) this.#encoded.set(event.seq, units);
    return units;
  }

  #forgetOldEncoded(): void {
    const startSeq = this.log.tailStartSeq;
    if (this.#encoded.size === 0) this.#encodedStartSeq = startSeq;
    for (; this.#encodedStartSeq < startSeq; this.#encodedStartSeq += 1) this.#encoded.delete(this.#encodedStartSeq);
  }

  /** Take out who left during a delivery and put in who came. */
  #settleLive(): void {
    if (this.#hasLeavers) {
      this.#hasLeavers = false;
      let kept = 0;
      for (const reader of this.#live) {
        if (reader.index < 0) continue;
        reader.index = kept;
        this.#live[kept] = reader;
        kept += 1;
      }
      this.#live.length = kept;
    }
    if (this.#entering.length > 0) {
      const entering = this.#entering;
      this.#entering = [];
      for (const reader of entering) if (reader.index === ENTERING) this.enterLive(reader);
    }
  }
}

/** All the readers of one room, grouped by how events are encoded for them. */
export class Fanout {
  readonly #log: RoomLog;
  readonly #roomName: string;
  readonly #limits: Limits;
  // Each group keeps its outlets' type to itself; the map only needs to call it.
  // biome-ignore lint/suspicious/noExplicitAny: groups of different outlet types stand side by side
  readonly #groups = new Map<Encoding<any>, Group<any>>();
  readonly #onFault: (error: unknown) => void;

  /**
   * `onFault` hears of an encoding that threw, a bug, which costs that group the event and nobody else anything; and of the
   * store when it could not be read for somebody who catches up.
   */
  constructor(log: RoomLog, roomName: string, limits: Limits, onFault: (error: unknown) => void) {
    this.#log = log;
    this.#roomName = roomName;
    this.#limits = limits;
    this.#onFault = onFault;
  }

  /** Groups with at least one reader. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /**
   * Start reading after sequence number `cursor`: what is newer is handed over first (at once where it is in memory), then
   * whatever is published.
   */
  attach<Outlet>(encoding: Encoding<Outlet>, memberId: number, outlet: Outlet, cursor: number): Reader<Outlet> {
    let group: Group<Outlet> | undefined = this.#groups.get(encoding);
    if (group === undefined) {
      group = new Group(this.#log, encoding, this.#roomName, this.#limits, {
        onEmpty: () => this.#groups.delete(encoding),
        onFault: this.#onFault,
      });
      this.#groups.set(encoding, group);
    }
    return group.add(memberId, outlet, Math.min(Math.max(cursor, this.#log.firstSeq - 1), this.#log.headSeq));
  }

  /** Hand over events that the log has just published. */
  publish(events: readonly RoomEvent[]): void {
    for (const group of this.#groups.values()) group.publish(events);
  }
}
