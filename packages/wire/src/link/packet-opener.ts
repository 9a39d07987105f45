import type { Aead, BlockCipher, LinkCrypto } from './crypto.ts';
import { headerKey, nextSecret, packetKeys, packetNonce } from './keys.ts';
import { LINK_ID_BYTES } from './limits.ts';
import {
  connectionIdOf,
  looksLikePacket,
  maskNumber,
  PACKET_LENGTH_BITS,
  PACKET_MASKED_BITS,
  PACKET_NUMBER_AT,
  PACKET_PHASE_BIT,
  PACKET_SAMPLE_AT,
  PACKET_SAMPLE_BYTES,
} from './packet-layout.ts';
import { recoverPacketNumber } from './packet-number.ts';
import { ReplayWindow } from './replay-window.ts';

/** Why a packet was not opened. */
export type PacketRefusal =
  /** No packet of link: too short, or other fixed bits. */
  | 'malformed'
  /** For another connection, of another key, or changed on the way. */
  | 'unauthentic'
  /** Seen before, or too old to tell. */
  | 'duplicate';

export interface OpenedPacket {
  readonly number: number;
  readonly frames: Uint8Array;
  /** Whether its number is above all that came before. */
  readonly isNewest: boolean;
}

interface PhaseKeys {
  readonly secret: Uint8Array;
  readonly iv: Uint8Array;
  readonly aead: Aead;
}

/**
 * Opens the packets of one direction. Nothing is remembered of a packet that does not authenticate.
 *
 * Keys (RFC 9001 §6): those of the present phase and of the next one are ready, so that a turn of the phase takes no longer
 * to find out than anything else; those of the last phase serve packets that were late, until {@link dropPrevious}.
 */
export class PacketOpener {
  readonly #crypto: LinkCrypto;
  readonly #connectionId: Uint8Array;
  readonly #header: BlockCipher;
  readonly #window = new ReplayWindow();
  readonly #head = new Uint8Array(PACKET_SAMPLE_AT);
  readonly #nonce = new Uint8Array(12);
  #previous: PhaseKeys | undefined;
  #present: PhaseKeys;
  #next: PhaseKeys;
  #phase = 0;
  /** The lowest number that came in the present phase. */
  #phaseFirst = 0;

  /** @param connectionId ours, 8 bytes */
  constructor(crypto: LinkCrypto, secret: Uint8Array, connectionId: Uint8Array) {
    if (connectionId.length !== LINK_ID_BYTES)
      throw new RangeError(`A connection id of ${connectionId.length} bytes is not ${LINK_ID_BYTES}`);
    this.#crypto = crypto;
    this.#connectionId = connectionId.slice();
    this.#header = crypto.aes128Block(headerKey(crypto, secret));
    this.#present = this.#keysOf(secret);
    this.#next = this.#keysOf(nextSecret(crypto, secret));
  }

  /** How often the peer's keys were updated, as far as packets came. */
  get phase(): number {
    return this.#phase;
  }

  /** The largest number that came, −1 before the first. */
  get largest(): number {
    return this.#window.largest;
  }

  /**
   * @param mayUpdate whether a packet of the next key phase is taken
   * @returns the packet; its frames are bytes of its own
   */
  open(datagram: Uint8Array, mayUpdate: boolean): OpenedPacket | PacketRefusal {
    if (!looksLikePacket(datagram)) return 'malformed';
    if (!isEqual(connectionIdOf(datagram), this.#connectionId)) return 'unauthentic';
    const head = this.#head;
    const mask = this.#header.encrypt(datagram.subarray(PACKET_SAMPLE_AT, PACKET_SAMPLE_AT + PACKET_SAMPLE_BYTES));
    head.set(datagram.subarray(0, PACKET_SAMPLE_AT));
    head[0]! ^= mask[0]! & PACKET_MASKED_BITS;
    const numberBytes = 1 + (head[0]! & PACKET_LENGTH_BITS);
    const headBytes = PACKET_NUMBER_AT + numberBytes;
    maskNumber(head, numberBytes, mask);
    let truncated = 0;
    for (let index = PACKET_NUMBER_AT; index < headBytes; index += 1) truncated = truncated * 256 + head[index]!;
    const { largest } = this.#window;
    const number = recoverPacketNumber(largest, truncated, numberBytes);
    if (!this.#window.isNew(number)) return 'duplicate';
    const isNext = ((head[0]! & PACKET_PHASE_BIT) !== 0) !== (this.#phase % 2 === 1);
    const keys = isNext ? this.#otherKeys(number, mayUpdate) : this.#present;
    if (keys === undefined) return 'unauthentic';
    packetNonce(keys.iv, number, this.#nonce);
    const frames = keys.aead.open(this.#nonce, head.subarray(0, headBytes), datagram.subarray(headBytes));
    if (frames === undefined) return 'unauthentic';
    // Only from here on is anything remembered.
    if (keys === this.#next) this.#turn(number);
    else if (keys === this.#present && number < this.#phaseFirst) this.#phaseFirst = number;
    this.#window.add(number);
    return { number, frames, isNewest: number > largest };
  }

  /** Forget the keys of the last phase: about three PTOs after the first packet of this one (RFC 9001 §6.5). */
  dropPrevious(): void {
    this.#previous = undefined;
  }

  /**
   * Keys for a packet whose phase bit is not the present one's (RFC 9001 §6.5): below this phase's numbers it is late,
   * above all that came it is the next phase's first. Between them there is none.
   */
  #otherKeys(number: number, mayUpdate: boolean): PhaseKeys | undefined {
    if (this.#phase > 0 && number < this.#phaseFirst) return this.#previous;
    return mayUpdate && number > this.#window.largest ? this.#next : undefined;
  }

  #turn(number: number): void {
    this.#previous = this.#present;
    this.#present = this.#next;
    this.#next = this.#keysOf(nextSecret(this.#crypto, this.#present.secret));
    this.#phase += 1;
    this.#phaseFirst = number;
  }

  #keysOf(secret: Uint8Array): PhaseKeys {
    const { key, iv } = packetKeys(this.#crypto, secret);
    return { secret, iv, aead: this.#crypto.aes128Gcm(key) };
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  for (let index = 0; index < LINK_ID_BYTES; index += 1) if (one[index] !== other[index]) return false;
  return true;
}
