import { EventKind, type RoomEvent, type Unit, type UnitRun } from '@confab/core';
import { jsonMessageHead, jsonMessageLength, writeJsonMessage } from '@confab/wire/json';
import type { OlderWires } from './degraded.ts';
import { jsonTextOf } from './json-events.ts';
import { type JsonFraming, writeFramed } from './json-framing.ts';

/** Room that runs are written in before they are copied; it grows with the largest of them and stays. */
const SCRATCH_BYTES_MIN = 65_536;

/** Events of a room as one stretch of a stream. */
export class FrameRun implements UnitRun {
  readonly bytes: Uint8Array;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  readonly #authors: readonly number[];
  /** Where the frame of each event ends; where it begins, too, when it has none. */
  readonly #ends: readonly number[];

  constructor(bytes: Uint8Array, events: readonly RoomEvent[], ends: readonly number[], count: number) {
    this.bytes = bytes;
    this.firstSeq = events[0]!.seq;
    this.lastSeq = events[events.length - 1]!.seq;
    this.count = count;
    this.#authors = events.map(({ author }) => author);
    this.#ends = ends;
  }

  unitOf(seq: number): Unit | undefined {
    const index = seq - this.firstSeq;
    const start = index === 0 ? 0 : this.#ends[index - 1]!;
    const end = this.#ends[index]!;
    return end === start ? undefined : new RunUnit(this, seq, this.#authors[index]!, start, end);
  }
}

/** One of them. Nobody asks for it but who reads on from the middle of a run. */
class RunUnit implements Unit {
  readonly run: FrameRun;
  readonly seq: number;
  readonly author: number;
  readonly start: number;
  readonly end: number;

  constructor(run: FrameRun, seq: number, author: number, start: number, end: number) {
    this.run = run;
    this.seq = seq;
    this.author = author;
    this.start = start;
    this.end = end;
  }

  get bytes(): Uint8Array {
    return this.run.bytes.subarray(this.start, this.end);
  }
}

/** The bytes of units, oldest first, as one: without a copy where they are neighbours in a run. */
export function joined(units: readonly Unit[]): Uint8Array {
  const first = units[0]!;
  if (units.length === 1) return first.bytes;
  const last = units[units.length - 1]!;
  // A run is in the order of its events, without gaps, and so is what is delivered: with its ends, all between is there.
  if (first instanceof RunUnit && last instanceof RunUnit && first.run === last.run) {
    return first.run.bytes.subarray(first.start, last.end);
  }
  return Buffer.concat(units.map(({ bytes }) => bytes));
}

/** Writes events of a room one behind the other. */
export class RunWriter {
  readonly #framing: JsonFraming;
  readonly #olderWires: OlderWires;
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES_MIN);
  // A burst has the same room, and often the same user, again and again.
  #room = '';
  #user = '';
  #head = jsonMessageHead('', '');

  constructor(framing: JsonFraming, olderWires: OlderWires) {
    this.#framing = framing;
    this.#olderWires = olderWires;
  }

  /** @param events at least one, neighbours in the room's log */
  write(events: readonly RoomEvent[], room: string): FrameRun {
    const ends: number[] = [];
    let count = 0;
    let at = 0;
    for (const event of events) {
      const end = this.#writeEvent(at, event, room);
      if (end > at) count += 1;
      ends.push(end);
      at = end;
    }
    // Not from the shared pool, which one event that is kept would keep whole.
    const bytes = Buffer.allocUnsafeSlow(at);
    this.#scratch.copy(bytes, 0, 0, at);
    return new FrameRun(bytes, events, ends, count);
  }

  #writeEvent(at: number, event: RoomEvent, room: string): number {
    if (event.kind === EventKind.MESSAGE) {
      const end = this.#writePlain(at, event, room);
      if (end !== -1) return end;
    }
    const text = jsonTextOf(event, room, this.#olderWires);
    if (text === undefined) return at;
    const textBytes = Buffer.byteLength(text);
    this.#ensure(at, at + this.#framing.sizeOf(textBytes));
    return writeFramed(this.#framing, this.#scratch, at, text, textBytes);
  }

  #writePlain(at: number, { user, body, position }: RoomEvent, room: string): number {
    if (room !== this.#room || user !== this.#user) {
      this.#head = jsonMessageHead(room, user);
      this.#room = room;
      this.#user = user;
    }
    const textBytes = jsonMessageLength(this.#head, body, position);
    this.#ensure(at, at + this.#framing.sizeOf(textBytes));
    const start = this.#framing.open(this.#scratch, at, textBytes);
    const end = writeJsonMessage(this.#scratch, start, this.#head, body, position);
    return end === -1 ? -1 : this.#framing.close(this.#scratch, end);
  }

  /** Room up to `end`; what stands before `kept` stays. */
  #ensure(kept: number, end: number): void {
    if (end <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#scratch.length));
    this.#scratch.copy(larger, 0, 0, kept);
    this.#scratch = larger;
  }
}
