import type { Encoding, Reader, RoomEvent, Unit, UnitRun } from '@confab/core';
import { encodeEvent, LINK_RECORD_BYTES_MAX, RecordRun } from '@confab/wire/link';
import type { LinkChannel } from './channel.ts';

const NOTHING = new Uint8Array(0);

/** A burst of a room, for all its members. */
export interface LinkRun extends UnitRun {
  readonly units: readonly Unit[];
  /** All of it as one run of records; undefined: it is short, or has long events, or some that cannot be said. */
  readonly records: RecordRun | undefined;
  /** Whose events are in it. */
  readonly authors: ReadonlySet<number>;
}

/**
 * Events as all members of a room on link get them, except their own. Each event is one unit, so that a channel's records
 * have the numbers of the room's log; an event that this wire cannot say is an empty one, and told as a SKIP.
 */
export class LinkEncoding implements Encoding<LinkChannel> {
  readonly name = 'link';
  readonly isReplayed = true;
  /** What the times of events count from, ms since the Unix epoch: the same for all, so that the bytes are. */
  readonly timeBaseMs: number;
  readonly #events = new WeakMap<Uint8Array, RoomEvent>();

  constructor(timeBaseMs: number) {
    this.timeBaseMs = timeBaseMs;
  }

  encode(event: RoomEvent): readonly Uint8Array[] {
    const { kind, target, user, body } = event;
    const bytes = encodeEvent({
      kind,
      timeMs: event.timeMs - this.timeBaseMs,
      ...(target === undefined ? {} : { target }),
      isVerified: event.isVerified === true,
      user,
      body,
    });
    if (bytes.length > LINK_RECORD_BYTES_MAX) return [NOTHING];
    this.#events.set(bytes, event);
    return [bytes];
  }

  encodeTogether(events: readonly RoomEvent[]): LinkRun {
    const units = events.map((event) => ({ seq: event.seq, author: event.author, bytes: this.encode(event)[0]! }));
    const [first, last] = [units[0]!, units.at(-1)!];
    const isWhole = units.every(({ bytes }) => bytes.length > 0) && last.seq - first.seq === units.length - 1;
    const bodies = units.map(({ bytes }) => bytes);
    return {
      firstSeq: first.seq,
      lastSeq: last.seq,
      count: units.length,
      units,
      records: isWhole ? RecordRun.of(first.seq, bodies) : undefined,
      authors: new Set(units.map(({ author }) => author)),
      unitOf: (seq) => units[seq - first.seq],
    };
  }

  deliverRun(run: LinkRun, readers: readonly Reader<LinkChannel>[]): void {
    for (const reader of readers) if (reader.state !== 'detached') reader.outlet.deliverRun(run, reader);
  }

  deliver(units: readonly Unit[], readers: readonly Reader<LinkChannel>[]): void {
    for (const reader of readers) if (reader.state !== 'detached') reader.outlet.deliver(units, reader);
  }

  skipped(reader: Reader<LinkChannel>, _firstSeq: number, lastSeq: number): void {
    reader.outlet.skip(lastSeq);
  }

  /** The event that a unit's bytes are of. */
  eventOf(unit: Unit): RoomEvent | undefined {
    return this.#events.get(unit.bytes);
  }
}
