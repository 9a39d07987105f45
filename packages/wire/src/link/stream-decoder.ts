import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';
import { HeldBytes } from '../held-bytes.ts';
import { readFrames, tooLarge } from './frame-reader.ts';
import { FrameCollector, type FrameVisitor, type LinkFrame } from './frames.ts';
import { LINK_FRAME_BYTES_MAX } from './limits.ts';
import { readVarint, varintSizeOf } from './varint.ts';

/** Type and length, each at most 8 bytes. */
const HEAD_BYTES_MAX = 16;

export interface FrameStreamDecoderOptions {
  /** Body of one frame, bytes; 1–65536. */
  readonly frameBytesMax?: number;
}

/**
 * The stream of a connection, after HELLO or WELCOME, to frames. Frames that are whole in a chunk are read where they lie, so
 * that their views are of the chunk; of one that goes on in the next chunk the bytes are held.
 *
 * A length is judged as soon as it is there, before any of the body is held. After an error everything further is ignored
 * and nothing is held: whatever `readFrames` throws. Offsets count from the start of the stretch that was read last.
 */
export class FrameStreamDecoder implements StreamDecoder<LinkFrame> {
  readonly #frameBytesMax: number;
  readonly #held: HeldBytes;
  #isFailed = false;

  /** @throws {RangeError} `frameBytesMax` is no whole number within 1–65536 */
  constructor(options: FrameStreamDecoderOptions = {}) {
    const frameBytesMax = options.frameBytesMax ?? LINK_FRAME_BYTES_MAX;
    if (!Number.isInteger(frameBytesMax) || frameBytesMax < 1 || frameBytesMax > LINK_FRAME_BYTES_MAX)
      throw new RangeError(`Limit frameBytesMax ${frameBytesMax} is not within 1–${LINK_FRAME_BYTES_MAX}`);
    this.#frameBytesMax = frameBytesMax;
    this.#held = new HeldBytes(HEAD_BYTES_MAX + frameBytesMax);
  }

  /** Bytes held for an unfinished frame; never above 16 + `frameBytesMax`. */
  get bufferedBytes(): number {
    return this.#held.length;
  }

  /** The frames as values, PADDING left out. */
  push(chunk: Uint8Array): Decoded<LinkFrame> {
    const collector = new FrameCollector();
    const error = this.read(chunk, collector);
    return error === undefined ? { frames: collector.frames } : { frames: collector.frames, error };
  }

  /**
   * Hand the frames that become whole to a visitor.
   * @returns the error that ended the stream, once
   */
  read(chunk: Uint8Array, visitor: FrameVisitor): CodecError | undefined {
    if (this.#isFailed) return undefined;
    try {
      this.#read(chunk, visitor);
      return undefined;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#isFailed = true;
      this.#held.clear();
      return error;
    }
  }

  #read(chunk: Uint8Array, visitor: FrameVisitor): void {
    let at = 0;
    while (this.#held.length > 0) {
      const taken = this.#completeHeld(chunk, at);
      at += taken;
      const whole = this.#held.bytes;
      if (frameBytesAt(whole, 0, this.#frameBytesMax) !== whole.length) {
        if (at < chunk.length) continue;
        return;
      }
      // The storage is given up, not used again: views of it stay as they are.
      this.#held.clear();
      readFrames(whole, false, visitor, this.#frameBytesMax);
    }
    const start = at;
    let bad: CodecError | undefined;
    try {
      for (;;) {
        const size = frameBytesAt(chunk, at, this.#frameBytesMax);
        if (size === undefined || size > chunk.length - at) break;
        at += size;
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      bad = error;
    }
    if (at > start) readFrames(chunk.subarray(start, at), false, visitor, this.#frameBytesMax);
    if (bad !== undefined) throw bad;
    if (at < chunk.length) this.#held.append(chunk.subarray(at));
  }

  /**
   * Hold what the held frame still lacks: a byte at a time until its length is known, then all of it that is there.
   * @returns how many bytes of the chunk were taken
   */
  #completeHeld(chunk: Uint8Array, at: number): number {
    const size = frameBytesAt(this.#held.bytes, 0, this.#frameBytesMax);
    const wanted = size === undefined ? 1 : size - this.#held.length;
    const taken = Math.min(wanted, chunk.length - at);
    this.#held.append(chunk.subarray(at, at + taken));
    return taken;
  }
}

/**
 * Bytes of the frame that begins at `at`, undefined when its length is not there yet.
 * @throws {CodecError} CODEC_TOO_LARGE: its body is above the limit, or its type or length above 2^53 − 1
 */
function frameBytesAt(bytes: Uint8Array, at: number, frameBytesMax: number): number | undefined {
  if (at >= bytes.length) return undefined;
  const lengthAt = at + varintSizeOf(bytes[at]!);
  if (lengthAt >= bytes.length) return undefined;
  const bodyAt = lengthAt + varintSizeOf(bytes[lengthAt]!);
  if (bodyAt > bytes.length) return undefined;
  readVarint(bytes, at);
  const length = readVarint(bytes, lengthAt);
  if (length > frameBytesMax) throw tooLarge(length, frameBytesMax, at);
  return bodyAt - at + length;
}
