import { CodecError } from '../errors.ts';
import { encodeUtf8, splitUtf8, utf8PrefixEnd } from '../text.ts';
import { UCRP_DATAGRAM_BYTES_MAX, UCRP_NAME_BYTES_MAX, UCRP_ROOM_CLOSED, writeUint32 } from './limits.ts';

/** Byte 0 of a typed datagram (object dialect). */
export const UcrpDeliveryType = { CHAT: 1, SYSTEM: 2, JOIN: 3, LEAVE: 4 } as const;
export type UcrpDeliveryType = (typeof UcrpDeliveryType)[keyof typeof UcrpDeliveryType];

/** Longest message of one typed datagram, bytes: what its one-byte length can say. */
export const UCRP_TYPED_MESSAGE_BYTES_MAX = 255;

const closed = encodeUtf8(UCRP_ROOM_CLOSED);

/**
 * A chat line for a member of the string dialect: `[1 sender length][sender][message]`, at most 4096 bytes a datagram. A
 * message that does not fit is several datagrams, cut at character boundaries; an empty one is one datagram.
 * @param user 0–255 bytes of UTF-8
 * @param message Text, or its UTF-8
 * @throws {CodecError} CODEC_INVALID_FIELD: the user name is too long; CODEC_INVALID_UTF8
 */
export function encodeChatString(user: string, message: string | Uint8Array): Uint8Array[] {
  const sender = encodeUser(user);
  const headBytes = 1 + sender.length;
  return splitUtf8(messageBytes(message), UCRP_DATAGRAM_BYTES_MAX - headBytes).map((piece) => {
    const bytes = new Uint8Array(headBytes + piece.length);
    bytes[0] = sender.length;
    bytes.set(sender, 1);
    bytes.set(piece, headBytes);
    return bytes;
  });
}

/**
 * A line for a member of the object dialect: `[1 type][1 user length][1 message length][user][message]`. The one-byte
 * length holds 255 bytes: a longer message is several datagrams, cut at character boundaries.
 * @param user 0–255 bytes of UTF-8
 * @param message Text, or its UTF-8
 * @throws {CodecError} CODEC_INVALID_FIELD: unknown type, or the user name is too long; CODEC_INVALID_UTF8
 */
export function encodeTyped(type: UcrpDeliveryType, user: string, message: string | Uint8Array): Uint8Array[] {
  if (!(type >= UcrpDeliveryType.CHAT && type <= UcrpDeliveryType.LEAVE && Number.isInteger(type))) {
    throw new CodecError('CODEC_INVALID_FIELD', `Cannot encode UCRP delivery: type ${type} is not within 1–4`, 0);
  }
  const sender = encodeUser(user);
  return splitUtf8(messageBytes(message), UCRP_TYPED_MESSAGE_BYTES_MAX).map((piece) => {
    const bytes = new Uint8Array(3 + sender.length + piece.length);
    bytes[0] = type;
    bytes[1] = sender.length;
    bytes[2] = piece.length;
    bytes.set(sender, 3);
    bytes.set(piece, 3 + sender.length);
    return bytes;
  });
}

/**
 * A line for a member of the four-byte layout: `[4 sender length][sender][4 message length][message]`, big-endian, at most
 * 4096 bytes a datagram; a longer message is several datagrams, cut at character boundaries.
 * @param user 0–255 bytes of UTF-8
 * @param message Text, or its UTF-8
 * @throws {CodecError} CODEC_INVALID_FIELD: the user name is too long; CODEC_INVALID_UTF8
 */
export function encodeChatWide(user: string, message: string | Uint8Array): Uint8Array[] {
  const sender = encodeUser(user);
  const headBytes = 8 + sender.length;
  return splitUtf8(messageBytes(message), UCRP_DATAGRAM_BYTES_MAX - headBytes).map((piece) => {
    const bytes = new Uint8Array(headBytes + piece.length);
    writeUint32(bytes, 0, sender.length);
    bytes.set(sender, 4);
    writeUint32(bytes, 4 + sender.length, piece.length);
    bytes.set(piece, headBytes);
    return bytes;
  });
}

/** The datagram that tells string dialect members that their room is gone: 15 bytes, without any length. */
export function roomClosedDatagram(): Uint8Array {
  return closed.slice();
}

function encodeUser(user: string): Uint8Array {
  const bytes = encodeUtf8(user);
  if (bytes.length > UCRP_NAME_BYTES_MAX) {
    const message = `Cannot encode UCRP delivery: user name of ${bytes.length} bytes exceeds ${UCRP_NAME_BYTES_MAX}`;
    throw new CodecError('CODEC_INVALID_FIELD', message, 0);
  }
  return bytes;
}

/** The message as UTF-8, checked: what goes out must be decodable, and the cuts must fall between characters. */
function messageBytes(message: string | Uint8Array): Uint8Array {
  if (typeof message === 'string') return encodeUtf8(message);
  const validEnd = utf8PrefixEnd(message, 0, message.length);
  if (validEnd === message.length) return message;
  const text = `Cannot encode UCRP delivery: ill-formed UTF-8 in the message at byte ${validEnd}`;
  throw new CodecError('CODEC_INVALID_UTF8', text, validEnd);
}
