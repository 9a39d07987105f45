import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import type { OlderWires } from './degraded.ts';
import { jsonTextOf } from './json-events.ts';
import { framed, type JsonFraming } from './json-framing.ts';
import { type FrameRun, joined, RunWriter } from './json-run.ts';

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
  readonly #writer: RunWriter;

  constructor(name: string, framing: JsonFraming, olderWires: OlderWires) {
    this.name = name;
    this.#framing = framing;
    this.#olderWires = olderWires;
    this.#writer = new RunWriter(framing, olderWires);
  }

  encode(event: RoomEvent, room: string): readonly Uint8Array[] {
    const text = jsonTextOf(event, room, this.#olderWires);
    return text === undefined ? [] : [framed(this.#framing, text)];
  }

  encodeTogether(events: readonly RoomEvent[], room: string): FrameRun {
    return this.#writer.write(events, room);
  }

  deliver(units: readonly Unit[], readers: readonly Reader<JsonOutlet>[]): void {
    write(readers, joined(units), units.length, units[units.length - 1]!.seq);
  }

  deliverRun(run: FrameRun, readers: readonly Reader<JsonOutlet>[]): void {
    write(readers, run.bytes, run.count, run.lastSeq);
  }

  skipped(reader: Reader<JsonOutlet>, firstSeq: number, lastSeq: number): void {
    reader.outlet.miss(lastSeq - firstSeq + 1);
  }
}

function write(readers: readonly Reader<JsonOutlet>[], bytes: Uint8Array, events: number, lastSeq: number): void {
  for (const reader of readers) {
    if (reader.state !== 'detached') reader.outlet.take(reader, bytes, events, lastSeq);
  }
}
