/*
 * The structures of sendmmsg(2) and recvmmsg(2), as Linux lays them out on 64-bit little-endian processors. Offsets and
 * sizes in bytes; what is not named here stays zero.
 */

/** Size of a `struct mmsghdr`, and where its fields are: the address and its length … */
export const MESSAGE_BYTES = 64;
export const NAME_AT = 0;
export const NAME_BYTES_AT = 8;
/** … the pieces that the bytes consist of and their number … */
export const VECTOR_AT = 16;
export const VECTOR_COUNT_AT = 24;
/** … control data and its length … */
export const CONTROL_AT = 32;
export const CONTROL_BYTES_AT = 40;
/** … and how long the datagram was, which the kernel tells. */
export const LENGTH_AT = 56;

/** Size of a `struct iovec`: a pointer, then a length, 8 bytes each. */
export const VECTOR_BYTES = 16;

/** Room for an address of either family; the next one begins at a multiple of 8. */
export const NAME_ROOM_BYTES = 32;

/** Room for a `struct cmsghdr` (its length, 8 bytes, level and type) with two bytes of data, and its length without padding. */
export const CONTROL_ROOM_BYTES = 24;
export const CONTROL_BYTES = 18;
export const CONTROL_LEVEL_AT = 8;
export const CONTROL_TYPE_AT = 12;
export const CONTROL_DATA_AT = 16;
/** `SOL_UDP` and `UDP_SEGMENT` of linux/udp.h: the message is cut into datagrams of so many bytes; the last may be shorter. */
export const SOL_UDP = 17;
export const UDP_SEGMENT = 103;

export const WORD_BYTES = 4;
const HIGH_WORD = 2 ** 32;

/** Write an address of memory, below 2^53, at this offset in bytes. */
export function putPointer(words: Int32Array, at: number, address: number): void {
  // Each takes the low 32 bits of its number.
  words[at / WORD_BYTES] = address;
  words[at / WORD_BYTES + 1] = address / HIGH_WORD;
}
