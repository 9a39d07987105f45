/**
 * Text as the wires carry it: strict UTF-8 (RFC 3629) and JSON in the form that Python programs write.
 *
 * Decoding is fatal everywhere: bytes that are not well-formed UTF-8 give a CodecError and never U+FFFD, so that what one
 * member sends is what the others receive. A byte order mark is a character like any other and is kept.
 */
import { CodecError } from './errors.ts';

const encoder = new TextEncoder();
const fatalDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longest text, bytes, that is decoded without the call into TextDecoder, which costs more than 24 ASCII characters do. */
const INLINE_BYTES_MAX = 24;

/** Longest text, UTF-16 units, that is encoded without the call into TextEncoder: names, mostly. */
const INLINE_TEXT_MAX = 32;

/** A value that JSON can hold; numbers are safe integers (see {@link pythonJson}). */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [member: string]: JsonValue | undefined };

/**
 * Text to UTF-8.
 * @throws {CodecError} CODEC_INVALID_UTF8 when the text holds a lone surrogate, which has no UTF-8 form (RFC 3629 §3)
 */
export function encodeUtf8(text: string): Uint8Array {
  if (text.length <= INLINE_TEXT_MAX) {
    const bytes = encodeShortAscii(text);
    if (bytes !== undefined) return bytes;
  }
  if (!text.isWellFormed()) {
    throw new CodecError('CODEC_INVALID_UTF8', 'Cannot encode text as UTF-8: it holds a lone surrogate', 0);
  }
  return encoder.encode(text);
}

/**
 * UTF-8 to text, fatally, keeping a byte order mark.
 * @param offset Where `bytes` begins in its frame or datagram; added to the offset of the error.
 * @throws {CodecError} CODEC_INVALID_UTF8 with the offset of the first ill-formed sequence
 */
export function decodeUtf8(bytes: Uint8Array, offset = 0): string {
  return decodePart(bytes, 0, bytes.length, offset);
}

/**
 * The text in `bytes[start..end)` of a frame or datagram; as {@link decodeUtf8}, without the cost of a view for short text.
 * @throws {CodecError} CODEC_INVALID_UTF8 with the offset of the first ill-formed sequence, from the start of `bytes`
 */
export function decodeUtf8Range(bytes: Uint8Array, start: number, end: number): string {
  return decodePart(bytes, start, end, 0);
}

function encodeShortAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return undefined;
    bytes[index] = unit;
  }
  return bytes;
}

function decodePart(bytes: Uint8Array, start: number, end: number, offset: number): string {
  if (end - start <= INLINE_BYTES_MAX) {
    const text = decodeShortAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  try {
    return fatalDecoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    const bad = offset + utf8PrefixEnd(bytes, start, end);
    throw new CodecError('CODEC_INVALID_UTF8', `Cannot decode text: ill-formed UTF-8 at byte ${bad}`, bad, { cause });
  }
}

function decodeShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index]!;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Whether the bytes are well-formed UTF-8. Makes no string and throws nothing. */
export function isValidUtf8(bytes: Uint8Array): boolean {
  return utf8PrefixEnd(bytes, 0, bytes.length) === bytes.length;
}

/**
 * End of the longest well-formed UTF-8 text that begins at `start` and does not reach beyond `end`; equal to `end` exactly
 * when all of it is well-formed. The table is that of RFC 3629 §4 (no overlong forms, no surrogates, nothing above U+10FFFF).
 */
export function utf8PrefixEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end) {
    const lead = bytes[index]!;
    if (lead < 0x80) {
      index += 1;
      // Most chat is ASCII: four bytes a step for as long as that holds.
      while (index + 4 <= end && (bytes[index]! | bytes[index + 1]! | bytes[index + 2]! | bytes[index + 3]!) < 0x80) {
        index += 4;
      }
      continue;
    }
    const size = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size === 0 || index + size > end) return index;
    // Only the second byte has a narrower range than 80–BF, and only after these four lead bytes.
    const second = bytes[index + 1]!;
    if (second < (lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80)) return index;
    if (second > (lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf)) return index;
    if (size > 2 && (bytes[index + 2]! & 0xc0) !== 0x80) return index;
    if (size > 3 && (bytes[index + 3]! & 0xc0) !== 0x80) return index;
    index += size;
  }
  return end;
}

/**
 * Cut UTF-8 into pieces of at most `maxBytes`, never inside a character. The pieces are views of `bytes`, in order, and
 * together are all of it; an empty input gives one empty piece, since an empty message is a message too.
 *
 * The input is taken as valid: bytes that are not are cut somewhere, and nothing is lost.
 * @throws {RangeError} `maxBytes` is below 4, the size of the longest character
 */
export function splitUtf8(bytes: Uint8Array, maxBytes: number): Uint8Array[] {
  if (!(maxBytes >= 4))
    throw new RangeError(`Cannot split UTF-8 into pieces of ${maxBytes} bytes: at least 4 are needed`);
  if (bytes.length <= maxBytes) return [bytes];
  const pieces: Uint8Array[] = [];
  let start = 0;
  while (bytes.length - start > maxBytes) {
    const end = characterBoundary(bytes, start + maxBytes);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  pieces.push(bytes.subarray(start));
  return pieces;
}

/** The last place at or before `index` where a character begins; `index` itself when none is within one character's size. */
function characterBoundary(bytes: Uint8Array, index: number): number {
  for (let boundary = index; boundary > index - 4; boundary -= 1) {
    if ((bytes[boundary]! & 0xc0) !== 0x80) return boundary;
  }
  return index;
}

/**
 * JSON text as Python's `json.dumps` gives it by default: `", "` and `": "` between items, everything outside printable
 * ASCII as lower-case `\uXXXX` (a character above U+FFFF as a surrogate pair), members in insertion order. A member whose
 * value is `undefined` is left out.
 *
 * Numbers must be safe integers: Python writes other numbers in another form than JavaScript, and no wire needs them.
 * @throws {CodecError} CODEC_INVALID_UTF8 for a lone surrogate; CODEC_INVALID_FIELD for a number that is no safe integer
 */
export function pythonJson(value: JsonValue): string {
  if (typeof value === 'string') return pythonJsonString(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      throw new CodecError('CODEC_INVALID_FIELD', `Cannot encode number ${value}: not a safe integer`, 0);
    }
    return JSON.stringify(value);
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${pythonJsonString(name)}: ${pythonJson(member)}`);
  }
  return `{${members.join(', ')}}`;
}

function pythonJsonString(text: string): string {
  if (!text.isWellFormed()) {
    throw new CodecError('CODEC_INVALID_UTF8', 'Cannot encode JSON string: it holds a lone surrogate', 0);
  }
  // JSON.stringify escapes quotes, backslashes and C0 controls just as Python does; DEL and non-ASCII are left to do.
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
