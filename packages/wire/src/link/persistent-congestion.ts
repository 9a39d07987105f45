import type { SentPacket } from './sent-packets.ts';

/** kPersistentCongestionThreshold, RFC 9002 §7.6.1. */
export const PERSISTENT_CONGESTION_PTOS = 3;

/**
 * Finds periods in which nothing came through at all (RFC 9002 §7.6): packets lost without one between them that was
 * acknowledged, whose first and last asked for an acknowledgement and are further apart than three probe timeouts.
 * Packets are told in the order of their numbers, each once.
 */
export class PersistentCongestion {
  #lastLost = -2;
  #periodFromMs: number | undefined;
  #periodFromNumber = 0;

  /**
   * @param firstSampleAtMs when the round-trip time was first measured; what was sent before does not count
   * @param ptoMs probe timeout without back-off, with the longest acknowledgement delay
   * @returns whether this loss establishes persistent congestion; the period then begins anew
   */
  onLost<Content>(packet: SentPacket<Content>, firstSampleAtMs: number | undefined, ptoMs: number): boolean {
    if (packet.previousNumber !== this.#lastLost) this.#periodFromMs = undefined;
    this.#lastLost = packet.number;
    if (packet.need === 'none' || packet.isMtuProbe) return false;
    if (firstSampleAtMs === undefined || packet.sentMs <= firstSampleAtMs) return false;
    if (this.#periodFromMs === undefined) {
      this.#periodFromMs = packet.sentMs;
      this.#periodFromNumber = packet.number;
      return false;
    }
    if (packet.sentMs - this.#periodFromMs <= PERSISTENT_CONGESTION_PTOS * ptoMs) return false;
    this.#periodFromMs = undefined;
    return true;
  }

  /** A packet of the period was not lost after all. */
  onSpurious(number: number): void {
    if (number >= this.#periodFromNumber) this.#periodFromMs = undefined;
  }
}
