import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import type { OlderWires } from './degraded.ts';
import { jsonTextOf } from './json-events.ts';
import { FrameRun, framed, type JsonFraming, joined } from './json-framing.ts';

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
 * How streams of JSON (lines, WebSocket frames) show a room: what is delivered at a time is written once, into one buffer,
 * for all who read along, so that a member costs one write and no copy.
 */
export class JsonStreamEncoding implements Encoding<JsonOutlet> {
  readonly name: string;
  /** Joins come with history, and a stream that is full goes on where it stopped. */
  readonly isReplayed = true;
  readonly #framing: JsonFraming;
  readonly #olderWires: OlderWires;

  constructor(name: string, framing: JsonFraming, olderWires: OlderWires) {
    this.name = name;
    this.#framing = framing;
    this.#olderWires = olderWires;
  }

  encode(event: RoomEvent, room: string): readonly Uint8Array[] {
    const text = jsonTextOf(event, room, this.#olderWires);
    return text === undefined ? [] : [framed(this.#framing, text)];
  }

  encodeTogether(events: readonly RoomEvent[], room: string): readonly Unit[] {
    const told: RoomEvent[] = [];
    const texts: string[] = [];
    for (const event of events) {
      const text = jsonTextOf(event, room, this.#olderWires);
      if (text === undefined) continue;
      told.push(event);
      texts.push(text);
    }
    return new FrameRun(this.#framing, told, texts).units;
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
