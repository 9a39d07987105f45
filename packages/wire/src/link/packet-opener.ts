import type { Aead, BlockCipher, LinkCrypto } from './crypto.ts';
import { headerKey, nextSecret, packetKeys, packetNonce } from './keys.ts';
import {
  looksLikePacket,
  maskNumber,
  PACKET_ID_AT,
  PACKET_LENGTH_BITS,
  PACKET_MASKED_BITS,
  PACKET_PHASE_BIT,
  PACKET_SAMPLE_BYTES,
  type PacketLayout,
} from './packet-layout.ts';
import { recoverPacketNumber } from './packet-number.ts';
import { ReplayWindow } from './replay-window.ts';

/** Why a packet was not opened. */
export type PacketRefusal =
  /** No packet of link: too short, or other fixed bits. */
  | 'malformed'
  /** For another session, of another key, or changed on the way. */
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
  readonly #layout: PacketLayout;
  readonly #connectionId: Uint8Array;
  readonly #header: BlockCipher;
  readonly #window = new ReplayWindow();
  readonly #head: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  #previous: PhaseKeys | undefined;
  #present: PhaseKeys;
  #next: PhaseKeys;
  #phase = 0;
  /** The lowest number that came in the present phase. */
  #phaseFirst = 0;

  /**
   * @param layout of packets of this direction
   * @param connectionId ours, as long as the layout says
   */
  constructor(crypto: LinkCrypto, secret: Uint8Array, layout: PacketLayout, connectionId: Uint8Array) {
    if (connectionId.length !== layout.idBytes)
      throw new RangeError(`A connection id of ${connectionId.length} bytes is not ${layout.idBytes}`);
    this.#layout = layout;
    this.#head = new Uint8Array(layout.sampleAt);
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
    const { numberAt, sampleAt } = this.#layout;
    if (!looksLikePacket(datagram, this.#layout)) return 'malformed';
    if (!this.#isOurs(datagram)) return 'unauthentic';
    const head = this.#head;
    const mask = this.#header.encrypt(datagram.subarray(sampleAt, sampleAt + PACKET_SAMPLE_BYTES));
    head.set(datagram.subarray(0, sampleAt));
    head[0]! ^= mask[0]! & PACKET_MASKED_BITS;
    const numberBytes = 1 + (head[0]! & PACKET_LENGTH_BITS);
    const headBytes = numberAt + numberBytes;
    maskNumber(head, numberAt, numberBytes, mask);
    let truncated = 0;
    for (let index = numberAt; index < headBytes; index += 1) truncated = truncated * 256 + head[index]!;
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

  #isOurs(datagram: Uint8Array): boolean {
    const id = this.#connectionId;
    for (let index = 0; index < id.length; index += 1) if (datagram[PACKET_ID_AT + index] !== id[index]) return false;
    return true;
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
