import { CodecError } from '../errors.ts';

/** Largest datagram in either direction, bytes, header included. */
export const UCRP_DATAGRAM_BYTES_MAX = 4096;
/** Longest room name, user name or token, bytes: what a one-byte length can say. */
export const UCRP_NAME_BYTES_MAX = 255;

/** String dialect: a message that binds the sender's address to its token and is not chat. */
export const UCRP_REGISTER = '__REGISTER__';
/** String dialect: a message that leaves the room and is not chat. */
export const UCRP_LEAVE = '__LEAVE__';
/** String dialect, server to client: these 15 bytes are a whole datagram, without any length. */
export const UCRP_ROOM_CLOSED = '__ROOM_CLOSED__';

/**
 * How a datagram is laid out (docs/wires/ucrp.md): one-byte lengths, as programs send, or the four-byte lengths of one
 * description. A client is answered in the layout it used.
 */
export type UcrpLayout = 'compact' | 'wide';

/** Number of bytes before the room name of a request. */
export const REQUEST_HEAD_BYTES = { compact: 2, wide: 12 } as const satisfies Record<UcrpLayout, number>;

/** @throws {CodecError} CODEC_TOO_LARGE when a datagram of this size is above the limit */
export function checkDatagramSize(size: number, bytesMax: number = UCRP_DATAGRAM_BYTES_MAX): void {
  if (size > bytesMax) {
    const message = `UCRP datagram of ${size} bytes exceeds ${bytesMax}`;
    throw new CodecError('CODEC_TOO_LARGE', message, bytesMax);
  }
}

/** The big-endian unsigned 32-bit number at `offset`; all four bytes must be there. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  const low = (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
  return bytes[offset]! * 0x1000000 + low;
}

/** Write `value`, 0–65535, as a big-endian unsigned 32-bit number; the two high bytes are left as they are, zero. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
