import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';
import { HeldBytes } from '../held-bytes.ts';
import { decodeUtf8Range } from '../text.ts';
import { isTcrpOperation, TCRP_PAYLOAD_BYTES_MAX, TCRP_ROOM_BYTES_MAX, type TcrpFrame, TcrpState } from './frame.ts';
import { JsonEndScanner } from './json-end.ts';
import { HEADER32_BYTES, type HeaderReading, readRequestHeader } from './layout.ts';

/** Limits of a {@link TcrpRequestDecoder}. */
export interface TcrpRequestDecoderOptions {
  /** Longest payload taken, bytes, 1–65536; default 65536. */
  readonly payloadBytesMax?: number | undefined;
}

/** What the decoder waits for next. The last four belong to the name-first layout. */
type Stage =
  | 'room-length'
  | 'operation'
  | 'state'
  | 'header'
  | 'body'
  | 'name'
  | 'name-operation'
  | 'name-state'
  | 'name-payload'
  | 'done';

const NOTHING: Decoded<TcrpFrame> = { frames: [] };

/**
 * Server side of TCRP: the one request of a connection, in any of the three layouts (docs/wires/tcrp.md).
 *
 * After one frame or one error the decoder is done: whatever follows is ignored, and nothing is held. Each byte is judged
 * in its order and as soon as it is there, so any split of a stream gives the same frame or the same error:
 *
 * - CODEC_INVALID_FIELD: room name length 0, a control character where the room name or the operation stands, an operation
 *   other than 1 and 2, a state other than 0;
 * - CODEC_TOO_LARGE: a declared payload above the limit, before any of it is held; a payload without length that grows
 *   beyond it;
 * - CODEC_INVALID_UTF8: the room name;
 * - CODEC_TRUNCATED: the peer closed its half in the middle of a frame.
 */
export class TcrpRequestDecoder implements StreamDecoder<TcrpFrame> {
  readonly #payloadBytesMax: number;
  /** The largest frame ends within this many bytes, with itself or with an error; more is not worth holding. */
  readonly #bytesMax: number;
  readonly #held: HeldBytes;
  readonly #scanner = new JsonEndScanner();
  #stage: Stage = 'room-length';
  #header: HeaderReading | undefined;
  /** How far the scanner has looked. */
  #scannedBytes = 0;
  #frame: TcrpFrame | undefined;

  /** @throws {RangeError} `payloadBytesMax` is no whole number within 1–65536 */
  constructor(options: TcrpRequestDecoderOptions = {}) {
    const payloadBytesMax = options.payloadBytesMax ?? TCRP_PAYLOAD_BYTES_MAX;
    if (!Number.isInteger(payloadBytesMax) || payloadBytesMax < 1 || payloadBytesMax > TCRP_PAYLOAD_BYTES_MAX) {
      throw new RangeError(`Limit payloadBytesMax ${payloadBytesMax} is not within 1–${TCRP_PAYLOAD_BYTES_MAX}`);
    }
    this.#payloadBytesMax = payloadBytesMax;
    this.#bytesMax = HEADER32_BYTES + TCRP_ROOM_BYTES_MAX + payloadBytesMax;
    this.#held = new HeldBytes(this.#bytesMax);
  }

  /** Bytes held for the unfinished request; never above 32 + 255 + `payloadBytesMax`. */
  get bufferedBytes(): number {
    return this.#held.length;
  }

  /** Whether the request or an error has been given, so that nothing more will come. */
  get done(): boolean {
    return this.#stage === 'done';
  }

  /** Whether a payload without a length is being collected, which 200 ms without bytes would end: see {@link silence}. */
  get awaitsSilence(): boolean {
    return this.#stage === 'name-payload';
  }

