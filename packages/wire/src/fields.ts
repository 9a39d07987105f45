import { CodecError } from './errors.ts';
import { decodeUtf8 } from './text.ts';

/** One field of a unit as it stands in its bytes, for showing it to people. */
export interface Field {
  /** Of its first byte, from the start of the unit. */
  readonly offset: number;
  /** In bytes; at least 1. */
  readonly length: number;
  /** In the words of the wire's page, such as `room length`. */
  readonly name: string;
  /** What the bytes say: a number, quoted text, or nothing where they say nothing by themselves. */
  readonly value: string;
  /** What that means, or what is wrong with it; may be empty. */
  readonly note: string;
}

/**
 * Takes a unit apart, field after field. Total: where the bytes end too early a field is as long as what is there and its
 * note says so; so the fields always cover every byte of the unit, once.
 */
export class FieldWriter {
  readonly fields: Field[] = [];
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are in no field yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** A big-endian unsigned number of `length` bytes. What it says, or undefined when the unit ends before it does. */
  number(length: number, name: string, note: string | ((value: number) => string) = ''): number | undefined {
    const isWhole = this.left >= length;
    let value = 0;
    for (let index = 0; index < length && isWhole; index += 1) value = value * 256 + this.#bytes[this.#at + index]!;
    const text = typeof note === 'string' ? note : isWhole ? note(value) : '';
    this.#add(length, name, isWhole ? String(value) : '', text);
    return isWhole ? value : undefined;
  }

  /** Where the next field begins. */
  get at(): number {
    return this.#at;
  }

  /** A number of 1, 2, 4 or 8 bytes (RFC 9000 §16). What it says, or undefined when the unit ends before it does. */
  varint(name: string, note: string | ((value: number) => string) = ''): number | undefined {
    if (this.left === 0) return undefined;
    const first = this.#bytes[this.#at]!;
    const length = 1 << (first >> 6);
    let value = first & 0x3f;
    const isWhole = this.left >= length;
    for (let index = 1; index < length && isWhole; index += 1) value = value * 256 + this.#bytes[this.#at + index]!;
    const text = typeof note === 'string' ? note : isWhole ? note(value) : '';
    this.#add(length, name, isWhole ? String(value) : '', text);
    return isWhole ? value : undefined;
  }

  /** Bytes that are no text. @returns whether all of them are there */
  bytes(length: number, name: string, note = ''): boolean {
    const isWhole = this.left >= length;
    this.#add(length, name, '', note);
    return isWhole;
  }

  /** UTF-8 text of `length` bytes, or all the rest. The text, or undefined when it is cut short or no UTF-8. */
  text(length: number | undefined, name: string, note: string | ((text: string) => string) = ''): string | undefined {
    const wanted = Math.max(0, length ?? this.left);
    const bytes = this.#bytes.subarray(this.#at, this.#at + wanted);
    let text: string | undefined;
    try {
      text = decodeUtf8(bytes);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
    if (text === undefined) this.#add(wanted, name, '', 'not UTF-8');
    else this.#add(wanted, name, JSON.stringify(text), typeof note === 'string' ? note : note(text));
    return bytes.length < wanted ? undefined : text;
  }

  /** All that is left, if anything is. */
  rest(name: string, note: string): void {
    if (this.left > 0) this.#add(this.left, name, '', note);
  }

  /** @param wanted bytes; less than none counts as none */
  #add(wanted: number, name: string, value: string, note: string): void {
    const length = Math.max(0, Math.min(wanted, this.left));
    const missing = Math.max(0, wanted - length);
    const complaint = missing === 0 ? note : `cut short: ${missing} bytes are missing`;
    if (length > 0) this.fields.push({ offset: this.#at, length, name, value, note: complaint });
    this.#at += length;
  }
}

/** Which way a unit goes, seen from the server. */
export type Direction = 'in' | 'out';
