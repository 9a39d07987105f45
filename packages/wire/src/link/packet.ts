import type { LinkCrypto } from './crypto.ts';
import { directionSecrets } from './keys.ts';
import { TO_CLIENT, TO_SERVER } from './packet-layout.ts';
import { type OpenedPacket, PacketOpener, type PacketRefusal } from './packet-opener.ts';
import { PacketSealer } from './packet-sealer.ts';

/** Packets after which a side turns the key phase. */
export const KEY_PACKETS = 2 ** 20;
/** Packets that one key seals at the very most (RFC 9001 §6.6, for AES-128-GCM). */
export const KEY_PACKETS_MAX = 2 ** 23;
/** Packets that do not authenticate, after which the keys are dropped; RFC 9001 §6.6 would allow AES-128-GCM 2^52. */
export const FAILED_OPENINGS_MAX = 2 ** 36;
const NO_ID = new Uint8Array(0);

export interface PacketProtectionOptions {
  readonly role: 'client' | 'server';
  readonly crypto: LinkCrypto;
  /** 32 bytes from the TLS exporter. */
  readonly datagramSecret: Uint8Array;
  /** Of packets to the server, 8 bytes, from WELCOME. */
  readonly connectionId: Uint8Array;
  /** Where packets are made, each good until the next one; absent: each has bytes of its own. */
  readonly packetBuffer?: Uint8Array | undefined;
  readonly keyPackets?: number;
  readonly keyPacketsMax?: number;
  readonly failedOpeningsMax?: number;
}

/**
 * Both directions of a session's packets at one end, and the key updates that both make together (RFC 9001 §6).
 *
 * We turn the phase after `keyPackets` packets, if the peer has followed the last turn and acknowledged a packet of this
 * phase; and at once when the peer has turned it. A peer that turns it again before it can have had an acknowledgement is
 * not followed: its packets count as unauthentic, so that keys are made at most once for each packet of ours.
 */
export class PacketProtection {
  readonly #sealer: PacketSealer;
  readonly #opener: PacketOpener;
  readonly #keyPackets: number;
  readonly #keyPacketsMax: number;
  readonly #failedOpeningsMax: number;
  readonly #refused: Record<PacketRefusal, number> = { malformed: 0, unauthentic: 0, duplicate: 0 };

  constructor(options: PacketProtectionOptions) {
    const { role, crypto, datagramSecret, connectionId } = options;
    const { client, server } = directionSecrets(crypto, datagramSecret);
    const { packetBuffer } = options;
    if (role === 'client') {
      this.#sealer = new PacketSealer(crypto, client, TO_SERVER, connectionId, packetBuffer);
      this.#opener = new PacketOpener(crypto, server, TO_CLIENT, NO_ID);
    } else {
      this.#sealer = new PacketSealer(crypto, server, TO_CLIENT, NO_ID, packetBuffer);
      this.#opener = new PacketOpener(crypto, client, TO_SERVER, connectionId);
    }
    this.#keyPackets = options.keyPackets ?? KEY_PACKETS;
    this.#keyPacketsMax = options.keyPacketsMax ?? KEY_PACKETS_MAX;
    this.#failedOpeningsMax = options.failedOpeningsMax ?? FAILED_OPENINGS_MAX;
  }

  /** The number that the next sealed packet gets. */
  get nextNumber(): number {
    return this.#sealer.nextNumber;
  }

  /** The largest number that came, −1 before the first. */
  get largestReceived(): number {
    return this.#opener.largest;
  }

  /** Packets that were not opened, by reason. */
  get refused(): Readonly<Record<PacketRefusal, number>> {
    return this.#refused;
  }

  /** How often our keys were updated, and the peer's as far as its packets came. */
  get phases(): { readonly out: number; readonly in: number } {
    return { out: this.#sealer.phase, in: this.#opener.phase };
  }

  /** Whether too many packets did not authenticate: nothing is opened or sealed any more, the session stays on TCP. */
  get isWornOut(): boolean {
    return this.#refused.unauthentic >= this.#failedOpeningsMax;
  }

  /** Bytes that the next packet has beside its frames: 26–29 to the server, 18–21 to a client. */
  overheadBytes(largestAcked: number): number {
    return this.#sealer.overheadBytes(largestAcked);
  }

  /** Whether a packet can be sealed; if not, the session stays on TCP, or waits for an acknowledgement. */
  canSeal(largestAcked: number): boolean {
    if (this.isWornOut || this.#sealer.isFull(largestAcked)) return false;
    return this.#sealedInPhase < this.#keyPacketsMax || this.#mayTurn(largestAcked);
  }

  /**
   * @param frames at least 3 bytes; fewer where the number takes more than one: see `framesBytesMin`
   * @param largestAcked the largest number of ours that the peer has acknowledged, −1 before any
   * @returns the datagram; its number was `nextNumber`
   * @throws {RangeError} not {@link canSeal}, or too few frames: faults of the caller
   */
  seal(frames: Uint8Array, largestAcked: number): Uint8Array {
    if (this.#sealedInPhase >= this.#keyPackets) {
      if (this.#mayTurn(largestAcked)) this.#sealer.update();
      else if (this.#sealedInPhase >= this.#keyPacketsMax) throw new RangeError('The key has sealed its last packet');
    }
    if (this.isWornOut) throw new RangeError('The keys were dropped: too many packets did not authenticate');
    return this.#sealer.seal(frames, largestAcked);
  }

  /** @returns the packet, or why it is dropped: then nothing but a count has changed */
  open(datagram: Uint8Array): OpenedPacket | PacketRefusal {
    if (this.isWornOut) return 'unauthentic';
    // In the phase that we turned first the peer follows; else it must have been able to have an acknowledgement.
    const mayUpdate = this.#opener.phase < this.#sealer.phase || this.#sealedInPhase > 0;
    const opened = this.#opener.open(datagram, mayUpdate);
    if (typeof opened === 'string') {
      this.#refused[opened] += 1;
      return opened;
    }
    while (this.#sealer.phase < this.#opener.phase) this.#sealer.update();
    return opened;
  }

  /** Forget the keys of the peer's last phase: about three PTOs after `phases.in` rose. */
  dropPreviousKeys(): void {
    this.#opener.dropPrevious();
  }

  get #sealedInPhase(): number {
    return this.#sealer.nextNumber - this.#sealer.phaseFirst;
  }

  #mayTurn(largestAcked: number): boolean {
    return (
      this.#opener.phase === this.#sealer.phase && largestAcked >= this.#sealer.phaseFirst && this.#sealedInPhase > 0
    );
  }
}
