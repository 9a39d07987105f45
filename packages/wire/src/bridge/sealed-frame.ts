import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';

/** First byte of a sealed frame; no text begins with it (RFC 3629 §1), so that both kinds can share a port. */
export const SEALED_MAGIC = 0xff;
/** Bytes before the ciphertext; authenticated with it. */
export const SEALED_HEADER_BYTES = 19;
/** Bytes of the authentication tag at the end (RFC 8439 §2.8). */
export const SEALED_TAG_BYTES = 16;
/** Largest frame, bytes. */
export const SEALED_FRAME_BYTES_MAX = 1200;
/** Bytes of the name of a pair. */
export const SEALED_PAIR_BYTES = 8;

const BODY_BYTES_MIN = SEALED_TAG_BYTES + 1;
const BODY_BYTES_MAX = SEALED_FRAME_BYTES_MAX - SEALED_HEADER_BYTES;

/** What is readable of a frame between two Confab clients. */
export interface SealedFrame {
  /** Which pair it belongs to, 8 bytes: a relay forwards by it. */
  readonly pair: Uint8Array;
  /** Counts the frames of one sender, from 0; 0–2^53 − 1. */
  readonly counter: number;
  /** The whole frame; ciphertext and tag begin at `SEALED_HEADER_BYTES`. */
  readonly bytes: Uint8Array;
}

/**
 * The header of a sealed frame. Big-endian, 19 bytes:
 *
 *    0      0xff                       9–16   counter
 *    1–8    pair                       17–18  length of what follows: ciphertext and tag, bytes, 17–1181
 *
 * @throws {RangeError} a pair of another length, a counter or a length out of range: our own mistake, no peer's
 */
export function encodeSealedHeader(pair: Uint8Array, counter: number, bodyBytes: number): Uint8Array {
  if (pair.length !== SEALED_PAIR_BYTES) throw new RangeError(`A pair has 8 bytes, not ${pair.length}`);
  if (!Number.isSafeInteger(counter) || counter < 0) throw new RangeError(`No counter: ${counter}`);
  if (bodyBytes < BODY_BYTES_MIN || bodyBytes > BODY_BYTES_MAX) throw new RangeError(`No body of ${bodyBytes} bytes`);
  const header = new Uint8Array(SEALED_HEADER_BYTES);
  const view = new DataView(header.buffer);
  header[0] = SEALED_MAGIC;
  header.set(pair, 1);
  view.setUint32(9, Math.floor(counter / 2 ** 32));
  view.setUint32(13, counter % 2 ** 32);
  view.setUint16(17, bodyBytes);
  return header;
}

/**
 * A datagram to a sealed frame; what it holds is not judged. The result shares the memory of `bytes`.
 * @throws {CodecError} CODEC_TRUNCATED; CODEC_TOO_LARGE: above 1200 bytes; CODEC_INVALID_FIELD: no sealed frame, a counter
 *   above 2^53 − 1, a length that is not that of the datagram
 */
export function decodeSealedFrame(bytes: Uint8Array): SealedFrame {
  if (bytes.length > SEALED_FRAME_BYTES_MAX) throw tooLarge(bytes.length);
  if (bytes.length < SEALED_HEADER_BYTES) {
    throw new CodecError('CODEC_TRUNCATED', `Sealed frame of ${bytes.length} bytes has no header`, bytes.length);
  }
  if (bytes[0] !== SEALED_MAGIC) throw new CodecError('CODEC_INVALID_FIELD', 'It is no sealed frame', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bodyBytes = checkedBodyBytes(view.getUint16(17));
  if (bytes.length !== SEALED_HEADER_BYTES + bodyBytes) {
    throw new CodecError(
      'CODEC_INVALID_FIELD',
      `Sealed frame of ${bytes.length} bytes says that it has another length`,
      17,
    );
  }
  const counter = view.getUint32(9) * 2 ** 32 + view.getUint32(13);
  if (!Number.isSafeInteger(counter)) throw new CodecError('CODEC_INVALID_FIELD', 'A counter is above 2^53 - 1', 9);
  return { pair: bytes.subarray(1, 9), counter, bytes };
}

/** A TCP stream to sealed frames. After an error everything further is ignored and nothing is held. */
export class SealedStreamDecoder implements StreamDecoder<SealedFrame> {
  readonly #held = new Uint8Array(SEALED_FRAME_BYTES_MAX);
  #length = 0;
  #isFailed = false;

  /** Bytes held for an unfinished frame; never above 1200. */
  get bufferedBytes(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): Decoded<SealedFrame> {
    const frames: SealedFrame[] = [];
    let at = 0;
    try {
      while (at < chunk.length && !this.#isFailed) {
        const taken = Math.min(this.#neededBytes() - this.#length, chunk.length - at);
        this.#held.set(chunk.subarray(at, at + taken), this.#length);
        this.#length += taken;
        at += taken;
        if (this.#held[0] !== SEALED_MAGIC) throw new CodecError('CODEC_INVALID_FIELD', 'It is no sealed frame', 0);
        if (this.#length >= SEALED_HEADER_BYTES && this.#length === this.#neededBytes()) {
          const frame = this.#held.slice(0, this.#length);
          this.#length = 0;
          frames.push(decodeSealedFrame(frame));
        }
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#isFailed = true;
      this.#length = 0;
      return { frames, error };
    }
    return { frames };
  }

  /** How long the frame is, as far as is known: at first its header. */
  #neededBytes(): number {
    if (this.#length < SEALED_HEADER_BYTES) return SEALED_HEADER_BYTES;
    return SEALED_HEADER_BYTES + checkedBodyBytes((this.#held[17]! << 8) | this.#held[18]!);
  }
}

function checkedBodyBytes(bodyBytes: number): number {
  if (bodyBytes > BODY_BYTES_MAX) throw tooLarge(SEALED_HEADER_BYTES + bodyBytes);
  if (bodyBytes >= BODY_BYTES_MIN) return bodyBytes;
  throw new CodecError('CODEC_INVALID_FIELD', `${bodyBytes} bytes are too few for a sealed frame's body`, 17);
}

function tooLarge(frameBytes: number): CodecError {
  const message = `Sealed frame of ${frameBytes} bytes exceeds ${SEALED_FRAME_BYTES_MAX}`;
  return new CodecError('CODEC_TOO_LARGE', message, 17);
}
