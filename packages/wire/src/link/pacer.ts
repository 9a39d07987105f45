import { initialWindowBytes } from './congestion.ts';

/** N of RFC 9002 §7.7: so much faster than a window for each round trip, so that pacing never keeps the window unused. */
export const PACING_GAIN = 1.25;
/** What goes out in this time may go out at once: timers are not finer than a millisecond. */
const BURST_MS = 2;
/** Less than this is missing only because fractions were rounded. */
const ROUNDING_BYTES = 1;

/**
 * Spreads packets over the round trip: a bucket of bytes that fills at 1.25 windows for each smoothed round trip, and holds
 * ten packets, or what passes in 2 ms if that is more (RFC 9002 §7.7). Acknowledgements alone need not ask.
 */
export class Pacer {
  #datagramBytes: number;
  #bytes: number;
  #filledAtMs = Number.NEGATIVE_INFINITY;

  /** @param datagramBytes the largest packet that is sent */
  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
    this.#bytes = initialWindowBytes(datagramBytes);
  }

  setDatagramBytes(datagramBytes: number): void {
    this.#datagramBytes = datagramBytes;
  }

  /**
   * When a packet of so many bytes may go out: `nowMs` or a later time. Asking again then, with the same window and round
   * trip and nothing sent between, gives that time.
   */
  readyAtMs(nowMs: number, bytes: number, windowBytes: number, smoothedMs: number): number {
    const bytesPerMs = pacingRate(windowBytes, smoothedMs);
    const burstBytes = this.#fill(nowMs, bytesPerMs);
    // A packet larger than the bucket goes out when the bucket is full.
    const missingBytes = Math.min(bytes, burstBytes) - this.#bytes;
    return missingBytes <= ROUNDING_BYTES ? nowMs : nowMs + missingBytes / bytesPerMs;
  }

  /** A packet went out, whether it was its time or not; probes do not wait, but what they take is missing afterwards. */
  onSent(nowMs: number, bytes: number, windowBytes: number, smoothedMs: number): void {
    const burstBytes = this.#fill(nowMs, pacingRate(windowBytes, smoothedMs));
    this.#bytes = Math.max(this.#bytes - bytes, -Math.max(burstBytes, bytes));
  }

  /** @returns what the bucket holds when it is full, bytes */
  #fill(nowMs: number, bytesPerMs: number): number {
    const burstBytes = Math.max(initialWindowBytes(this.#datagramBytes), bytesPerMs * BURST_MS);
    const passedMs = nowMs - this.#filledAtMs;
    if (passedMs > 0) {
      this.#bytes = Math.min(burstBytes, this.#bytes + passedMs * bytesPerMs);
      this.#filledAtMs = nowMs;
    }
    return burstBytes;
  }
}

/** Bytes for each ms; a round trip is taken for at least a microsecond. */
function pacingRate(windowBytes: number, smoothedMs: number): number {
  return (PACING_GAIN * windowBytes) / Math.max(smoothedMs, 0.001);
}
