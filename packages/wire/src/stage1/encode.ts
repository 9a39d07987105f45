import { CodecError } from '../errors.ts';
import { encodeUtf8, splitUtf8, utf8PrefixEnd } from '../text.ts';
import type { Stage1Datagram } from './decode.ts';
import {
  HEAD_BYTES,
  isStage1Type,
  STAGE1_DATAGRAM_BYTES_MAX,
  STAGE1_SYSTEM_USER,
  STAGE1_USER_BYTES_MAX,
  type Stage1Layout,
  Stage1Type,
} from './limits.ts';

/**
 * Parts to one datagram; the inverse of `decodeStage1` when that is told the layout. It refuses what `decodeStage1` would,
 * and an empty system line, which crashes clients.
 * @throws {CodecError} CODEC_INVALID_FIELD: an unknown type, one that the plain layout cannot say, a user name above 255
 *   bytes, or an empty system line; CODEC_TOO_LARGE: above 4096 bytes in all; CODEC_INVALID_UTF8
 */
export function encodeStage1(datagram: Stage1Datagram): Uint8Array {
  const { layout, type } = datagram;
  const user = checkUser(datagram.user);
  const message = checkMessage(datagram.message);
  checkType(layout, type);
  if (type === Stage1Type.SYSTEM) refuseEmpty(message);
  const size = HEAD_BYTES[layout] + user.length + message.length;
  if (size > STAGE1_DATAGRAM_BYTES_MAX) {
    const text = `Stage 1 datagram of ${size} bytes exceeds ${STAGE1_DATAGRAM_BYTES_MAX}`;
    throw new CodecError('CODEC_TOO_LARGE', text, STAGE1_DATAGRAM_BYTES_MAX);
  }
  return assemble(layout, type, user, message);
}

/**
 * A chat line for a client. A line that does not fit is several datagrams, cut between characters; an empty one is one.
 * @param user 0–255 bytes of UTF-8
 * @param message Text, or its UTF-8
 * @throws {CodecError} CODEC_INVALID_FIELD: the user name is too long; CODEC_INVALID_UTF8
 */
export function encodeStage1Chat(layout: Stage1Layout, user: string, message: string | Uint8Array): Uint8Array[] {
  return encodeLine(layout, Stage1Type.CHAT, checkUser(user), checkMessage(message));
}

/**
 * A line of the server's own, from user `SYSTEM`; usually one of `stage1Texts`. In the plain layout only the user name tells
 * it from chat.
 * @throws {CodecError} CODEC_INVALID_FIELD: the text is empty; CODEC_INVALID_UTF8
 */
export function encodeStage1System(layout: Stage1Layout, text: string): Uint8Array[] {
  const message = checkMessage(text);
  refuseEmpty(message);
  const type = layout === 'typed' ? Stage1Type.SYSTEM : Stage1Type.CHAT;
  return encodeLine(layout, type, checkUser(STAGE1_SYSTEM_USER), message);
}

/**
 * Room left for a message in one datagram, bytes of UTF-8: 3839–4094 typed, 3840–4095 plain.
 * @throws {CodecError} CODEC_INVALID_FIELD, CODEC_INVALID_UTF8, as `encodeStage1` would for this user name
 */
export function stage1MessageBytesMax(layout: Stage1Layout, user: string): number {
  return STAGE1_DATAGRAM_BYTES_MAX - HEAD_BYTES[layout] - checkUser(user).length;
}

function encodeLine(layout: Stage1Layout, type: Stage1Type, user: Uint8Array, message: Uint8Array): Uint8Array[] {
  const bytesMax = STAGE1_DATAGRAM_BYTES_MAX - HEAD_BYTES[layout] - user.length;
  return splitUtf8(message, bytesMax).map((piece) => assemble(layout, type, user, piece));
}

function assemble(layout: Stage1Layout, type: Stage1Type, user: Uint8Array, message: Uint8Array): Uint8Array {
  const userStart = HEAD_BYTES[layout];
  const bytes = new Uint8Array(userStart + user.length + message.length);
  // In the plain layout both are byte 0, and the length is the one that counts.
  bytes[0] = type;
  bytes[userStart - 1] = user.length;
  bytes.set(user, userStart);
  bytes.set(message, userStart + user.length);
  return bytes;
}

function checkType(layout: Stage1Layout, type: number): void {
  if (!isStage1Type(type)) throw refusal(`type ${type} is not within 0–5`);
  if (layout === 'plain' && type !== Stage1Type.CHAT) throw refusal(`the plain layout cannot say type ${type}`);
}

function checkUser(user: string): Uint8Array {
  const bytes = encodeUtf8(user);
  if (bytes.length > STAGE1_USER_BYTES_MAX) {
    throw refusal(`user name of ${bytes.length} bytes exceeds ${STAGE1_USER_BYTES_MAX}`);
  }
  return bytes;
}

/** The message as UTF-8, checked: what goes out must be decodable, and the cuts must fall between characters. */
function checkMessage(message: string | Uint8Array): Uint8Array {
  if (typeof message === 'string') return encodeUtf8(message);
  const validEnd = utf8PrefixEnd(message, 0, message.length);
  if (validEnd === message.length) return message;
  const text = `Cannot encode stage 1 datagram: ill-formed UTF-8 in the message at byte ${validEnd}`;
  throw new CodecError('CODEC_INVALID_UTF8', text, validEnd);
}

function refuseEmpty(message: Uint8Array): void {
  if (message.length === 0) throw refusal('a system line must not be empty');
}

function refusal(why: string): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot encode stage 1 datagram: ${why}`, 0);
}
