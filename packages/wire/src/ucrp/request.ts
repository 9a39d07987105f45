import { CodecError } from '../errors.ts';
import { decodeUtf8Range, encodeUtf8, utf8PrefixEnd } from '../text.ts';
import {
  checkDatagramSize,
  REQUEST_HEAD_BYTES,
  readUint32,
  UCRP_DATAGRAM_BYTES_MAX,
  UCRP_NAME_BYTES_MAX,
  type UcrpLayout,
  writeUint32,
} from './limits.ts';

/** One datagram from client to server. */
export interface UcrpRequest {
  readonly layout: UcrpLayout;
  /** 1–255 bytes of UTF-8. */
  readonly room: string;
  /** 1–255 bytes of UTF-8. A secret: never logged. */
  readonly token: string;
  /** Valid UTF-8, may be empty. What `decodeUcrpRequest` gives is a view of the datagram: copy it to keep it. */
  readonly message: Uint8Array;
}

/**
 * A datagram to its parts. Integers are big-endian:
 *
 *     compact   [1 room length][1 token length][room][token][message]
 *     wide      [4 room length][room][4 token length][token][4 message length][message]
 *
 * A datagram that begins with two zero bytes is wide, since a compact one cannot have an empty room name.
 *
 * This runs once per chat line: it reads the message without making a string of it, and gives it as a view of `bytes`.
 * @param bytesMax a server that wants to tell the sender of a longer datagram reads it first, and refuses it then
 * @throws {CodecError} CODEC_TOO_LARGE: above `bytesMax`; CODEC_TRUNCATED: shorter than its lengths say;
 *   CODEC_INVALID_FIELD: a room name or token of 0 or more than 255 bytes, or (wide) bytes after the message;
 *   CODEC_INVALID_UTF8: room, token or message
 */
export function decodeUcrpRequest(bytes: Uint8Array, bytesMax: number = UCRP_DATAGRAM_BYTES_MAX): UcrpRequest {
  checkDatagramSize(bytes.length, bytesMax);
  if (bytes.length < 2) throw truncated(bytes.length);
  return bytes[0] === 0 && bytes[1] === 0 ? decodeWide(bytes) : decodeCompact(bytes);
}

function decodeCompact(bytes: Uint8Array): UcrpRequest {
  const roomEnd = 2 + checkLength(bytes[0]!, 'room name', 0);
  const messageStart = roomEnd + checkLength(bytes[1]!, 'token', 1);
  if (messageStart > bytes.length) throw truncated(bytes.length);
  return decodeParts('compact', bytes, 2, roomEnd, roomEnd, messageStart, messageStart);
}

function decodeWide(bytes: Uint8Array): UcrpRequest {
  const roomEnd = 4 + checkLength(readLength(bytes, 0), 'room name', 0);
  const tokenEnd = roomEnd + 4 + checkLength(readLength(bytes, roomEnd), 'token', roomEnd);
  const messageStart = tokenEnd + 4;
  const size = messageStart + readLength(bytes, tokenEnd);
  if (size > bytes.length) throw truncated(bytes.length);
  if (size < bytes.length) throw invalid(`${bytes.length - size} bytes follow the message`, size);
  return decodeParts('wide', bytes, 4, roomEnd, roomEnd + 4, tokenEnd, messageStart);
}

function readLength(bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.length) throw truncated(bytes.length);
  return readUint32(bytes, offset);
}

function decodeParts(
  layout: UcrpLayout,
  bytes: Uint8Array,
  roomStart: number,
  roomEnd: number,
  tokenStart: number,
  tokenEnd: number,
  messageStart: number,
): UcrpRequest {
  const room = decodeUtf8Range(bytes, roomStart, roomEnd);
  const token = decodeUtf8Range(bytes, tokenStart, tokenEnd);
  const validEnd = utf8PrefixEnd(bytes, messageStart, bytes.length);
  if (validEnd < bytes.length) {
    const message = `Cannot decode UCRP request: ill-formed UTF-8 in the message at byte ${validEnd}`;
    throw new CodecError('CODEC_INVALID_UTF8', message, validEnd);
  }
  return { layout, room, token, message: bytes.subarray(messageStart) };
}

/**
 * Parts to a datagram; the inverse of {@link decodeUcrpRequest}, with the same refusals.
 * @throws {CodecError} CODEC_TOO_LARGE, CODEC_INVALID_FIELD, CODEC_INVALID_UTF8
 */
export function encodeUcrpRequest(request: UcrpRequest): Uint8Array {
  const { layout, message } = request;
  const room = encodeUtf8(request.room);
  const token = encodeUtf8(request.token);
  checkLength(room.length, 'room name', 0);
  checkLength(token.length, 'token', layout === 'wide' ? 4 + room.length : 1);
  const messageStart = REQUEST_HEAD_BYTES[layout] + room.length + token.length;
  checkDatagramSize(messageStart + message.length);
  const validEnd = utf8PrefixEnd(message, 0, message.length);
  if (validEnd < message.length) {
    const text = `Cannot encode UCRP request: ill-formed UTF-8 in the message at byte ${validEnd}`;
    throw new CodecError('CODEC_INVALID_UTF8', text, messageStart + validEnd);
  }

  const bytes = new Uint8Array(messageStart + message.length);
  if (layout === 'wide') {
    writeUint32(bytes, 0, room.length);
    bytes.set(room, 4);
    writeUint32(bytes, 4 + room.length, token.length);
    bytes.set(token, 8 + room.length);
    writeUint32(bytes, messageStart - 4, message.length);
  } else {
    bytes[0] = room.length;
    bytes[1] = token.length;
    bytes.set(room, 2);
    bytes.set(token, 2 + room.length);
  }
  bytes.set(message, messageStart);
  return bytes;
}

/**
 * Room left for a message, bytes of UTF-8: 3584–4092 compact, 3574–4082 wide.
 * @throws {CodecError} CODEC_INVALID_FIELD, CODEC_INVALID_UTF8, as `encodeUcrpRequest` would for this room or token
 */
export function ucrpMessageBytesMax(layout: UcrpLayout, room: string, token: string): number {
  const roomBytes = checkLength(encodeUtf8(room).length, 'room name', 0);
  const tokenBytes = checkLength(encodeUtf8(token).length, 'token', layout === 'wide' ? 4 + roomBytes : 1);
  return UCRP_DATAGRAM_BYTES_MAX - REQUEST_HEAD_BYTES[layout] - roomBytes - tokenBytes;
}

function checkLength(length: number, what: string, offset: number): number {
  if (length < 1 || length > UCRP_NAME_BYTES_MAX) {
    throw invalid(`${what} of ${length} bytes is not within 1–${UCRP_NAME_BYTES_MAX}`, offset);
  }
  return length;
}

function truncated(size: number): CodecError {
  const message = `Cannot decode UCRP request: the datagram ends after ${size} bytes, before its fields do`;
  return new CodecError('CODEC_TRUNCATED', message, size);
}

function invalid(why: string, offset: number): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `UCRP request is not valid: ${why}`, offset);
}
