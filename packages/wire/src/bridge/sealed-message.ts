import { CodecError } from '../errors.ts';
import { decodeUtf8, encodeUtf8 } from '../text.ts';
import { SEALED_FRAME_BYTES_MAX, SEALED_HEADER_BYTES, SEALED_TAG_BYTES } from './sealed-frame.ts';

/** Bytes of what proves a path. */
export const SEALED_PROOF_BYTES = 16;

const LINE_HEADER_BYTES = 5;
/** Longest text of a sealed line, bytes of UTF-8. */
export const SEALED_TEXT_BYTES_MAX =
  SEALED_FRAME_BYTES_MAX - SEALED_HEADER_BYTES - SEALED_TAG_BYTES - LINE_HEADER_BYTES;

/** What two Confab clients say to each other inside sealed frames. */
export type SealedMessage =
  /** Send this back on the way it came: proves that the way works, and keeps it open. */
  | { readonly type: 'challenge' | 'response'; readonly proof: Uint8Array }
  /** A line; `id` counts the sender's lines from 1, so that none is lost or doubled. 1–2^32 − 1. */
  | { readonly type: 'line'; readonly id: number; readonly text: string }
  /** All lines up to `id` are here. 0–2^32 − 1. */
  | { readonly type: 'ack'; readonly id: number }
  /** The conversation is over. */
  | { readonly type: 'bye' };

const Kind = { CHALLENGE: 1, RESPONSE: 2, LINE: 3, ACK: 4, BYE: 5 } as const;

/**
 * The plaintext of a sealed frame: one byte of kind, then
 *
 *    1 challenge, 2 response   16 bytes           3 line   id (4), UTF-8 text, at most 1160 bytes
 *    4 ack                     id (4)             5 bye    nothing
 *
 * @throws {CodecError} CODEC_TOO_LARGE, CODEC_INVALID_UTF8: of a line's text
 */
export function encodeSealedMessage(message: SealedMessage): Uint8Array {
  switch (message.type) {
    case 'challenge':
    case 'response': {
      const bytes = new Uint8Array(1 + SEALED_PROOF_BYTES);
      bytes[0] = message.type === 'challenge' ? Kind.CHALLENGE : Kind.RESPONSE;
      bytes.set(message.proof, 1);
      return bytes;
    }
    case 'line': {
      const text = encodeUtf8(message.text);
      if (text.length > SEALED_TEXT_BYTES_MAX) throw tooLong(text.length);
      const bytes = withId(Kind.LINE, message.id, text.length);
      bytes.set(text, LINE_HEADER_BYTES);
      return bytes;
    }
    case 'ack':
      return withId(Kind.ACK, message.id, 0);
    case 'bye':
      return Uint8Array.of(Kind.BYE);
  }
}

/** @throws {CodecError} CODEC_TRUNCATED, CODEC_TOO_LARGE, CODEC_INVALID_UTF8, CODEC_INVALID_FIELD: an unknown kind, a wrong size */
export function decodeSealedMessage(bytes: Uint8Array): SealedMessage {
  switch (bytes[0]) {
    case Kind.CHALLENGE:
    case Kind.RESPONSE:
      checkLength(bytes, 1 + SEALED_PROOF_BYTES);
      return { type: bytes[0] === Kind.CHALLENGE ? 'challenge' : 'response', proof: bytes.slice(1) };
    case Kind.LINE: {
      if (bytes.length < LINE_HEADER_BYTES) throw truncated(bytes.length);
      const textBytes = bytes.length - LINE_HEADER_BYTES;
      if (textBytes > SEALED_TEXT_BYTES_MAX) throw tooLong(textBytes);
      const id = idOf(bytes);
      if (id === 0) throw new CodecError('CODEC_INVALID_FIELD', 'A line has no number', 1);
      return { type: 'line', id, text: decodeUtf8(bytes.subarray(LINE_HEADER_BYTES), LINE_HEADER_BYTES) };
    }
    case Kind.ACK:
      checkLength(bytes, LINE_HEADER_BYTES);
      return { type: 'ack', id: idOf(bytes) };
    case Kind.BYE:
      checkLength(bytes, 1);
      return { type: 'bye' };
    case undefined:
      throw truncated(0);
    default:
      throw new CodecError('CODEC_INVALID_FIELD', `Sealed message has unknown kind ${bytes[0]}`, 0);
  }
}

function withId(kind: number, id: number, textBytes: number): Uint8Array {
  const bytes = new Uint8Array(LINE_HEADER_BYTES + textBytes);
  bytes[0] = kind;
  new DataView(bytes.buffer).setUint32(1, id);
  return bytes;
}

function idOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(1);
}

function checkLength(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw truncated(bytes.length);
  if (bytes.length > length) throw new CodecError('CODEC_INVALID_FIELD', 'Bytes follow a sealed message', length);
}

function truncated(length: number): CodecError {
  return new CodecError('CODEC_TRUNCATED', `Sealed message of ${length} bytes ends too early`, length);
}

function tooLong(textBytes: number): CodecError {
  const message = `Text of ${textBytes} bytes exceeds ${SEALED_TEXT_BYTES_MAX}`;
  return new CodecError('CODEC_TOO_LARGE', message, LINE_HEADER_BYTES);
}
