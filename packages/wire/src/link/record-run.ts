import { FrameType } from './frames.ts';
import { varintBytes, writeVarint } from './varint.ts';

/** Fewer records than this are sent each by itself: small talk, which may be copied. */
export const RUN_RECORDS_MIN = 9;
/** And more than this, too: half a window, so that a run is never more than a reader may take at once. */
export const RUN_RECORDS_MAX = 512;
/** Longer records are no part of a run, bytes: each frame of it fits into any packet. */
export const RUN_RECORD_BYTES_MAX = 1_024;
/** A run has no more bytes of records than this, so that a connection takes it in one piece. */
export const RUN_BYTES_MAX = 16_384;
/** Channels of which a run's frames are kept; those of others are made anew for each session. */
const CHANNELS_KEPT_MAX = 8;

/** A run as it goes out on a channel: frames RECORD back to back, each with its length. Shared: never written to. */
export interface RunFrames {
  /** Number of the first record. */
  readonly first: number;
  readonly bytes: Uint8Array;
  /** Where each frame begins, and where the last one ends. */
  readonly starts: Uint32Array;
}

/**
 * Neighbours of a log, of which many sessions send the same: their frames are made once for each channel number, which
 * is the same for nearly all of them.
 */
export class RecordRun {
  /** Number of the first record. */
  readonly first: number;
  readonly #bodies: readonly Uint8Array[];
  readonly #frames = new Map<number, RunFrames>();

  /** @returns undefined when the records had better be sent one by one: they are few, very many, or long */
  static of(first: number, bodies: readonly Uint8Array[]): RecordRun | undefined {
    if (bodies.length < RUN_RECORDS_MIN || bodies.length > RUN_RECORDS_MAX) return undefined;
    let bytes = 0;
    for (const { length } of bodies) {
      if (length > RUN_RECORD_BYTES_MAX) return undefined;
      bytes += length;
    }
    return bytes > RUN_BYTES_MAX ? undefined : new RecordRun(first, bodies);
  }

  private constructor(first: number, bodies: readonly Uint8Array[]) {
    this.first = first;
    this.#bodies = bodies;
  }

  /** Number of the last record. */
  get last(): number {
    return this.first + this.#bodies.length - 1;
  }

  framesOn(channel: number): RunFrames {
    const known = this.#frames.get(channel);
    if (known !== undefined) return known;
    const frames = this.#encode(channel);
    if (this.#frames.size < CHANNELS_KEPT_MAX) this.#frames.set(channel, frames);
    return frames;
  }

  #encode(channel: number): RunFrames {
    const starts = new Uint32Array(this.#bodies.length + 1);
    for (const [index, body] of this.#bodies.entries()) {
      const fields = varintBytes(channel) + varintBytes(this.first + index) + body.length;
      starts[index + 1] = starts[index]! + 1 + varintBytes(fields) + fields;
    }
    const bytes = new Uint8Array(starts[this.#bodies.length]!);
    for (const [index, body] of this.#bodies.entries()) {
      const at = starts[index]!;
      const number = this.first + index;
      bytes[at] = FrameType.RECORD;
      let end = writeVarint(bytes, at + 1, varintBytes(channel) + varintBytes(number) + body.length);
      end = writeVarint(bytes, end, channel);
      end = writeVarint(bytes, end, number);
      bytes.set(body, end);
    }
    return { first: this.first, bytes, starts };
  }
}

/** Bytes of the length field of a run's frame. */
export function lengthFieldBytes({ bytes, starts }: RunFrames, index: number): number {
  return 1 << (bytes[starts[index]! + 1]! >>> 6);
}

/** How many of a run's frames, from one on and before another, fit into a packet's `room`: the last one needs no length there. */
export function framesThatFit(frames: RunFrames, from: number, to: number, room: number): number {
  const { starts } = frames;
  const end = starts[from]! + room;
  if (starts[to]! <= end) return to - from;
  let low = from;
  let high = to;
  // The frames before `low` fit with their lengths, those before `high` do not.
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= end) low = middle;
    else high = middle;
  }
  return high - from - (starts[high]! - lengthFieldBytes(frames, high - 1) <= end ? 0 : 1);
}
