import { LINK_ID_BYTES } from './limits.ts';

/** Layout of packets: docs/wires/link.md "Packets". */

/** The five fixed bits of the first byte, `0 1 0 0 0`, and where they are. */
export const PACKET_FIXED_BITS = 0x40;
export const PACKET_FIXED_MASK = 0xf8;
/** The masked bits: key phase, then packet number length − 1. */
export const PACKET_MASKED_BITS = 0x07;
export const PACKET_PHASE_BIT = 0x04;
export const PACKET_LENGTH_BITS = 0x03;
/** Where the connection id begins. */
export const PACKET_ID_AT = 1;
export const PACKET_NUMBER_BYTES_MAX = 4;
export const PACKET_SAMPLE_BYTES = 16;
export const PACKET_TAG_BYTES = 16;

/** Where things are in the packets of one direction. */
export interface PacketLayout {
  /** Connection id, bytes. */
  readonly idBytes: number;
  readonly numberAt: number;
  /** The mask is made of 16 bytes from here on: as if the number took four (RFC 9001 §5.4.2). */
  readonly sampleAt: number;
  /** A packet that is shorter has no sample. */
  readonly bytesMin: number;
}

/** Of packets to the server, which has one socket for all sessions. */
export const TO_SERVER: PacketLayout = layoutOf(LINK_ID_BYTES);
/** Of packets to a client: its socket is the session's own, so that no id is needed (RFC 9000 §5.1). */
export const TO_CLIENT: PacketLayout = layoutOf(0);

function layoutOf(idBytes: number): PacketLayout {
  const numberAt = PACKET_ID_AT + idBytes;
  const sampleAt = numberAt + PACKET_NUMBER_BYTES_MAX;
  return { idBytes, numberAt, sampleAt, bytesMin: sampleAt + PACKET_SAMPLE_BYTES };
}

/** Whether a datagram can be a packet at all; everything else is not worth a look-up. */
export function looksLikePacket(datagram: Uint8Array, { bytesMin }: PacketLayout): boolean {
  return datagram.length >= bytesMin && (datagram[0]! & PACKET_FIXED_MASK) === PACKET_FIXED_BITS;
}

/** A view of the connection id of a datagram that looks like a packet to the server. */
export function connectionIdOf(datagram: Uint8Array): Uint8Array {
  return datagram.subarray(PACKET_ID_AT, TO_SERVER.numberAt);
}

/** Mask or unmask a packet's number, in place; `mask` is the AES block of its sample (RFC 9001 §5.4.1). */
export function maskNumber(packet: Uint8Array, numberAt: number, numberBytes: number, mask: Uint8Array): void {
  for (let index = 0; index < numberBytes; index += 1) packet[numberAt + index]! ^= mask[1 + index]!;
}
