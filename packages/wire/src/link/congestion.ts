import type { SentPacket } from './sent-packets.ts';

/** Packets in the initial window and in a burst, RFC 9002 §7.2. */
export const INITIAL_PACKETS = 10;
const INITIAL_BYTES_MAX = 14_720;
/** kMinimumWindow, RFC 9002 §7.2, in packets. */
export const WINDOW_PACKETS_MIN = 2;
/** kLossReductionFactor, RFC 9002 §7.3.2. */
const LOSS_REDUCTION = 0.5;
/** With so little of the window left it counts as used: what pacing keeps back for a moment. */
const SPARE_PACKETS = 3;

/** kInitialWindow, RFC 9002 §7.2: also the most that is sent at once. */
export function initialWindowBytes(datagramBytes: number): number {
  return Math.min(INITIAL_PACKETS * datagramBytes, Math.max(INITIAL_BYTES_MAX, WINDOW_PACKETS_MIN * datagramBytes));
}

/**
 * How many bytes may be in flight: NewReno, RFC 9002 §7 and appendix B. Tell it each packet that the loss detector
 * acknowledges or declares lost. Probes of a probe timeout go out beyond the window.
 */
export class CongestionWindow {
  #datagramBytes: number;
  #windowBytes: number;
  #thresholdBytes = Number.POSITIVE_INFINITY;
  #recoveryStartMs = Number.NEGATIVE_INFINITY;
  #lastSentMs = Number.NEGATIVE_INFINITY;

  /** @param datagramBytes the largest packet that is sent (max_datagram_size) */
  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
    this.#windowBytes = initialWindowBytes(datagramBytes);
  }

  /** congestion_window. */
  get bytes(): number {
    return this.#windowBytes;
  }

  /** ssthresh: infinite until the first loss. */
  get thresholdBytes(): number {
    return this.#thresholdBytes;
  }

  get isSlowStart(): boolean {
    return this.#windowBytes < this.#thresholdBytes;
  }

  /** The packets have become larger or smaller; the window is never less than two of them. */
  setDatagramBytes(datagramBytes: number): void {
    this.#datagramBytes = datagramBytes;
    this.#windowBytes = Math.max(this.#windowBytes, WINDOW_PACKETS_MIN * datagramBytes);
  }

  /**
   * Before a packet that asks for an acknowledgement is sent. After a probe timeout with nothing in flight the window says
   * nothing about the path any more, and is at most the initial one (RFC 5681 §4.1).
   */
  onSend(nowMs: number, bytesInFlight: number, ptoMs: number): void {
    if (bytesInFlight === 0 && nowMs - this.#lastSentMs > ptoMs)
      this.#windowBytes = Math.min(this.#windowBytes, initialWindowBytes(this.#datagramBytes));
    this.#lastSentMs = nowMs;
  }

  /**
   * OnPacketAcked, RFC 9002 §B.5. A window that was not used does not grow (§7.8).
   * @param bytesInFlightBefore in flight when the acknowledgement came
   */
  onAcknowledged(packet: AcknowledgedPacket, bytesInFlightBefore: number): void {
    if (packet.need === 'none' || packet.wasLost) return;
    if (packet.sentMs <= this.#recoveryStartMs || !this.#isUsed(bytesInFlightBefore)) return;
    if (this.isSlowStart) this.#windowBytes += packet.bytes;
    else this.#windowBytes += (this.#datagramBytes * packet.bytes) / this.#windowBytes;
  }

  /** OnCongestionEvent, RFC 9002 §B.6: half the window, once for all that was sent before the loss was found. */
  onLost(packet: LostPacket, nowMs: number): void {
    if (packet.need === 'none' || packet.isMtuProbe || packet.sentMs <= this.#recoveryStartMs) return;
    this.#recoveryStartMs = nowMs;
    this.#thresholdBytes = this.#windowBytes * LOSS_REDUCTION;
    this.#windowBytes = Math.max(this.#thresholdBytes, this.#bytesMin);
  }

  /** Nothing came through for long: RFC 9002 §7.6.2. After `onLost` of the packets that told. */
  onPersistentCongestion(): void {
    this.#windowBytes = this.#bytesMin;
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY;
  }

  /** Another path: begin anew, RFC 9000 §9.4. */
  reset(datagramBytes: number): void {
    this.#datagramBytes = datagramBytes;
    this.#windowBytes = initialWindowBytes(datagramBytes);
    this.#thresholdBytes = Number.POSITIVE_INFINITY;
    this.#recoveryStartMs = Number.NEGATIVE_INFINITY;
  }

  get #bytesMin(): number {
    return WINDOW_PACKETS_MIN * this.#datagramBytes;
  }

  #isUsed(bytesInFlight: number): boolean {
    if (this.isSlowStart && bytesInFlight > this.#windowBytes / 2) return true;
    return this.#windowBytes - bytesInFlight <= SPARE_PACKETS * this.#datagramBytes;
  }
}

type AcknowledgedPacket = Pick<SentPacket<unknown>, 'sentMs' | 'bytes' | 'need' | 'wasLost'>;
type LostPacket = Pick<SentPacket<unknown>, 'sentMs' | 'need' | 'isMtuProbe'>;
