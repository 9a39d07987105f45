import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';
import { HeldBytes } from '../held-bytes.ts';
import { decodeUtf8Range } from '../text.ts';
import { isTcrpOperation, TCRP_PAYLOAD_BYTES_MAX, TCRP_ROOM_BYTES_MAX, type TcrpFrame, TcrpState } from './frame.ts';
import { HEADER32_BYTES, header32, readPayloadLength } from './layout.ts';

/**
 * Client side of TCRP: the frames a server answers with, in the 32-byte layout (docs/wires/tcrp.md).
 *
 * Frames may come in any split, several in a chunk. After an error everything further is ignored and nothing is held:
 *
 * - CODEC_INVALID_FIELD: room name length 0, an unknown operation, a state other than 1 and 2;
 * - CODEC_TOO_LARGE: a declared payload above 65536 bytes, before any of it is held;
 * - CODEC_INVALID_UTF8: the room name;
 * - CODEC_TRUNCATED: the server closed in the middle of a frame.
 *
 * The offset of an error counts from the start of its frame.
 */
export class TcrpAnswerDecoder implements StreamDecoder<TcrpFrame> {
  readonly #held = new HeldBytes(HEADER32_BYTES + TCRP_ROOM_BYTES_MAX + TCRP_PAYLOAD_BYTES_MAX);
  /** Size of the frame being collected, bytes: that of its header until the header is whole. */
  #frameBytes = HEADER32_BYTES;
  #isFailed = false;

  /** Bytes held for an unfinished frame; never above 32 + 255 + 65536. */
  get bufferedBytes(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): Decoded<TcrpFrame> {
    const frames: TcrpFrame[] = [];
    let rest = chunk;
    try {
      while (!this.#isFailed && rest.length > 0) {
        const taken = Math.min(rest.length, this.#frameBytes - this.#held.length);
        this.#held.append(rest.subarray(0, taken));
        rest = rest.subarray(taken);
        const frame = this.#takeFrame();
        if (frame !== undefined) frames.push(frame);
      }
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      return this.#fail(frames, error);
    }
    return { frames };
  }

  /** The server has closed its half. */
  end(): Decoded<TcrpFrame> {
    const offset = this.#held.length;
    if (offset === 0) return { frames: [] };
    const message = `Cannot decode TCRP answer: the stream ends after ${offset} of ${this.#frameBytes} bytes`;
    return this.#fail([], new CodecError('CODEC_TRUNCATED', message, offset));
  }

  #takeFrame(): TcrpFrame | undefined {
    const bytes = this.#held.bytes;
    const [operation, state] = checkFirstBytes(bytes);
    if (bytes.length < HEADER32_BYTES) return undefined;
    const { payloadBytes } = header32(readPayloadLength(bytes, HEADER32_BYTES), TCRP_PAYLOAD_BYTES_MAX);
    const payloadStart = HEADER32_BYTES + bytes[0]!;
    this.#frameBytes = payloadStart + payloadBytes;
    if (bytes.length < this.#frameBytes) return undefined;

    const room = decodeUtf8Range(bytes, HEADER32_BYTES, payloadStart);
    const payload = bytes.slice(payloadStart);
    this.#held.clear();
    this.#frameBytes = HEADER32_BYTES;
    return { layout: 'header32', operation: operation!, state: state!, room, payload };
  }

  #fail(frames: readonly TcrpFrame[], error: CodecError): Decoded<TcrpFrame> {
    this.#isFailed = true;
    this.#held.clear();
    return { frames, error };
  }
}

/** Judge the first three bytes, as many as are there, so that a stream of something else fails at once. */
function checkFirstBytes(bytes: Uint8Array): [TcrpFrame['operation']?, TcrpFrame['state']?] {
  const [roomBytes, operation, state] = bytes;
  if (roomBytes === 0) throw invalid('room name length 0 is not within 1–255', 0);
  if (operation === undefined) return [];
  if (!isTcrpOperation(operation)) throw invalid(`operation ${operation} is unknown`, 1);
  if (state === undefined) return [operation];
  if (state !== TcrpState.RESPONSE && state !== TcrpState.COMPLETE) {
    throw invalid(`state ${state} is not that of an answer`, 2);
  }
  return [operation, state];
}

function invalid(why: string, offset: number): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot decode TCRP answer: ${why}`, offset);
}
