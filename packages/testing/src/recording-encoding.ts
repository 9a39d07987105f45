import type { Encoding, Reader, RoomEvent, Unit } from '@confab/core';

const utf8Decoder = new TextDecoder();

export interface RecordingEncodingOptions {
  readonly name?: string;
  readonly isReplayed?: boolean;
  /** Bytes of an event; default: one piece `seq kind user: body`. */
  readonly encode?: (event: RoomEvent, roomName: string) => readonly Uint8Array[];
}

/** Where a member's units end up in a test. */
export class RecordingOutlet {
  readonly name: string;
  /** Every unit that was written, oldest first. */
  readonly units: Unit[] = [];
  /** Ranges the reader was told it misses, first and last sequence number. */
  readonly skipped: (readonly [firstSeq: number, lastSeq: number])[] = [];
  /** Units this outlet takes before it is full and pauses its reader (after the write that filled it, as a socket does). */
  roomUnits: number;
  /** The reader that writes here, as of the newest delivery. */
  reader: Reader<RecordingOutlet> | undefined;

  constructor(name: string, roomUnits = Number.POSITIVE_INFINITY) {
    this.name = name;
    this.roomUnits = roomUnits;
  }

  /** Sequence numbers of all units written. */
  get seqs(): number[] {
    return this.units.map((unit) => unit.seq);
  }

  /** All units written, as text. */
  get texts(): string[] {
    return this.units.map((unit) => utf8Decoder.decode(unit.bytes));
  }

  /** Make room for so many units (default: any number) and say so to the reader. */
  drain(roomUnits = Number.POSITIVE_INFINITY): void {
    this.roomUnits = roomUnits;
    if (roomUnits > 0) this.reader?.resume();
  }
}

/** An `Encoding` that remembers what it encoded and what it wrote where. */
export class RecordingEncoding implements Encoding<RecordingOutlet> {
  readonly name: string;
  readonly isReplayed: boolean;
  /** Sequence number of every event that was encoded, in the order of the calls. */
  readonly encoded: number[] = [];
  /** One entry per write: the units' sequence numbers and the outlets' names. */
  readonly deliveries: { readonly seqs: readonly number[]; readonly outlets: readonly string[] }[] = [];
  /** Called inside `deliver`, before anything is written. */
  onDeliver: ((units: readonly Unit[], readers: readonly Reader<RecordingOutlet>[]) => void) | undefined;
  /** Called inside `skipped`, after it is noted. */
  onSkipped: ((reader: Reader<RecordingOutlet>) => void) | undefined;
  readonly #encode: RecordingEncodingOptions['encode'];

  constructor({ name = 'recording', isReplayed = true, encode }: RecordingEncodingOptions = {}) {
    this.name = name;
    this.isReplayed = isReplayed;
    this.#encode = encode;
  }

  encode(event: RoomEvent, roomName: string): readonly Uint8Array[] {
    this.encoded.push(event.seq);
    if (this.#encode !== undefined) return this.#encode(event, roomName);
    const text = `${event.seq} ${event.kind} ${event.user}: ${utf8Decoder.decode(event.body)}`;
    return [new TextEncoder().encode(text)];
  }

  deliver(units: readonly Unit[], readers: readonly Reader<RecordingOutlet>[]): void {
    this.deliveries.push({
      seqs: units.map((unit) => unit.seq),
      outlets: readers.map((reader) => reader.outlet.name),
    });
    this.onDeliver?.(units, readers);
    for (const reader of readers) {
      if (reader.state === 'detached') continue;
      const { outlet } = reader;
      outlet.reader = reader;
      outlet.units.push(...units);
      outlet.roomUnits -= units.length;
      if (outlet.roomUnits <= 0) reader.pause();
    }
  }

  skipped(reader: Reader<RecordingOutlet>, firstSeq: number, lastSeq: number): void {
    reader.outlet.skipped.push([firstSeq, lastSeq]);
    this.onSkipped?.(reader);
  }
}
