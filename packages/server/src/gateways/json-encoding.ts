import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import { plainWriter, type StreamWriter } from '../streams/writer.ts';
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
  /** `take` comes next with the bytes that the stream writer was told to gather for. */
  expect(): void;
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
  readonly #streams: StreamWriter;

  constructor(name: string, framing: JsonFraming, olderWires: OlderWires, streams: StreamWriter = plainWriter) {
    this.name = name;
    this.#framing = framing;
    this.#streams = streams;
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
    this.#write(readers, joined(units), units.length, units[units.length - 1]!.seq);
  }

  deliverRun(run: FrameRun, readers: readonly Reader<JsonOutlet>[]): void {
    this.#write(readers, run.bytes, run.count, run.lastSeq);
  }

  skipped(reader: Reader<JsonOutlet>, firstSeq: number, lastSeq: number): void {
    reader.outlet.miss(lastSeq - firstSeq + 1);
  }

  #write(readers: readonly Reader<JsonOutlet>[], bytes: Uint8Array, events: number, lastSeq: number): void {
    const isGathering = this.#streams.gather(bytes, readers.length);
    try {
      if (isGathering) for (const { state, outlet } of readers) if (state !== 'detached') outlet.expect();
      for (const reader of readers) {
        if (reader.state !== 'detached') reader.outlet.take(reader, bytes, events, lastSeq);
      }
    } finally {
      if (isGathering) this.#streams.settle();
    }
  }
}
