import { encodeUtf8 } from '@confab/wire';

/** What a client may say of itself that is not stored, bytes. */
export const EPHEMERAL_BYTES_MAX = 256;
/** Varints below this take one byte, below 16384 two (RFC 9000 §16). */
const ONE_BYTE_MAX = 0x40;

/** An ephemeral as the others get it: `text user`, then what the client said. User names are at most 255 bytes. */
export function attributed(user: string, body: Uint8Array): Uint8Array {
  const name = encodeUtf8(user);
  const head = name.length < ONE_BYTE_MAX ? [name.length] : [0x40 | (name.length >> 8), name.length & 0xff];
  const bytes = new Uint8Array(head.length + name.length + body.length);
  bytes.set(head);
  bytes.set(name, head.length);
  bytes.set(body, head.length + name.length);
  return bytes;
}
