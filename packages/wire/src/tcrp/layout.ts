/**
 * The two headers that carry a payload length, and how a request in one is told from a request in the other.
 *
 *     offset   32-byte header            31-byte header
 *     0        room name length          the same
 *     1        operation                 the same
 *     2        state                     the same
 *     3–30     payload length, high      payload length, all of it
 *     31       payload length, low       first byte of the room name
 *
 * Nothing says which of the two a client speaks, so a request counts as 31-byte only if everything fits: the length of
 * bytes 3–30 is possible, byte 31 can begin a room name, and the payload read that way begins with `"` or `{` and ends,
 * exactly that length later, with the `"` or `}` that belongs to it. Everything else is the 32-byte header, which is what
 * programs really send. For them bytes 3–30 are the payload length divided by 256, so a request below 768 bytes, as nearly all
 * are, is never even a candidate, and a longer one only with a room name that ends in `"` or `{`.
 */
import { CodecError } from '../errors.ts';

/** Size of the header that programs send, bytes. */
export const HEADER32_BYTES = 32;
/** Size of the header of one description, bytes. */
export const HEADER31_BYTES = 31;

/**
 * Shortest payload, bytes, that may count as 31-byte. Two bytes can only be `""` or `{}`, a request without a user name,
 * which is refused in any layout; demanding three keeps those readings from costing a 32-byte request of 512–767 bytes.
 */
const HEADER31_PAYLOAD_BYTES_MIN = 3;

const QUOTE = 0x22;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** A header whose layout is known: the payload follows `headerBytes` and the room name, and is `payloadBytes` long. */
export interface HeaderReading {
  readonly layout: 'header32' | 'header31';
  readonly headerBytes: number;
  readonly payloadBytes: number;
}

/**
 * Read the header of a request from its first bytes, as many of them as have come.
 *
 * The answer rests on fixed places of the stream, never on how many bytes happen to be here, and all those places lie within the
 * shorter frame; so a whole frame never waits for bytes that its sender does not send.
 * @returns `undefined` when more bytes are needed to tell
 * @throws {CodecError} CODEC_TOO_LARGE when no possible reading declares at most `payloadBytesMax` bytes
 */
export function readRequestHeader(bytes: Uint8Array, payloadBytesMax: number): HeaderReading | undefined {
  if (bytes.length < HEADER32_BYTES) return undefined;
  const length31 = readPayloadLength(bytes, HEADER31_BYTES);
  const length32 = readPayloadLength(bytes, HEADER32_BYTES);

  const mayBe31 = length31 >= HEADER31_PAYLOAD_BYTES_MIN && length31 <= payloadBytesMax && bytes[31]! >= 0x20;
  if (!mayBe31) return header32(length32, payloadBytesMax);

  const payloadStart = HEADER31_BYTES + bytes[0]!;
  if (bytes.length <= payloadStart) return undefined;
  const first = bytes[payloadStart];
  if (first !== QUOTE && first !== BRACE_OPEN) return header32(length32, payloadBytesMax);

  const lastIndex = payloadStart + length31 - 1;
  if (bytes.length <= lastIndex) return undefined;
  if (bytes[lastIndex] !== (first === QUOTE ? QUOTE : BRACE_CLOSE)) return header32(length32, payloadBytesMax);
  return { layout: 'header31', headerBytes: HEADER31_BYTES, payloadBytes: length31 };
}

/** The layout in which a whole request is read, or `undefined` when it is refused or would wait for more bytes. */
export function layoutOf(request: Uint8Array, payloadBytesMax: number): HeaderReading['layout'] | undefined {
  try {
    return readRequestHeader(request, payloadBytesMax)?.layout;
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/**
 * The payload length of a 32-byte header, for a reader who knows that it is one.
 * @throws {CodecError} CODEC_TOO_LARGE when it is above `payloadBytesMax`
 */
export function header32(payloadBytes: number, payloadBytesMax: number): HeaderReading {
  if (payloadBytes > payloadBytesMax) {
    const declared = Number.isFinite(payloadBytes) ? `${payloadBytes} bytes` : 'more than 2^32 bytes';
    throw new CodecError(
      'CODEC_TOO_LARGE',
      `Cannot decode TCRP frame: declared payload of ${declared} exceeds ${payloadBytesMax}`,
      3,
    );
  }
  return { layout: 'header32', headerBytes: HEADER32_BYTES, payloadBytes };
}

/**
 * The unsigned big-endian number from byte 3 up to, not including, `headerBytes`. From 2^32 on it is `Infinity`: above every limit,
 * and beyond what is worth counting exactly.
 */
export function readPayloadLength(bytes: Uint8Array, headerBytes: number): number {
  for (let index = 3; index < headerBytes - 4; index += 1) {
    if (bytes[index] !== 0) return Number.POSITIVE_INFINITY;
  }
  const high = bytes[headerBytes - 4]! * 0x1000000;
  return high + (bytes[headerBytes - 3]! << 16) + (bytes[headerBytes - 2]! << 8) + bytes[headerBytes - 1]!;
}
