import { CodecError } from '../errors.ts';
import { encodeUtf8 } from '../text.ts';
import { varintBytes, writeVarint } from './varint.ts';

const BYTES_MIN = 128;

/** Fields of a handshake frame or a record, one after the other, into bytes that grow. Not for the path of every packet. */
export class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;

  /** @param bytes about how many there will be */
  constructor(bytes = BYTES_MIN) {
    this.#bytes = new Uint8Array(bytes);
  }

  byte(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#at] = value;
    this.#at += 1;
    return this;
  }

  uint16(value: number): this {
    return this.byte(value >>> 8).byte(value & 0xff);
  }

  /** Big-endian, 8 bytes. @throws {CodecError} CODEC_INVALID_FIELD not a whole number from 0 to 2^53 − 1 */
  uint64(value: number): this {
    checkNumber(value);
    this.#reserve(8);
    let rest = value;
    for (let index = 7; index >= 0; index -= 1) {
      this.#bytes[this.#at + index] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#at += 8;
    return this;
  }

  /** @throws {CodecError} CODEC_INVALID_FIELD not a whole number from 0 to 2^53 − 1 */
  varint(value: number): this {
    checkNumber(value);
    this.#reserve(varintBytes(value));
    this.#at = writeVarint(this.#bytes, this.#at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** @throws {CodecError} CODEC_INVALID_FIELD when `value` has another length than `count` */
  fixed(value: Uint8Array, count: number, name: string): this {
    if (value.length !== count) throw refused(`${value.length}-byte ${name} is not ${count} bytes`);
    return this.bytes(value);
  }

  /** A text with its length before it. @throws {CodecError} CODEC_TOO_LARGE above `bytesMax`; CODEC_INVALID_UTF8 */
  text(value: string, name: string, bytesMax: number): this {
    const encoded = encodeText(value, name, bytesMax);
    return this.varint(encoded.length).bytes(encoded);
  }

  /** A text that takes the rest. @throws {CodecError} as {@link text} */
  restText(value: string, name: string, bytesMax: number): this {
    return this.bytes(encodeText(value, name, bytesMax));
  }

  /** What was written: a copy of exactly that size. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** UTF-8 of a text. @throws {CodecError} CODEC_TOO_LARGE above `bytesMax`; CODEC_INVALID_UTF8 a lone surrogate */
export function encodeText(value: string, name: string, bytesMax: number): Uint8Array {
  const encoded = encodeUtf8(value);
  if (encoded.length > bytesMax)
    throw new CodecError('CODEC_TOO_LARGE', `Cannot encode ${name}: ${encoded.length} bytes exceed ${bytesMax}`, 0);
  return encoded;
}

/** What an encoder says of a value that its decoder would refuse. */
export function refused(why: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot encode: ${why}`, 0);
}

function checkNumber(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw refused(`number ${value} is not within 0–2^53 − 1`);
}
