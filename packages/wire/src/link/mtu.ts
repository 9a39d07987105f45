import type { SentPacket } from './sent-packets.ts';

/** BASE_PLPMTU, RFC 8899 §5.1.2: every path is taken to carry this much UDP payload, bytes. */
export const MTU_BASE_BYTES = 1_200;
/** What an Ethernet carries over IPv4: 1500 bytes without the headers of IP and UDP. */
export const MTU_ETHERNET_BYTES = 1_472;
/**
 * Sizes that are tried on the way up, bytes of UDP payload: tunnels, PPPoE and IPv6 on Ethernet, IPv4 on Ethernet, and what
 * loopback and large frames carry.
 */
export const MTU_SIZES = [1_400, 1_452, MTU_ETHERNET_BYTES, 4_096, 8_192, 16_384, 32_768, 65_507] as const;

export interface MtuOptions {
  /** MAX_PROBES, RFC 8899 §5.1.2: losses of one size that end the search. */
  readonly probesMax: number;
  /** Time between a lost probe and the next one, ms. */
  readonly probeIntervalMs: number;
  /** PMTU_RAISE_TIMER, RFC 8899 §5.1.1: time from the end of a search, or a black hole, to the next search, ms. */
  readonly raiseMs: number;
  /** Probe timeouts in which nothing but large packets was lost, that make a black hole. */
  readonly blackHolePtos: number;
}

export const MTU_DEFAULTS: MtuOptions = {
  probesMax: 3,
  probeIntervalMs: 1_000,
  raiseMs: 600_000,
  blackHolePtos: 3,
};

/**
 * Finds the largest packet that the path carries: RFC 8899, by PING and PADDING that nothing is lost with. One probe is
 * under way at a time. Tell it each packet that the loss detector acknowledges or declares lost, and each probe timeout.
 */
export class MtuSearch {
  readonly #options: MtuOptions;
  /** Sizes worth trying, ascending; the limit is the last of them. */
  readonly #sizes: readonly number[];
  #bytes = MTU_BASE_BYTES;
  /** Asked for with each packet. */
  #nextSize: number | undefined;
  #losses = 0;
  #isUnderWay = false;
  /** When the next probe is due; undefined when there is nothing to try. */
  #dueMs: number | undefined;
  #suspicions = 0;
  #suspectedAtMs = Number.NEGATIVE_INFINITY;
  #largeAckedSentMs = Number.NEGATIVE_INFINITY;

  /**
   * @param limitBytes the smaller of both sides' largest datagram
   * @throws {RangeError} the limit is below 1200 bytes
   */
  constructor(limitBytes: number, nowMs: number, options: Partial<MtuOptions> = {}) {
    if (!(limitBytes >= MTU_BASE_BYTES))
      throw new RangeError(`Cannot send packets of at most ${limitBytes} bytes: ${MTU_BASE_BYTES} is the least`);
    this.#options = { ...MTU_DEFAULTS, ...options };
    const below = MTU_SIZES.filter((size) => size < limitBytes);
    this.#sizes = limitBytes > MTU_BASE_BYTES ? [...below, limitBytes] : [];
    this.#scheduleAt(nowMs);
  }

  /** The largest packet known to pass, bytes of UDP payload. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When a probe is to be sent; undefined while one is under way or nothing is left to try. */
  nextTimeoutMs(): number | undefined {
    return this.#isUnderWay ? undefined : this.#dueMs;
  }

  /** Size of the probe to send now, if one is due. Send it and say so. */
  probeBytes(nowMs: number): number | undefined {
    if (this.#isUnderWay || this.#dueMs === undefined || nowMs < this.#dueMs) return undefined;
    return this.#nextSize;
  }

  onProbeSent(): void {
    this.#isUnderWay = true;
  }

  /** A probe that comes after it was declared lost shows as much as one in time. */
  onAcknowledged(nowMs: number, packet: Fate): void {
    if (packet.bytes > MTU_BASE_BYTES) {
      this.#largeAckedSentMs = Math.max(this.#largeAckedSentMs, packet.sentMs);
      this.#suspicions = 0;
    }
    if (!packet.isMtuProbe || packet.bytes <= this.#bytes) return;
    this.#bytes = packet.bytes;
    this.#losses = 0;
    this.#scheduleAt(nowMs);
  }

  /** @param ptoMs the probe timeout: losses within one count once */
  onLost(nowMs: number, packet: Fate, ptoMs: number): void {
    if (packet.isMtuProbe) {
      if (this.#isUnderWay && packet.bytes === this.#nextSize) this.#onProbeLost(nowMs);
    } else if (packet.bytes <= MTU_BASE_BYTES) {
      this.#suspicions = 0;
    } else if (packet.sentMs > this.#largeAckedSentMs && nowMs - this.#suspectedAtMs >= ptoMs) {
      this.#suspect(nowMs);
    }
  }

  /** A probe timeout; it counts when all that is in flight is large. @param oldest see `LossDetector.oldestInFlight` */
  onPto(nowMs: number, oldest: SentPacket<unknown> | undefined): void {
    let hasLarge = false;
    for (let packet = oldest; packet !== undefined; packet = packet.newer) {
      if (!packet.isInFlight || packet.isMtuProbe) continue;
      if (packet.bytes <= MTU_BASE_BYTES) return;
      hasLarge = true;
    }
    if (hasLarge) this.#suspect(nowMs);
  }

  /** Another path, or the loss detector was cleared: begin anew. */
  reset(nowMs: number): void {
    this.#bytes = MTU_BASE_BYTES;
    this.#losses = 0;
    this.#suspicions = 0;
    this.#suspectedAtMs = Number.NEGATIVE_INFINITY;
    this.#largeAckedSentMs = Number.NEGATIVE_INFINITY;
    this.#scheduleAt(nowMs);
  }

  /** Undefined when no larger one is left to try. */
  get nextSize(): number | undefined {
    return this.#nextSize;
  }

  #onProbeLost(nowMs: number): void {
    this.#losses += 1;
    const isOver = this.#losses >= this.#options.probesMax;
    if (isOver) this.#losses = 0;
    this.#scheduleAt(nowMs + (isOver ? this.#options.raiseMs : this.#options.probeIntervalMs));
  }

  /** RFC 8899 §4.3: three times in a row it was the large packets that did not come. */
  #suspect(nowMs: number): void {
    // What is lost after the fall was sent before it.
    if (this.#bytes === MTU_BASE_BYTES) return;
    this.#suspectedAtMs = nowMs;
    this.#suspicions += 1;
    if (this.#suspicions < this.#options.blackHolePtos) return;
    this.#bytes = MTU_BASE_BYTES;
    this.#losses = 0;
    this.#suspicions = 0;
    this.#scheduleAt(nowMs + this.#options.raiseMs);
  }

  #scheduleAt(dueMs: number): void {
    this.#isUnderWay = false;
    this.#nextSize = this.#sizes.find((size) => size > this.#bytes);
    this.#dueMs = this.#nextSize === undefined ? undefined : dueMs;
  }
}

type Fate = Pick<SentPacket<unknown>, 'bytes' | 'sentMs' | 'isMtuProbe'>;
