import { CodecError } from '../errors.ts';

/** Largest number that link carries: what a JavaScript number holds exactly. RFC 9000 goes on to 2^62 − 1. */
export const VARINT_MAX = Number.MAX_SAFE_INTEGER;

const TWO_BYTES_FROM = 0x40;
const FOUR_BYTES_FROM = 0x4000;
const EIGHT_BYTES_FROM = 0x4000_0000;
const TWO_32 = 0x1_0000_0000;
/** Upper halves of eight bytes from this one on would make more than 2^53 − 1. */
const HIGH_HALF_END = 0x20_0000;

/** Bytes that a number takes: 1, 2, 4 or 8. The number must be a whole one from 0 to {@link VARINT_MAX}. */
export function varintBytes(value: number): number {
  return value < TWO_BYTES_FROM ? 1 : value < FOUR_BYTES_FROM ? 2 : value < EIGHT_BYTES_FROM ? 4 : 8;
}

/**
 * Write a number in as few bytes as it takes (RFC 9000 §16): the two top bits of the first byte say how many.
 * @returns where the next byte goes; the caller has seen to it that there is room
 * @throws {RangeError} not a whole number from 0 to 2^53 − 1: a fault of the caller
 */
export function writeVarint(out: Uint8Array, offset: number, value: number): number {
  if (value >= 0 && value < TWO_BYTES_FROM && Number.isInteger(value)) {
    out[offset] = value;
    return offset + 1;
  }
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`Number ${value} is not within 0–${VARINT_MAX}`);
  return writeVarintOf(out, offset, value, varintBytes(value));
}

/**
 * Write a number in exactly `size` bytes, 1, 2, 4 or 8, which may be more than it takes.
 * @returns where the next byte goes
 */
export function writeVarintOf(out: Uint8Array, offset: number, value: number, size: number): number {
  switch (size) {
    case 1:
      out[offset] = value;
      return offset + 1;
    case 2:
      out[offset] = 0x40 | (value >>> 8);
      out[offset + 1] = value;
      return offset + 2;
    case 4:
      writeUint32(out, offset, 0x8000_0000 + value);
      return offset + 4;
    default:
      writeUint32(out, offset, 0xc000_0000 + Math.floor(value / TWO_32));
      writeUint32(out, offset + 4, value);
      return offset + 8;
  }
}

function writeUint32(out: Uint8Array, offset: number, value: number): void {
  out[offset] = value / 0x100_0000;
  out[offset + 1] = value >>> 16;
  out[offset + 2] = value >>> 8;
  out[offset + 3] = value;
}

/** Bytes of the number that begins with this byte. */
export function varintSizeOf(firstByte: number): number {
  return 1 << (firstByte >>> 6);
}

/**
 * The number at `offset`; its bytes must be there: ask {@link varintSizeOf} first. A longer form than needed is read too.
 * @throws {CodecError} CODEC_TOO_LARGE above 2^53 − 1
 */
export function readVarint(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset]!;
  switch (first >>> 6) {
    case 0:
      return first;
    case 1:
      return ((first & 0x3f) << 8) | bytes[offset + 1]!;
    case 2:
      return ((first & 0x3f) << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
    default: {
      const high = ((first & 0x3f) << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
      if (high >= HIGH_HALF_END)
        throw new CodecError('CODEC_TOO_LARGE', `Cannot decode number: above ${VARINT_MAX}`, offset);
      const low =
        (bytes[offset + 4]! << 24) | (bytes[offset + 5]! << 16) | (bytes[offset + 6]! << 8) | bytes[offset + 7]!;
      return high * TWO_32 + (low >>> 0);
    }
  }
}
