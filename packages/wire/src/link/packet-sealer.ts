import type { Aead, BlockCipher, LinkCrypto } from './crypto.ts';
import { headerKey, nextSecret, packetKeys, packetNonce } from './keys.ts';
import {
  maskNumber,
  PACKET_FIXED_BITS,
  PACKET_ID_AT,
  PACKET_MASKED_BITS,
  PACKET_NUMBER_BYTES_MAX,
  PACKET_PHASE_BIT,
  PACKET_SAMPLE_BYTES,
  PACKET_TAG_BYTES,
  type PacketLayout,
} from './packet-layout.ts';
import { packetNumberBytes } from './packet-number.ts';

/**
 * Seals the packets of one direction. It alone gives out packet numbers, from 0 up, each once whatever the key: no nonce can
 * be used twice (RFC 9001 §5.3). A session that goes on keeps its sealer.
 */
export class PacketSealer {
  readonly #crypto: LinkCrypto;
  readonly #layout: PacketLayout;
  readonly #connectionId: Uint8Array;
  readonly #header: BlockCipher;
  readonly #nonce = new Uint8Array(12);
  readonly #buffer: Uint8Array | undefined;
  #secret: Uint8Array;
  #iv: Uint8Array;
  #aead: Aead;
  #phase = 0;
  #phaseFirst = 0;
  #next = 0;

  /**
   * @param layout of packets of this direction
   * @param connectionId of the receiver, as long as the layout says
   * @param buffer where packets are made, each good until the next one; undefined: each has bytes of its own
   */
  constructor(
    crypto: LinkCrypto,
    secret: Uint8Array,
    layout: PacketLayout,
    connectionId: Uint8Array,
    buffer?: Uint8Array,
  ) {
    this.#buffer = buffer;
    if (connectionId.length !== layout.idBytes)
      throw new RangeError(`A connection id of ${connectionId.length} bytes is not ${layout.idBytes}`);
    this.#layout = layout;
    this.#crypto = crypto;
    this.#connectionId = connectionId.slice();
    this.#header = crypto.aes128Block(headerKey(crypto, secret));
    this.#secret = secret;
    const { key, iv } = packetKeys(crypto, secret);
    this.#iv = iv;
    this.#aead = crypto.aes128Gcm(key);
  }

  /** The number that the next packet gets. */
  get nextNumber(): number {
    return this.#next;
  }

  /** How often the keys were updated. */
  get phase(): number {
    return this.#phase;
  }

  /** The first number that is or will be sealed with the present keys. */
  get phaseFirst(): number {
    return this.#phaseFirst;
  }

  /** Whether no packet can be sealed: too many are not acknowledged, or the numbers are used up. */
  isFull(largestAcked: number): boolean {
    return (
      packetNumberBytes(this.#next, largestAcked) > PACKET_NUMBER_BYTES_MAX || this.#next >= Number.MAX_SAFE_INTEGER
    );
  }

  /** Bytes that the next packet has beside its frames: 18–21 to a client, 26–29 to the server. */
  overheadBytes(largestAcked: number): number {
    return this.#layout.numberAt + packetNumberBytes(this.#next, largestAcked) + PACKET_TAG_BYTES;
  }

  /**
   * @param frames at least {@link framesBytesMin} bytes
   * @param largestAcked −1 before anything was acknowledged
   * @returns the datagram; its number was `nextNumber`
   * @throws {RangeError} too few frames, or {@link isFull}: faults of the caller
   */
  seal(frames: Uint8Array, largestAcked: number): Uint8Array {
    const number = this.#next;
    const numberBytes = packetNumberBytes(number, largestAcked);
    if (this.isFull(largestAcked)) throw new RangeError(`Packet ${number} is too far from ${largestAcked}`);
    if (frames.length + numberBytes < PACKET_NUMBER_BYTES_MAX)
      throw new RangeError(`A packet of ${frames.length} bytes of frames is too short`);
    // Taken before it is used: should sealing fail, the number is never given again.
    this.#next = number + 1;
    const { numberAt, sampleAt } = this.#layout;
    const headBytes = numberAt + numberBytes;
    const packetBytes = headBytes + frames.length + PACKET_TAG_BYTES;
    const packet = this.#buffer?.subarray(0, packetBytes) ?? new Uint8Array(packetBytes);
    packet[0] = PACKET_FIXED_BITS | (this.#phase % 2 === 1 ? PACKET_PHASE_BIT : 0) | (numberBytes - 1);
    packet.set(this.#connectionId, PACKET_ID_AT);
    for (let index = headBytes - 1, rest = number; index >= numberAt; index -= 1) {
      packet[index] = rest;
      rest = Math.floor(rest / 256);
    }
    packetNonce(this.#iv, number, this.#nonce);
    this.#aead.seal(this.#nonce, packet.subarray(0, headBytes), frames, packet, headBytes);
    const mask = this.#header.encrypt(packet.subarray(sampleAt, sampleAt + PACKET_SAMPLE_BYTES));
    packet[0]! ^= mask[0]! & PACKET_MASKED_BITS;
    maskNumber(packet, numberAt, numberBytes, mask);
    return packet;
  }

  /** Turn the key phase: from the next packet on. */
  update(): void {
    this.#secret = nextSecret(this.#crypto, this.#secret);
    const { key, iv } = packetKeys(this.#crypto, this.#secret);
    this.#iv = iv;
    this.#aead = this.#crypto.aes128Gcm(key);
    this.#phase += 1;
    this.#phaseFirst = this.#next;
  }
}

/** Fewest bytes of frames that a packet must have, 0–3: with fewer there is no sample to mask with. */
export function framesBytesMin(numberBytes: number): number {
  return PACKET_NUMBER_BYTES_MAX - numberBytes;
}
