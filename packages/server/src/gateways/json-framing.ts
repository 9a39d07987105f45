import type { Unit } from '@confab/core';

/** What stands for a JSON object in a stream: a line, or a WebSocket frame. */
export interface JsonFraming {
  /** Bytes of the frame around a text of `textBytes` bytes. */
  sizeOf(textBytes: number): number;
  /** Write the frame, `sizeOf(textBytes)` bytes of it, at `at`. */
  write(into: Buffer, at: number, text: string, textBytes: number): void;
}

/** One text, framed, in a buffer of its own. */
export function framed(framing: JsonFraming, text: string): Buffer {
  const textBytes = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(framing.sizeOf(textBytes));
  framing.write(bytes, 0, text, textBytes);
  return bytes;
}

/** Frames that were written one behind the other into one buffer. */
export class FrameRun {
  readonly bytes: Buffer;
  readonly units: readonly RunUnit[];

  constructor(
    framing: JsonFraming,
    events: readonly { readonly seq: number; readonly author: number }[],
    texts: readonly string[],
  ) {
    const textBytes = texts.map((text) => Buffer.byteLength(text));
    let size = 0;
    for (const length of textBytes) size += framing.sizeOf(length);
    // Not from the shared pool, which one event that is kept would keep whole.
    const bytes = Buffer.allocUnsafeSlow(size);
    const units: RunUnit[] = [];
    let at = 0;
    for (let index = 0; index < texts.length; index += 1) {
      const length = textBytes[index]!;
      const end = at + framing.sizeOf(length);
      framing.write(bytes, at, texts[index]!, length);
      const { seq, author } = events[index]!;
      units.push(new RunUnit(this, seq, author, at, end));
      at = end;
    }
    this.bytes = bytes;
    this.units = units;
  }
}

/** One of them. Mostly the run goes out whole, and nobody ever asks for a view of a part. */
export class RunUnit implements Unit {
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
