import { LINK_ID_BYTES } from './limits.ts';

/** Layout of packets: docs/wires/link.md "Packets". */

/** The five fixed bits of the first byte, `0 1 0 0 0`, and where they are. */
export const PACKET_FIXED_BITS = 0x40;
export const PACKET_FIXED_MASK = 0xf8;
/** The masked bits: key phase, then packet number length − 1. */
export const PACKET_MASKED_BITS = 0x07;
export const PACKET_PHASE_BIT = 0x04;
export const PACKET_LENGTH_BITS = 0x03;
/** Where the connection id and the packet number begin. */
export const PACKET_ID_AT = 1;
export const PACKET_NUMBER_AT = PACKET_ID_AT + LINK_ID_BYTES;
export const PACKET_NUMBER_BYTES_MAX = 4;
/** The mask is made of 16 bytes from here on: as if the number took four (RFC 9001 §5.4.2). */
export const PACKET_SAMPLE_AT = PACKET_NUMBER_AT + PACKET_NUMBER_BYTES_MAX;
export const PACKET_SAMPLE_BYTES = 16;
export const PACKET_TAG_BYTES = 16;
/** A packet that is shorter has no sample. */
export const PACKET_BYTES_MIN = PACKET_SAMPLE_AT + PACKET_SAMPLE_BYTES;

/** Whether a datagram can be a packet at all; everything else is not worth a look-up. */
export function looksLikePacket(datagram: Uint8Array): boolean {
  return datagram.length >= PACKET_BYTES_MIN && (datagram[0]! & PACKET_FIXED_MASK) === PACKET_FIXED_BITS;
}

/** A view of the connection id of a datagram that looks like a packet. */
export function connectionIdOf(datagram: Uint8Array): Uint8Array {
  return datagram.subarray(PACKET_ID_AT, PACKET_NUMBER_AT);
}

/** Mask or unmask a packet's first byte and number, in place; `mask` is the AES block of its sample (RFC 9001 §5.4.1). */
export function maskNumber(packet: Uint8Array, numberBytes: number, mask: Uint8Array): void {
  for (let index = 0; index < numberBytes; index += 1) packet[PACKET_NUMBER_AT + index]! ^= mask[1 + index]!;
}
