import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import type { OlderWires } from './degraded.ts';
import { jsonTextOf } from './json-events.ts';

/** Where a member of a JSON stream is written to. */
export interface JsonOutlet {
  /**
   * Write `bytes`, which hold `events` events, the newest with sequence number `lastSeq`, and pause the reader when that
   * was more than the peer can take. The bytes are shared with other outlets.
   */
  take(reader: Reader<JsonOutlet>, bytes: Uint8Array, events: number, lastSeq: number): void;
  /** So many events are left out, since the reader was too far behind. */
  miss(events: number): void;
}

/**
 * How streams of JSON (lines, WebSocket frames) show a room: each event is framed once, and what is delivered at a time is
 * put together once for all who read along, so that a member costs one write and no copy.
 */
export class JsonStreamEncoding implements Encoding<JsonOutlet> {
  readonly name: string;
  /** Joins come with history, and a stream that is full goes on where it stopped. */
  readonly isReplayed = true;
  readonly #frame: (text: string) => Uint8Array;
  readonly #olderWires: OlderWires;

  /** @param frame what stands for a JSON object in the stream */
  constructor(name: string, frame: (text: string) => Uint8Array, olderWires: OlderWires) {
    this.name = name;
    this.#olderWires = olderWires;
    this.#frame = frame;
  }

  encode(event: RoomEvent, room: string): readonly Uint8Array[] {
    const text = jsonTextOf(event, room, this.#olderWires);
    return text === undefined ? [] : [this.#frame(text)];
  }

  deliver(units: readonly Unit[], readers: readonly Reader<JsonOutlet>[]): void {
    const bytes = joined(units);
    const lastSeq = units[units.length - 1]!.seq;
    for (const reader of readers) {
      if (reader.state !== 'detached') reader.outlet.take(reader, bytes, units.length, lastSeq);
    }
  }

  skipped(reader: Reader<JsonOutlet>, firstSeq: number, lastSeq: number): void {
    reader.outlet.miss(lastSeq - firstSeq + 1);
  }
}

function joined(units: readonly Unit[]): Uint8Array {
  if (units.length === 1) return units[0]!.bytes;
  const whole = Buffer.allocUnsafeSlow(units.reduce((length, { bytes }) => length + bytes.length, 0));
  let at = 0;
  for (const { bytes } of units) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}
