export interface PacketCountsLimits {
  /** Packets of one address before a chat begins; with the next one it is banned. */
  readonly packetsMax: number;
  /** How long an address is banned, and after how much silence its packets are forgotten. ms */
  readonly banMs: number;
  /** Addresses that are remembered. */
  readonly addressesMax: number;
}

interface Count {
  packets: number;
  /** Of the newest packet; of a banned address, of the one that went too far. Monotonic, ms. */
  atMs: number;
  /** Bytes that may still be sent to the address before it has proved that it is there. */
  allowance: number;
}

/** An address that may not be there is sent at most this many times what came from it (RFC 9000 §8.1). */
const AMPLIFICATION_MAX = 3;

/**
 * How many packets came from each address since it last began a chat. More than `packetsMax`, and it is banned for `banMs`;
 * packets during a ban neither count nor lengthen it. Time is an argument and never goes back.
 *
 * A table that is full forgets the address that was silent longest, so that forged addresses cannot fill the memory.
 */
export class PacketCounts {
  readonly #limits: PacketCountsLimits;
  /** By address; the one that was silent longest comes first. */
  readonly #counts = new Map<string, Count>();

  constructor(limits: PacketCountsLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#counts.size;
  }

  isBanned(nowMs: number, key: string): boolean {
    const count = this.#current(nowMs, key);
    return count !== undefined && count.packets > this.#limits.packetsMax;
  }

  /** Note a packet. Returns whether it may be looked at; false: the address is banned, or is so from now on. */
  take(nowMs: number, key: string, packetBytes = 0): boolean {
    const count = this.#current(nowMs, key) ?? { packets: 0, atMs: nowMs, allowance: 0 };
    if (count.packets > this.#limits.packetsMax) return false;
    count.packets += 1;
    count.allowance += AMPLIFICATION_MAX * packetBytes;
    count.atMs = nowMs;
    this.#keep(key, count);
    return count.packets <= this.#limits.packetsMax;
  }

  /** Whether an answer of so many bytes is within what the address has sent; if so, it counts as sent. */
  mayAnswer(key: string, answerBytes: number): boolean {
    const count = this.#counts.get(key);
    if (count === undefined || count.allowance < answerBytes) return false;
    count.allowance -= answerBytes;
    return true;
  }

  /** A chat began. What the address may still be sent is kept. */
  clear(key: string): void {
    const count = this.#counts.get(key);
    if (count !== undefined) count.packets = 0;
  }

  #current(nowMs: number, key: string): Count | undefined {
    const count = this.#counts.get(key);
    if (count === undefined || nowMs - count.atMs < this.#limits.banMs) return count;
    this.#counts.delete(key);
    return undefined;
  }

  #keep(key: string, count: Count): void {
    this.#counts.delete(key);
    if (this.#counts.size >= this.#limits.addressesMax) {
      for (const oldest of this.#counts.keys()) {
        this.#counts.delete(oldest);
        break;
      }
    }
    this.#counts.set(key, count);
  }
}
