import { utf8PrefixEnd } from '../text.ts';
import { JSON_LINE_BYTES_MAX } from './limits.ts';

/*
 * Messages as nearly all programs write them, compact or as Python's `json.dumps` does, with text that stands for itself: no
 * quotation mark, backslash or control character (RFC 8259 §7). A busy server is sent little else, so they are read from the
 * bytes, without a string or an object for each of them; everything else is left to `decodeJsonRequest`, which gives the
 * same text for these.
 */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSING_BRACE = 0x7d;

const COMPACT = asciiOf('{"type":"message","text":"');
const SPACED = asciiOf('{"type": "message", "text": "');
/** Where the two part: a blank, or the quotation mark. */
const FORK = '{"type":'.length;

function asciiOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * Take the plain messages, each in a line of its own, that stand at `start` one behind the other, and push their texts to
 * `bodies`: UTF-8, views of `lines`.
 * @param lineBytesMax longest line that is taken, bytes, without its line feed
 * @returns where the first line begins that is not taken; `start` when none is
 */
export function takePlainMessages(
  lines: Uint8Array,
  start: number,
  bodies: Uint8Array[],
  lineBytesMax: number = JSON_LINE_BYTES_MAX,
): number {
  let at = start;
  for (;;) {
    const textStart = skipHead(lines, at);
    const textEnd = textStart === -1 ? -1 : skipText(lines, textStart);
    if (textEnd === -1 || lines[textEnd + 1] !== CLOSING_BRACE) return at;
    const lineEnd = textEnd + (lines[textEnd + 2] === CARRIAGE_RETURN ? 3 : 2);
    if (lines[lineEnd] !== LINE_FEED || lineEnd - at > lineBytesMax) return at;
    bodies.push(viewOf(lines, textStart, textEnd));
    at = lineEnd + 1;
  }
}

/** The text of a frame that is a plain message and nothing else, as a view of it; undefined when it is none. */
export function plainMessageOf(frame: Uint8Array): Uint8Array | undefined {
  const textStart = skipHead(frame, 0);
  const textEnd = textStart === -1 ? -1 : skipText(frame, textStart);
  if (textEnd === -1 || frame.length !== textEnd + 2 || frame[textEnd + 1] !== CLOSING_BRACE) return undefined;
  return frame.length > JSON_LINE_BYTES_MAX ? undefined : viewOf(frame, textStart, textEnd);
}

/** Where the text begins; -1: no plain message begins at `start`. */
function skipHead(bytes: Uint8Array, start: number): number {
  const head = bytes[start + FORK] === BLANK ? SPACED : COMPACT;
  if (bytes.length - start < head.length) return -1;
  for (let index = 0; index < head.length; index += 1) if (bytes[start + index] !== head[index]) return -1;
  return start + head.length;
}

/** Where the quotation mark behind the text is; -1: there is none, or the text does not stand for itself. */
function skipText(bytes: Uint8Array, start: number): number {
  let all = 0;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return all < 0x80 || utf8PrefixEnd(bytes, start, at) === at ? at : -1;
    if (byte < BLANK || byte === BACKSLASH) return -1;
    all |= byte;
  }
  return -1;
}

/** A plain `Uint8Array`: `subarray` would ask what the bytes are, and take thrice as long. */
function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}
