/** kPacketThreshold, RFC 9002 §6.1.1. */
export const PACKET_THRESHOLD = 3;
/** kTimeThreshold, RFC 9002 §6.1.2: a share of the round-trip time. */
export const TIME_THRESHOLD = 9 / 8;
/** However much a path or a peer reorders, so many newer packets are enough. */
export const PACKET_THRESHOLD_MAX = 16;
/** And so much time: one more round trip. */
export const TIME_THRESHOLD_MAX = 2;
const TIME_THRESHOLD_STEP = 1 / 8;
/** After so many acknowledged packets without a spurious loss the thresholds are RFC 9002's again. */
export const REORDERING_MEMORY_PACKETS = 1_000;

/**
 * How far behind a packet may be before it is lost. Begins with RFC 9002's thresholds; each loss that turns out to be
 * spurious raises the one that was wrong, within bounds (RFC 9002 §6.1.1, after RFC 8985's example).
 */
export class Reordering {
  #packetThreshold = PACKET_THRESHOLD;
  #timeThreshold = TIME_THRESHOLD;
  #packetsSinceSpurious = 0;

  get packetThreshold(): number {
    return this.#packetThreshold;
  }

  get timeThreshold(): number {
    return this.#timeThreshold;
  }

  /**
   * A packet that was declared lost was acknowledged after all.
   * @param packetsBehind how much lower its number is than the highest one that is acknowledged
   */
  onSpurious(wasByTime: boolean, packetsBehind: number): void {
    this.#packetsSinceSpurious = 0;
    if (wasByTime) this.#timeThreshold = Math.min(this.#timeThreshold + TIME_THRESHOLD_STEP, TIME_THRESHOLD_MAX);
    else this.#packetThreshold = Math.min(Math.max(this.#packetThreshold, packetsBehind + 1), PACKET_THRESHOLD_MAX);
  }

  onAcknowledged(packets: number): void {
    this.#packetsSinceSpurious += packets;
    if (this.#packetsSinceSpurious < REORDERING_MEMORY_PACKETS) return;
    this.#packetThreshold = PACKET_THRESHOLD;
    this.#timeThreshold = TIME_THRESHOLD;
  }
}
