import { encodeUtf8 } from '../text.ts';
import { encodeJsonMessage } from './event.ts';

/*
 * `encodeJsonMessage` from bytes to bytes, for text that stands for itself: a burst of chat is written into one buffer, with
 * neither a string nor an object for each message.
 */

const BLANK = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ASCII_END = 0x80;

/** What stands behind the text, around the number. */
const BEFORE_SEQ = encodeUtf8('","seq":');
const CLOSING_BRACE = 0x7d;
const ZERO = 0x30;

/**
 * What stands before the text of a message: `{"type":"message","room":…,"user":…,"text":"`, UTF-8.
 * @throws {CodecError} CODEC_INVALID_UTF8 for a lone surrogate
 */
export function jsonMessageHead(room: string, user: string): Uint8Array {
  const message = encodeJsonMessage(room, user, '', 0);
  return encodeUtf8(message.slice(0, message.length - '","seq":0}'.length));
}

/** Length of the JSON object of a message whose text is written as it is. */
export function jsonMessageLength(head: Uint8Array, body: Uint8Array, seq: number): number {
  return head.length + body.length + BEFORE_SEQ.length + digitsOf(seq) + 1;
}

/**
 * Write the JSON object of a message at `at`, where there is room for `jsonMessageLength` bytes.
 * @param seq a whole number from 0 to 2^53 − 1
 * @returns where it ends; -1: the text is not all ASCII that stands for itself (RFC 8259 §7), and what was written is void
 */
export function writeJsonMessage(
  into: Uint8Array,
  at: number,
  head: Uint8Array,
  body: Uint8Array,
  seq: number,
): number {
  let to = copy(into, at, head);
  const { length } = body;
  for (let index = 0; index < length; index += 1) {
    const byte = body[index]!;
    if (byte < BLANK || byte === QUOTE || byte === BACKSLASH || byte >= ASCII_END) return -1;
    into[to] = byte;
    to += 1;
  }
  to = copy(into, to, BEFORE_SEQ);
  const end = to + digitsOf(seq);
  let rest = seq;
  for (let place = end - 1; place >= to; place -= 1) {
    const higher = Math.floor(rest / 10);
    into[place] = ZERO + (rest - 10 * higher);
    rest = higher;
  }
  into[end] = CLOSING_BRACE;
  return end + 1;
}

function copy(into: Uint8Array, at: number, bytes: Uint8Array): number {
  const { length } = bytes;
  for (let index = 0; index < length; index += 1) into[at + index] = bytes[index]!;
  return at + length;
}

/** Digits of a whole number from 0 on. */
function digitsOf(seq: number): number {
  let digits = 1;
  for (let bound = 10; bound <= seq; bound *= 10) digits += 1;
  return digits;
}