  push(chunk: Uint8Array): Decoded<TcrpFrame> {
    if (this.done) return NOTHING;
    this.#held.append(chunk.subarray(0, this.#bytesMax - this.#held.length));
    try {
      while (this.#advance(this.#held.bytes));
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      return this.#fail(error);
    }
    return this.#takeFrame();
  }

  /** The peer has closed its half: the end of a payload without length, and an error in the middle of anything else. */
  end(): Decoded<TcrpFrame> {
    if (this.done) return NOTHING;
    if (this.#stage === 'name-payload') return this.silence();
    if (this.#held.length > 0) {
      const offset = this.#held.length;
      const message = `Cannot decode TCRP request: the stream ends after ${offset} bytes, before the request does`;
      return this.#fail(new CodecError('CODEC_TRUNCATED', message, offset));
    }
    this.#stage = 'done';
    return NOTHING;
  }

  /** 200 ms have passed without bytes: the end of a payload without length. Harmless at any other time. */
  silence(): Decoded<TcrpFrame> {
    if (this.#stage !== 'name-payload') return NOTHING;
    this.#finishNameFirst(this.#held.bytes, this.#held.length);
    return this.#takeFrame();
  }

  /** Take the next field if its bytes are there. Returns whether it did, and so whether to go on. */
  #advance(bytes: Uint8Array): boolean {
    switch (this.#stage) {
      case 'room-length':
        return bytes.length >= 1 && this.#takeRoomLength(bytes);
      case 'operation':
        return bytes.length >= 2 && this.#takeOperation(bytes);
      case 'state':
        return bytes.length >= 3 && this.#takeState(bytes[2]!, 2, 'header');
      case 'header':
        return this.#takeHeader(bytes);
      case 'body':
        return this.#takeBody(bytes);
      case 'name':
        return this.#takeName(bytes);
      case 'name-operation':
        return this.#takeNameOperation(bytes);
      case 'name-state': {
        const at = bytes[0]! + 2;
        return bytes.length > at && this.#takeState(bytes[at]!, at, 'name-payload');
      }
      case 'name-payload':
        return this.#takeNamePayload(bytes);
      case 'done':
        return false;
    }
  }

  #takeRoomLength(bytes: Uint8Array): boolean {
    if (bytes[0] === 0) throw invalid('room name length 0 is not within 1–255', 0);
    this.#stage = 'operation';
    return true;
  }

  /** Byte 1 is the operation, or in the name-first layout the first byte of the name, which cannot be that small. */
  #takeOperation(bytes: Uint8Array): boolean {
    const byte = bytes[1]!;
    if (byte >= 0x20) this.#stage = 'name';
    else if (isTcrpOperation(byte)) this.#stage = 'state';
    else throw invalid(`byte ${byte} is neither an operation nor the start of a room name`, 1);
    return true;
  }

  #takeState(byte: number, offset: number, next: Stage): boolean {
    if (byte !== TcrpState.REQUEST)
      throw invalid(`state ${byte} is not that of a request, ${TcrpState.REQUEST}`, offset);
    this.#stage = next;
    this.#scannedBytes = offset + 1;
    return true;
  }

  #takeHeader(bytes: Uint8Array): boolean {
    this.#header = readRequestHeader(bytes, this.#payloadBytesMax);
    if (this.#header === undefined) return false;
    this.#stage = 'body';
    return true;
  }

  #takeBody(bytes: Uint8Array): boolean {
    const { layout, headerBytes, payloadBytes } = this.#header!;
    const payloadStart = headerBytes + bytes[0]!;
    if (bytes.length < payloadStart + payloadBytes) return false;
    const room = decodeUtf8Range(bytes, headerBytes, payloadStart);
    const payload = bytes.slice(payloadStart, payloadStart + payloadBytes);
    this.#finish({ layout, operation: operationAt(bytes, 1), state: TcrpState.REQUEST, room, payload });
    return true;
  }

  #takeName(bytes: Uint8Array): boolean {
    if (bytes.length < 1 + bytes[0]!) return false;
    decodeUtf8Range(bytes, 1, 1 + bytes[0]!);
    this.#stage = 'name-operation';
    return true;
  }

  #takeNameOperation(bytes: Uint8Array): boolean {
    const at = 1 + bytes[0]!;
    if (bytes.length <= at) return false;
    operationAt(bytes, at);
    this.#stage = 'name-state';
    return true;
  }

  #takeNamePayload(bytes: Uint8Array): boolean {
    const payloadStart = 3 + bytes[0]!;
    const payloadEndMax = payloadStart + this.#payloadBytesMax;
    const end = this.#scanner.scan(bytes, this.#scannedBytes, Math.min(bytes.length, payloadEndMax));
    if (end !== undefined) {
      this.#finishNameFirst(bytes, end);
      return true;
    }
    if (bytes.length > payloadEndMax) {
      const message = `Cannot decode TCRP request: payload without length exceeds ${this.#payloadBytesMax} bytes`;
      throw new CodecError('CODEC_TOO_LARGE', message, payloadEndMax);
    }
    this.#scannedBytes = bytes.length;
    return false;
  }

  #finishNameFirst(bytes: Uint8Array, end: number): void {
    const nameEnd = 1 + bytes[0]!;
    this.#finish({
      layout: 'name-first',
      operation: operationAt(bytes, nameEnd),
      state: TcrpState.REQUEST,
      room: decodeUtf8Range(bytes, 1, nameEnd),
      payload: bytes.slice(nameEnd + 2, end),
    });
  }

  #finish(frame: TcrpFrame): void {
    this.#frame = frame;
    this.#stage = 'done';
    this.#held.clear();
  }

  #takeFrame(): Decoded<TcrpFrame> {
    const frame = this.#frame;
    if (frame === undefined) return NOTHING;
    this.#frame = undefined;
    return { frames: [frame] };
  }

  #fail(error: CodecError): Decoded<TcrpFrame> {
    this.#stage = 'done';
    this.#held.clear();
    return { frames: [], error };
  }
}

function operationAt(bytes: Uint8Array, offset: number): TcrpFrame['operation'] {
  const byte = bytes[offset]!;
  if (!isTcrpOperation(byte)) throw invalid(`operation ${byte} is unknown`, offset);
  return byte;
}

function invalid(why: string, offset: number): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot decode TCRP request: ${why}`, offset);
}
