import { ByteReader } from './byte-reader.ts';
import { encodeText } from './byte-writer.ts';
import { LINK_NAME_BYTES_MAX } from './limits.ts';
import { varintBytes, writeVarint } from './varint.ts';

/** Kinds of what is said once and forgotten: docs/wires/link.md "Ephemeral". */
export const EphemeralKind = { TYPING: 1 } as const;

const HAS_STOPPED = 0;
const IS_TYPING = 1;

/** Whether one is writing, as a client says it of itself: one byte. */
export function encodeTyping(isTyping: boolean): Uint8Array {
  return Uint8Array.of(isTyping ? IS_TYPING : HAS_STOPPED);
}

/** Any bytes mean something: only a 0 in the first place says that somebody has stopped. */
export function decodeTyping(body: Uint8Array): boolean {
  return body[0] !== HAS_STOPPED;
}

/** An ephemeral as a server passes it on: `text user`, then what the user's client said. */
export interface AttributedEphemeral {
  /** 0–255 bytes of UTF-8. */
  readonly user: string;
  readonly body: Uint8Array;
}

/** @throws {CodecError} CODEC_TOO_LARGE, CODEC_INVALID_UTF8: the user */
export function encodeAttributed({ user, body }: AttributedEphemeral): Uint8Array {
  const name = encodeText(user, 'user name', LINK_NAME_BYTES_MAX);
  const head = varintBytes(name.length);
  const bytes = new Uint8Array(head + name.length + body.length);
  writeVarint(bytes, 0, name.length);
  bytes.set(name, head);
  bytes.set(body, head + name.length);
  return bytes;
}

/**
 * The body is a view of the bytes.
 * @throws {CodecError} CODEC_TRUNCATED; CODEC_TOO_LARGE: the name is longer than 255 bytes; CODEC_INVALID_UTF8
 */
export function decodeAttributed(bytes: Uint8Array): AttributedEphemeral {
  const reader = new ByteReader(bytes, 'ephemeral');
  return { user: reader.text('user name', LINK_NAME_BYTES_MAX), body: reader.rest() };
}
