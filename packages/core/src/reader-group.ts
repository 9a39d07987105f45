import { EncodedTail } from './encoded-tail.ts';
import type { Encoding, Unit, UnitRun } from './encoding.ts';
import type { RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { RoomLog } from './log.ts';
import { ENTERING, LEFT, Reader } from './reader.ts';

interface GroupHooks {
  onEmpty(): void;
  onFault(error: unknown): void;
}

/** The readers of a room that share an encoding. */
export class Group<Outlet> {
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
  readonly #encoded: EncodedTail;

  constructor(log: RoomLog, encoding: Encoding<Outlet>, roomName: string, limits: Limits, hooks: GroupHooks) {
    this.log = log;
    this.encoding = encoding;
    this.onFault = hooks.onFault;
    this.handedSeq = log.headSeq;
    this.#roomName = roomName;
    this.#limits = limits;
    this.#onEmpty = hooks.onEmpty;
    this.#encoded = new EncodedTail(log.tailStartSeq);
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

  /** Older events, at least one, to a reader that catches up. */
  deliverOld(events: readonly RoomEvent[], reader: Reader<Outlet>): void {
    const isKnown = this.#encoded.find(events[0]!.seq) !== undefined;
    const run = isKnown ? undefined : this.#encodeTogether(events);
    if (run === undefined) this.deliver(this.encode(events), [reader]);
    else this.#deliverRun(run, [reader]);
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
    this.#encoded.forgetBefore(this.log.tailStartSeq);
    this.handedSeq = this.log.headSeq;
    this.#isDelivering = true;
    if (this.#live.length > 0) this.#deliverNews(events);
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

  /** Undefined: the encoding does not do so, or could not. */
  #encodeTogether(events: readonly RoomEvent[]): UnitRun | undefined {
    const { encoding } = this;
    if (encoding.encodeTogether === undefined || encoding.deliverRun === undefined) return undefined;
    try {
      return encoding.encodeTogether(events, this.#roomName);
    } catch {
      return undefined;
    }
  }

  #deliverRun(run: UnitRun, readers: readonly Reader<Outlet>[]): void {
    if (run.count === 0) return;
    try {
      this.encoding.deliverRun?.(run, readers);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** To all live readers, for the first time. */
  #deliverNews(events: readonly RoomEvent[]): void {
    const run = this.#encodeTogether(events);
    if (run === undefined) {
      this.deliver(this.encode(events), this.#live);
      return;
    }
    // For those who are behind. Where nobody is, all have it, and keeping it would cost more than making it again.
    if (this.encoding.isReplayed && this.#live.length < this.#readers) this.#encoded.keepRun(run);
    this.#deliverRun(run, this.#live);
  }

  #encodeOne(event: RoomEvent): readonly Unit[] {
    const known = this.#encoded.find(event.seq);
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
    if (this.encoding.isReplayed) this.#encoded.keep(event.seq, units);
    return units;
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
