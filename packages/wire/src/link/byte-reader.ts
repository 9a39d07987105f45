import { CodecError } from '../errors.ts';
import { decodeUtf8Range } from '../text.ts';
import { readVarint, varintSizeOf } from './varint.ts';

/**
 * Takes the fields of a frame or record one after the other. Whatever is not there, too large or no text is a CodecError
 * with its offset; nothing is read beyond the end and nothing is copied.
 */
export class ByteReader {
  #bytes: Uint8Array;
  #at: number;
  #end: number;
  #what: string;

  /** @param what in the words of an error: `Cannot decode <what>: …` */
  constructor(bytes: Uint8Array, what: string, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#what = what;
  }

  /** Read something else: for those who read many. */
  reset(bytes: Uint8Array, what: string, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#what = what;
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  byte(): number {
    this.#need(1);
    const byte = this.#bytes[this.#at]!;
    this.#at += 1;
    return byte;
  }

  /** Big-endian, 2 bytes. */
  uint16(): number {
    return this.byte() * 256 + this.byte();
  }

  /**
   * Big-endian, 8 bytes.
   * @throws {CodecError} CODEC_TOO_LARGE above 2^53 − 1
   */
  uint64(): number {
    const start = this.#at;
    this.#need(8);
    let value = 0;
    for (let index = 0; index < 8; index += 1) value = value * 256 + this.byte();
    if (!Number.isSafeInteger(value)) throw this.error('CODEC_TOO_LARGE', 'number above 2^53 − 1', start);
    return value;
  }

  varint(): number {
    const at = this.#at;
    if (at >= this.#end) throw this.#truncated();
    const size = varintSizeOf(this.#bytes[at]!);
    if (at + size > this.#end) throw this.#truncated();
    this.#at = at + size;
    return readVarint(this.#bytes, at);
  }

  /** A view of the next bytes. */
  take(count: number): Uint8Array {
    this.#need(count);
    const start = this.#at;
    this.#at += count;
    return this.#bytes.subarray(start, this.#at);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /**
   * A text with its length before it.
   * @throws {CodecError} CODEC_TOO_LARGE above `bytesMax`; CODEC_TRUNCATED; CODEC_INVALID_UTF8
   */
  text(name: string, bytesMax: number): string {
    const start = this.#at;
    const length = this.varint();
    if (length > bytesMax) throw this.error('CODEC_TOO_LARGE', `${length}-byte ${name} exceeds ${bytesMax}`, start);
    this.#need(length);
    this.#at += length;
    return decodeUtf8Range(this.#bytes, this.#at - length, this.#at);
  }

  /**
   * A text that takes all that is left.
   * @throws {CodecError} CODEC_TOO_LARGE above `bytesMax`; CODEC_INVALID_UTF8
   */
  restText(name: string, bytesMax: number): string {
    const start = this.#at;
    if (this.left > bytesMax)
      throw this.error('CODEC_TOO_LARGE', `${this.left}-byte ${name} exceeds ${bytesMax}`, start);
    this.#at = this.#end;
    return decodeUtf8Range(this.#bytes, start, this.#end);
  }

  /** @throws {CodecError} CODEC_INVALID_FIELD when anything is left */
  finish(): void {
    if (this.left > 0) throw this.error('CODEC_INVALID_FIELD', `${this.left} bytes after its last field`);
  }

  error(code: CodecError['code'], why: string, offset = this.#at): CodecError {
    return new CodecError(code, `Cannot decode ${this.#what}: ${why}`, offset);
  }

  #need(count: number): void {
    if (count > this.#end - this.#at) throw this.#truncated();
  }

  #truncated(): CodecError {
    return this.error('CODEC_TRUNCATED', 'it ends too early', this.#end);
  }
}
