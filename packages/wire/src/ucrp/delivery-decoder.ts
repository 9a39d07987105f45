import { CodecError } from '../errors.ts';
import { decodeUtf8Range } from '../text.ts';
import { UcrpDeliveryType } from './delivery.ts';
import { checkDatagramSize, readUint32, UCRP_NAME_BYTES_MAX, UCRP_ROOM_CLOSED } from './limits.ts';

/** Form of the datagrams a server sends: string dialect, object dialect, or the four-byte layout. */
export type UcrpDeliveryForm = 'string' | 'typed' | 'wide';

/** One datagram from server to client. Only the typed form knows more kinds than chat. */
export type UcrpDelivery =
  | { readonly kind: 'chat' | 'system' | 'join' | 'leave'; readonly user: string; readonly text: string }
  | { readonly kind: 'closed' };

const KINDS = {
  [UcrpDeliveryType.CHAT]: 'chat',
  [UcrpDeliveryType.SYSTEM]: 'system',
  [UcrpDeliveryType.JOIN]: 'join',
  [UcrpDeliveryType.LEAVE]: 'leave',
} as const satisfies Record<UcrpDeliveryType, string>;

/**
 * A datagram from the server to what it says. In the string and wide forms the whole datagram is first compared with
 * `__ROOM_CLOSED__`; no chat line can equal it, since byte 0 would be a sender length of 95 in 15 bytes.
 * @throws {CodecError} CODEC_TOO_LARGE: above 4096 bytes; CODEC_TRUNCATED: shorter than its lengths say;
 *   CODEC_INVALID_FIELD: an unknown type, a user name above 255 bytes, or bytes after the message; CODEC_INVALID_UTF8
 */
export function decodeDelivery(form: UcrpDeliveryForm, bytes: Uint8Array): UcrpDelivery {
  checkDatagramSize(bytes.length);
  switch (form) {
    case 'string':
      return isRoomClosed(bytes) ? { kind: 'closed' } : decodeChatString(bytes);
    case 'wide':
      return isRoomClosed(bytes) ? { kind: 'closed' } : decodeChatWide(bytes);
    case 'typed':
      return decodeTyped(bytes);
  }
}

function decodeChatString(bytes: Uint8Array): UcrpDelivery {
  requireBytes(bytes, 1);
  const messageStart = 1 + bytes[0]!;
  requireBytes(bytes, messageStart);
  return parts('chat', bytes, 1, messageStart, messageStart, bytes.length);
}

function decodeTyped(bytes: Uint8Array): UcrpDelivery {
  requireBytes(bytes, 1);
  const kind = KINDS[bytes[0] as UcrpDeliveryType];
  if (kind === undefined) throw invalid(`type ${bytes[0]} is not within 1–4`, 0);
  requireBytes(bytes, 3);
  const messageStart = 3 + bytes[1]!;
  return parts(kind, bytes, 3, messageStart, messageStart, messageStart + bytes[2]!);
}

function decodeChatWide(bytes: Uint8Array): UcrpDelivery {
  requireBytes(bytes, 4);
  const userBytes = readUint32(bytes, 0);
  if (userBytes > UCRP_NAME_BYTES_MAX)
    throw invalid(`user name of ${userBytes} bytes exceeds ${UCRP_NAME_BYTES_MAX}`, 0);
  const userEnd = 4 + userBytes;
  requireBytes(bytes, userEnd + 4);
  return parts('chat', bytes, 4, userEnd, userEnd + 4, userEnd + 4 + readUint32(bytes, userEnd));
}

function parts(
  kind: (typeof KINDS)[UcrpDeliveryType],
  bytes: Uint8Array,
  userStart: number,
  userEnd: number,
  messageStart: number,
  messageEnd: number,
): UcrpDelivery {
  requireBytes(bytes, messageEnd);
  if (messageEnd < bytes.length) throw invalid(`${bytes.length - messageEnd} bytes follow the message`, messageEnd);
  return {
    kind,
    user: decodeUtf8Range(bytes, userStart, userEnd),
    text: decodeUtf8Range(bytes, messageStart, messageEnd),
  };
}

function isRoomClosed(bytes: Uint8Array): boolean {
  if (bytes.length !== UCRP_ROOM_CLOSED.length) return false;
  for (let index = 0; index < bytes.length; index += 1) {
    if (bytes[index] !== UCRP_ROOM_CLOSED.charCodeAt(index)) return false;
  }
  return true;
}

function requireBytes(bytes: Uint8Array, needed: number): void {
  if (bytes.length >= needed) return;
  const message = `Cannot decode UCRP delivery: the datagram ends after ${bytes.length} of ${needed} bytes`;
  throw new CodecError('CODEC_TRUNCATED', message, bytes.length);
}

function invalid(why: string, offset: number): CodecError {
  return new CodecError('CODEC_INVALID_FIELD', `Cannot decode UCRP delivery: ${why}`, offset);
}
