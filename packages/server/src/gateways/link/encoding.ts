import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import { encodeEvent, LINK_RECORD_BYTES_MAX } from '@confab/wire/link';
import type { LinkChannel } from './channel.ts';

const NOTHING = new Uint8Array(0);

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
