import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';
import type { WireStats } from '../stats.ts';
import type { Gathered, StreamWriter } from '../streams/writer.ts';
import type { Tap } from '../tap.ts';
import type { OlderWires } from './degraded.ts';
import { jsonTextOf } from './json-events.ts';
import { framed, type JsonFraming } from './json-framing.ts';
import { type FrameRun, joined, RunWriter } from './json-run.ts';

/** Where a member of a JSON stream is written to. */
export interface JsonOutlet {
  /** What the stream writer knows the stream by; NO_LANE: only `take` does. */
  readonly lane: number;
  /** Sequence number of the newest event that was written. */
  handedSeq: number;
  /** Whether something waits for that number: `handed` is to be called then. */
  readonly isAwaiting: boolean;
  /**
   * Write `bytes`, which hold `events` events, the newest with sequence number `lastSeq`, and pause the reader when that
   * was more than the peer can take. The bytes are shared with other outlets.
   */
  take(reader: Reader<JsonOutlet>, bytes: Uint8Array, events: number, lastSeq: number): void;
  /** As `take`, of bytes of which so many were written to the lane. */
  takeRest(reader: Reader<JsonOutlet>, bytes: Uint8Array, taken: number): void;
  /** All up to `lastSeq` was written. */
  handed(lastSeq: number): void;
  /** So many events are left out, since the reader was too far behind. */
  miss(events: number): void;
}

type JsonReaders = readonly Reader<JsonOutlet>[];

export interface JsonStreamEncodingOptions {
  /** What stands for a JSON object in the stream. */
  readonly framing: JsonFraming;
  /** What is shown of what these wires have no words for. */
  readonly olderWires: OlderWires;
  readonly streams: StreamWriter;
  /** Of the wire. What an outlet takes, it counts itself. */
  readonly stats: WireStats;
  readonly tap: Tap;
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
  readonly #stats: WireStats;
  readonly #tap: Tap;

  constructor(name: string, { framing, olderWires, streams, stats, tap }: JsonStreamEncodingOptions) {
    this.name = name;
    this.#framing = framing;
    this.#olderWires = olderWires;
    this.#writer = new RunWriter(framing, olderWires);
    this.#streams = streams;
    this.#stats = stats;
    this.#tap = tap;
  }

  encode(event: RoomEvent, room: string): readonly Uint8Array[] {
    const text = jsonTextOf(event, room, this.#olderWires);
    return text === undefined ? [] : [framed(this.#framing, text)];
  }

  encodeTogether(events: readonly RoomEvent[], room: string): FrameRun {
    return this.#writer.write(events, room);
  }

  deliver(units: readonly Unit[], readers: JsonReaders): void {
    this.#write(readers, joined(units), units.length, units[units.length - 1]!.seq);
  }

  deliverRun(run: FrameRun, readers: JsonReaders): void {
    this.#write(readers, run.bytes, run.count, run.lastSeq);
  }

  skipped(reader: Reader<JsonOutlet>, firstSeq: number, lastSeq: number): void {
    reader.outlet.miss(lastSeq - firstSeq + 1);
  }

  #write(readers: JsonReaders, bytes: Uint8Array, events: number, lastSeq: number): void {
    const handover = new Handover(bytes, lastSeq);
    // Who watches sees each write.
    const isGathering = this.#tap.watcher === undefined && this.#streams.gather(bytes, readers.length, handover);
    const others = isGathering ? this.#writeTogether(readers, handover, events) : readers;
    for (const reader of others) {
      if (reader.state !== 'detached') reader.outlet.take(reader, bytes, events, lastSeq);
    }
  }

  /**
   * Write to all that nothing waits for, by as few system calls as there can be. A thousand readers do not stay in the
   * processor's nearest caches, so what is touched of each is no more than the reader and the beginning of its outlet.
   * @returns who is not written to
   */
  #writeTogether(readers: JsonReaders, handover: Handover, events: number): JsonReaders {
    const others: Reader<JsonOutlet>[] = [];
    for (const reader of readers) {
      if (reader.state === 'detached') continue;
      if (this.#streams.add(reader.outlet.lane)) handover.add(reader);
      else others.push(reader);
    }
    this.#streams.settle();
    const { count, bytes } = handover;
    this.#stats.deliveries += events * count;
    this.#stats.sent += count;
    this.#stats.sentBytes += bytes.length * count;
    return others;
  }
}

/** The same bytes on their way to many. */
class Handover implements Gathered {
  readonly bytes: Uint8Array;
  readonly #lastSeq: number;
  readonly #readers: Reader<JsonOutlet>[] = [];
  readonly #awaiting: JsonOutlet[] = [];

  /** @param lastSeq sequence number of the newest event in it */
  constructor(bytes: Uint8Array, lastSeq: number) {
    this.bytes = bytes;
    this.#lastSeq = lastSeq;
  }

  get count(): number {
    return this.#readers.length;
  }

  add(reader: Reader<JsonOutlet>): void {
    this.#readers.push(reader);
    const { outlet } = reader;
    outlet.handedSeq = this.#lastSeq;
    if (outlet.isAwaiting) this.#awaiting.push(outlet);
  }

  fellShort(index: number, taken: number): void {
    const reader = this.#readers[index]!;
    reader.outlet.takeRest(reader, this.bytes, taken);
  }

  settled(): void {
    for (const outlet of this.#awaiting) outlet.handed(this.#lastSeq);
  }
}
