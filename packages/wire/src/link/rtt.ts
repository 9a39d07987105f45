/** kInitialRtt, RFC 9002 §6.2.2: taken for the round-trip time before anything was measured. */
export const RTT_INITIAL_MS = 333;
/** kGranularity, RFC 9002 §6.1.2: no timer is finer. */
export const GRANULARITY_MS = 1;
/** The recent minimum is that of the last one to two of these. */
export const RECENT_MS = 30_000;

/** How long a packet and its acknowledgement take: RFC 9002 §5. All times in ms, with fractions. */
export class RttEstimator {
  readonly #initialMs: number;
  #latestMs: number | undefined;
  #adjustedMs = 0;
  #minMs = 0;
  #smoothedMs: number;
  #varMs: number;
  #firstSampleAtMs: number | undefined;
  #periodStartMs = 0;
  #periodMinMs = 0;
  #lastPeriodMinMs = 0;

  /** @param initialMs round-trip time to begin with, such as the TLS handshake's; any guess is replaced by the first sample */
  constructor(initialMs: number = RTT_INITIAL_MS) {
    this.#initialMs = initialMs;
    this.#smoothedMs = initialMs;
    this.#varMs = initialMs / 2;
  }

  /** latest_rtt; undefined before the first sample. */
  get latestMs(): number | undefined {
    return this.#latestMs;
  }

  /** min_rtt: the lowest sample since the start, the last `restartMin` or `reset`; undefined before the first. */
  get minMs(): number | undefined {
    return this.#latestMs === undefined ? undefined : this.#minMs;
  }

  /**
   * The lowest sample of the last `RECENT_MS` to twice that: what the path takes when it is empty, also after it has
   * become a longer one (RFC 9002 §5.2 lets the minimum be found anew). Undefined before the first sample.
   */
  get recentMinMs(): number | undefined {
    return this.#latestMs === undefined ? undefined : Math.min(this.#periodMinMs, this.#lastPeriodMinMs);
  }

  /** smoothed_rtt; before the first sample the initial time. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** rttvar, the mean deviation; before the first sample half the initial time. */
  get varMs(): number {
    return this.#varMs;
  }

  /** When the first sample was taken; undefined before. */
  get firstSampleAtMs(): number | undefined {
    return this.#firstSampleAtMs;
  }

  /**
   * Take a sample (RFC 9002 §5.3, appendix A.7): the time since the largest packet of an acknowledgement was sent, if the
   * acknowledgement is the first of that packet and of at least one that asked for it.
   *
   * A delay that would make the sample less than the least one seen is believed as far as that one. RFC 9002 does not
   * believe it at all, which is little where delays are at most 25 ms; here they are several round trips, and the clocks of
   * two processes, a fraction of a millisecond apart, would turn one of them into the network's time.
   * @param ackDelayMs how long the peer says it waited, already cut to what it may wait at most
   */
  sample(nowMs: number, sampleMs: number, ackDelayMs: number): void {
    this.#noteRecent(nowMs, sampleMs);
    if (this.#latestMs === undefined) {
      this.#latestMs = sampleMs;
      this.#adjustedMs = sampleMs;
      this.#minMs = sampleMs;
      this.#smoothedMs = sampleMs;
      this.#varMs = sampleMs / 2;
      this.#firstSampleAtMs = nowMs;
      return;
    }
    this.#latestMs = sampleMs;
    this.#minMs = Math.min(this.#minMs, sampleMs);
    const adjustedMs = Math.max(sampleMs - ackDelayMs, this.#minMs);
    this.#adjustedMs = adjustedMs;
    this.#varMs += (Math.abs(this.#smoothedMs - adjustedMs) - this.#varMs) / 4;
    this.#smoothedMs += (adjustedMs - this.#smoothedMs) / 8;
  }

  /**
   * Probe timeout without back-off: RFC 9002 §6.2.1.
   * @param deviations how many mean deviations an acknowledgement may be late by
   */
  ptoMs(ackDelayMsMax: number, deviations = 4): number {
    return this.#smoothedMs + Math.max(deviations * this.#varMs, GRANULARITY_MS) + ackDelayMsMax;
  }

  /** How much later than a newer one a packet may be before it is lost, by time alone: RFC 9002 §6.1.2, less the peer's delay. */
  lossDelayMs(timeThreshold: number): number {
    return Math.max(timeThreshold * Math.max(this.#adjustedMs, this.#smoothedMs), GRANULARITY_MS);
  }

  /** The newest sample is the new minimum: after persistent congestion, RFC 9002 §5.2. */
  restartMin(): void {
    this.#minMs = this.#latestMs ?? 0;
  }

  /** Another path: nothing that was measured holds. RFC 9000 §9.4. */
  reset(): void {
    this.#latestMs = undefined;
    this.#adjustedMs = 0;
    this.#firstSampleAtMs = undefined;
    this.#smoothedMs = this.#initialMs;
    this.#varMs = this.#initialMs / 2;
  }

  #noteRecent(nowMs: number, sampleMs: number): void {
    if (this.#latestMs === undefined) {
      this.#periodStartMs = nowMs;
      this.#periodMinMs = sampleMs;
      this.#lastPeriodMinMs = sampleMs;
    } else if (nowMs - this.#periodStartMs >= RECENT_MS) {
      this.#lastPeriodMinMs = nowMs - this.#periodStartMs < 2 * RECENT_MS ? this.#periodMinMs : sampleMs;
      this.#periodStartMs = nowMs;
      this.#periodMinMs = sampleMs;
    } else {
      this.#periodMinMs = Math.min(this.#periodMinMs, sampleMs);
    }
  }
}
