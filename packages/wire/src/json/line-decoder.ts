import type { Decoded, StreamDecoder } from '../codec.ts';
import { CodecError } from '../errors.ts';
// A plain byte buffer; it knows nothing of TCRP.
import { HeldBytes } from '../held-bytes.ts';
import { decodeUtf8 } from '../text.ts';
import { JSON_LINE_BYTES_MAX } from './limits.ts';

/** A line, not yet looked at; or a line that cannot be had, after which the stream goes on all the same. */
export type JsonLine =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'too-long' }
  | { readonly kind: 'bad-utf8' };

/** Limits of a {@link JsonLineDecoder}. */
export interface JsonLineDecoderOptions {
  /** Longest line taken, bytes, without its line feed; default 65536. */
  readonly lineBytesMax?: number | undefined;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TOO_LONG: JsonLine = { kind: 'too-long' };
const BAD_UTF8: JsonLine = { kind: 'bad-utf8' };

/**
 * A stream to lines (docs/wires/json-lines.md). A line ends with LF; one CR before it is no part of it, but counts towards
 * the limit. Empty lines are passed over.
 *
 * No input is an error that ends the stream: a line above the limit is told of once, as soon as it is above, and skipped up
 * to its line feed; a line that is not UTF-8 is told of when it ends. Both leave the lines around them alone.
 *
 * The lines that lie within one chunk are decoded from there together, without a copy: a chunk of many costs one call of the
 * text decoder.
 */
export class JsonLineDecoder implements StreamDecoder<JsonLine> {
  readonly #lineBytesMax: number;
  readonly #held: HeldBytes;
  /** Whether the line that is coming has been told of as too long. */
  #isSkipping = false;

  /** @throws {RangeError} `lineBytesMax` is no whole number above 0 */
  constructor(options: JsonLineDecoderOptions = {}) {
    const lineBytesMax = options.lineBytesMax ?? JSON_LINE_BYTES_MAX;
    if (!Number.isSafeInteger(lineBytesMax) || lineBytesMax < 1) {
      throw new RangeError(`Limit lineBytesMax ${lineBytesMax} is not a whole number above 0`);
    }
    this.#lineBytesMax = lineBytesMax;
    this.#held = new HeldBytes(lineBytesMax);
  }

  /** Bytes held for an unfinished line; never above `lineBytesMax`. */
  get bufferedBytes(): number {
    return this.#held.length;
  }

  /** Whether a line has begun that has not ended, also one that is being skipped. */
  get isWithinLine(): boolean {
    return this.#isSkipping || this.#held.length > 0;
  }

  push(chunk: Uint8Array): Decoded<JsonLine> {
    const frames: JsonLine[] = [];
    let start = 0;
    if (this.isWithinLine) {
      start = chunk.indexOf(LINE_FEED) + 1;
      if (start > 0) this.#finishLine(chunk.subarray(0, start - 1), frames);
    }
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > start) this.#takeLines(chunk.subarray(start, end), frames);
    if (end < chunk.length) this.#beginLine(chunk.subarray(end), frames);
    return { frames };
  }

  /** The peer has closed its half. What it sent since the last line feed is a line too: some programs leave the last one out. */
  end(): Decoded<JsonLine> {
    const frames: JsonLine[] = [];
    this.#finishLine(new Uint8Array(0), frames);
    return { frames };
  }

  /** @param lines whole ones, the line feed of the last one included */
  #takeLines(lines: Uint8Array, frames: JsonLine[]): void {
    // Then none of them is too long.
    if (lines.length <= this.#lineBytesMax) {
      const text = textOf(lines);
      if (text !== undefined) {
        splitLines(text, frames);
        return;
      }
    }
    let start = 0;
    for (let end = lines.indexOf(LINE_FEED); end !== -1; end = lines.indexOf(LINE_FEED, start)) {
      this.#finishLine(lines.subarray(start, end), frames);
      start = end + 1;
    }
  }

  #finishLine(rest: Uint8Array, frames: JsonLine[]): void {
    if (this.#isSkipping) {
      this.#isSkipping = false;
    } else if (this.#held.length + rest.length > this.#lineBytesMax) {
      this.#held.clear();
      frames.push(TOO_LONG);
    } else if (this.#held.length === 0) {
      takeLine(rest, frames);
    } else {
      this.#held.append(rest);
      takeLine(this.#held.bytes, frames);
      this.#held.clear();
    }
  }

  #beginLine(piece: Uint8Array, frames: JsonLine[]): void {
    if (this.#isSkipping) return;
    if (this.#held.length + piece.length <= this.#lineBytesMax) {
      this.#held.append(piece);
      return;
    }
    this.#isSkipping = true;
    this.#held.clear();
    frames.push(TOO_LONG);
  }
}

function takeLine(bytes: Uint8Array, frames: JsonLine[]): void {
  const end = bytes[bytes.length - 1] === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  if (end > 0) frames.push(lineOf(bytes.subarray(0, end)));
}

function lineOf(bytes: Uint8Array): JsonLine {
  const text = textOf(bytes);
  return text === undefined ? BAD_UTF8 : { kind: 'line', text };
}

/** Undefined: not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return undefined;
  }
}

/** As `takeLine` for each line of a text that ends with a line feed. */
function splitLines(text: string, frames: JsonLine[]): void {
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    const last = end > start && text.charCodeAt(end - 1) === CARRIAGE_RETURN ? end - 1 : end;
    if (last > start) frames.push({ kind: 'line', text: text.slice(start, last) });
    start = end + 1;
  }
}
