import { CodecError } from '../errors.ts';
import { decodeUtf8, utf8PrefixEnd } from '../text.ts';
import { HEAD_BYTES, isStage1Type, STAGE1_DATAGRAM_BYTES_MAX, type Stage1Layout, Stage1Type } from './limits.ts';

/** One datagram, in either direction. */
export interface Stage1Datagram {
  readonly layout: Stage1Layout;
  /** Always CHAT in the plain layout, which can say nothing else. */
  readonly type: Stage1Type;
  /** 0–255 bytes of UTF-8; which names are allowed is the core's to say. */
  readonly user: string;
  /** Valid UTF-8, may be empty. What `decodeStage1` gives is a view of the datagram: copy it to keep it. */
  readonly message: Uint8Array;
}

/**
 * The layout of a datagram from an address that has not been heard before. A first byte of 6 or more is no type, so it is the
 * length of a user name; 0–5 is a type if the user name that byte 1 then announces fits the datagram.
 *
 * The rule can err for a plain datagram whose user name has 0–5 bytes and whose message is long; so an address keeps the
 * layout it began with, and is not judged anew at each line.
 */
export function stage1LayoutOf(bytes: Uint8Array): Stage1Layout {
  const [type, userBytes] = bytes;
  if (type === undefined || userBytes === undefined || !isStage1Type(type)) return 'plain';
  return HEAD_BYTES.typed + userBytes <= bytes.length ? 'typed' : 'plain';
}

/**
 * A datagram to its parts:
 *
 *     typed   [1 type][1 user name length][user name][message]
 *     plain   [1 user name length][user name][message]
 *
 * This runs once per chat line: it reads the message without making a string of it, and gives it as a view of `bytes`.
 * @param layout missing: by {@link stage1LayoutOf}
 * @param bytesMax a server that wants to tell the sender of a longer datagram reads it first, and refuses it then
 * @throws {CodecError} CODEC_TOO_LARGE: above `bytesMax`; CODEC_TRUNCATED: shorter than its user name length says;
 *   CODEC_INVALID_FIELD: a type above 5, when `layout` says that there is one; CODEC_INVALID_UTF8: user name or message
 */
export function decodeStage1(
  bytes: Uint8Array,
  layout: Stage1Layout = stage1LayoutOf(bytes),
  bytesMax: number = STAGE1_DATAGRAM_BYTES_MAX,
): Stage1Datagram {
  if (bytes.length > bytesMax) {
    const message = `Stage 1 datagram of ${bytes.length} bytes exceeds ${bytesMax}`;
    throw new CodecError('CODEC_TOO_LARGE', message, bytesMax);
  }
  const type = layout === 'typed' ? typeOf(bytes) : Stage1Type.CHAT;
  const userStart = HEAD_BYTES[layout];
  requireBytes(bytes, userStart);
  const messageStart = userStart + bytes[userStart - 1]!;
  requireBytes(bytes, messageStart);
  const user = decodeUtf8(bytes.subarray(userStart, messageStart), userStart);
  const validEnd = utf8PrefixEnd(bytes, messageStart, bytes.length);
  if (validEnd < bytes.length) {
    const message = `Cannot decode stage 1 datagram: ill-formed UTF-8 in the message at byte ${validEnd}`;
    throw new CodecError('CODEC_INVALID_UTF8', message, validEnd);
  }
  return { layout, type, user, message: bytes.subarray(messageStart) };
}

function typeOf(bytes: Uint8Array): Stage1Type {
  requireBytes(bytes, 1);
  const type = bytes[0]!;
  if (isStage1Type(type)) return type;
  throw new CodecError('CODEC_INVALID_FIELD', `Cannot decode stage 1 datagram: type ${type} is not within 0–5`, 0);
}

function requireBytes(bytes: Uint8Array, needed: number): void {
  if (bytes.length >= needed) return;
  const message = `Cannot decode stage 1 datagram: it ends after ${bytes.length} of ${needed} bytes`;
  throw new CodecError('CODEC_TRUNCATED', message, bytes.length);
}
