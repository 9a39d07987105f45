import { PersistentCongestion } from './persistent-congestion.ts';
import { Reordering } from './reordering.ts';
import type { RttEstimator } from './rtt.ts';
import { type AckNeed, SentPacket, SentPackets } from './sent-packets.ts';

/** Back-off doubles the probe timeout at most so often. */
const BACKOFF_DOUBLINGS_MAX = 16;
/** Little is what any path is taken to carry at once: three packets of 1200 bytes (RFC 9002 §7.2 begins with ten). */
export const THIN_BYTES_MAX = 3_600;
/** Mean deviations of the round-trip time in the probe timeout of a thin stream; RFC 9002 has 4. */
const THIN_DEVIATIONS = 2;
/** A packet that was lost this many probe timeouts ago is not expected any more. */
const LOST_KEPT_PTOS = 3;

export interface LossOptions {
  /** The longest that the peer waits with an acknowledgement, ms. */
  readonly ackDelayMsMax: number;
  /** The same for packets that are acknowledged promptly: what an answer may take that the acknowledgement goes along with, ms. */
  readonly promptDelayMsMax: number;
  /** The longest probe timeout that back-off leads to, ms. */
  readonly ptoMsMax: number;
  /** Probe timeouts in a row before back-off begins, while little is in flight: a few small probes congest nothing. */
  readonly thinPtos: number;
  /** Packets of unknown fate; with more the oldest is taken for lost. Packets without need of acknowledgement are not bounded otherwise. */
  readonly packetsMax: number;
  /** Lost packets that are remembered, in case they are acknowledged after all. */
  readonly lostKeptMax: number;
}

export const LOSS_DEFAULTS: LossOptions = {
  ackDelayMsMax: 25,
  promptDelayMsMax: 0,
  thinPtos: 0,
  ptoMsMax: 4_000,
  packetsMax: 16_384,
  lostKeptMax: 256,
};

/**
 * The book of sent packets: which were acknowledged, which are lost, and when to ask. RFC 9002 §6 and appendix A, for one
 * packet number space. Packets are never sent again: the session looks at the `content` of those that are lost and of
 * those that are acknowledged. Times are ms on one monotonic clock.
 *
 * After `acknowledge` and `onTimeout` the results are in `acknowledged`, `lost` and `isCongestionPersistent`, until the
 * next call of either.
 */
export class LossDetector<Content> {
  readonly #rtt: RttEstimator;
  readonly #options: LossOptions;
  readonly #reordering = new Reordering();
  readonly #persistent = new PersistentCongestion();
  readonly #flying = new SentPackets<Content>();
  readonly #lostKept = new SentPackets<Content>();
  /** Packets that are to be acknowledged promptly, oldest first; those before `#awaitedAt`, and some behind, are settled. */
  readonly #awaited: SentPacket<Content>[] = [];
  #awaitedAt = 0;
  readonly #acknowledged: SentPacket<Content>[] = [];
  readonly #lost: SentPacket<Content>[] = [];
  #isCongestionPersistent = false;
  #newestNumber = -1;
  #largestAcked = -1;
  #bytesInFlight = 0;
  #bytesInFlightBefore = 0;
  #mtuProbeBytes = 0;
  #promptInFlight = 0;
  #lazyInFlight = 0;
  #lastPromptSentMs = 0;
  #lastLazySentMs = 0;
  #lossTimeMs: number | undefined;
  #ptoCount = 0;
  #ptoAtMs = Number.NEGATIVE_INFINITY;
  #spuriousLosses = 0;

  constructor(rtt: RttEstimator, options: Partial<LossOptions> = {}) {
    this.#rtt = rtt;
    this.#options = { ...LOSS_DEFAULTS, ...options };
  }

  /** Packets that the last call found to be acknowledged for the first time, oldest first but for those with `wasLost`, which come last. */
  get acknowledged(): readonly SentPacket<Content>[] {
    return this.#acknowledged;
  }

  /** Packets that the last call declared lost, oldest first. */
  get lost(): readonly SentPacket<Content>[] {
    return this.#lost;
  }

  /** The losses of the last call establish persistent congestion, RFC 9002 §7.6. */
  get isCongestionPersistent(): boolean {
    return this.#isCongestionPersistent;
  }

  /** Bytes of packets that ask for an acknowledgement and whose fate is not known. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  /** The same without MTU probes, which are no talk. */
  get talkBytesInFlight(): number {
    return this.#bytesInFlight - this.#mtuProbeBytes;
  }

  /** `bytesInFlight` before the last call: whether the window was in use (RFC 9002 §7.8). */
  get bytesInFlightBefore(): number {
    return this.#bytesInFlightBefore;
  }

  /** Packets that ask for an acknowledgement and whose fate is not known. */
  get packetsInFlight(): number {
    return this.#promptInFlight + this.#lazyInFlight;
  }

  /** Whether any of them is to be acknowledged promptly. */
  get isAwaiting(): boolean {
    return this.#promptInFlight > 0;
  }

  /** The highest number the peer has acknowledged, −1 for none: what packet numbers are shortened by (RFC 9000 §17.1). */
  get largestAcked(): number {
    return this.#largestAcked;
  }

  /** Probe timeouts since something was last acknowledged. */
  get ptoCount(): number {
    return this.#ptoCount;
  }

  /** The probe timeout as it is now without back-off, ms. */
  get ptoMs(): number {
    return this.#promptInFlight > 0 ? this.promptPtoMs : this.#rtt.ptoMs(this.#options.ackDelayMsMax);
  }

  /** The same for packets that are acknowledged promptly, whether there are any or not, ms. */
  get promptPtoMs(): number {
    return this.#rtt.ptoMs(this.#options.promptDelayMsMax);
  }

  /** Losses that were none. */
  get spuriousLosses(): number {
    return this.#spuriousLosses;
  }

  /** The thresholds in use. */
  get reordering(): Pick<Reordering, 'packetThreshold' | 'timeThreshold'> {
    return this.#reordering;
  }

  /** The oldest packet of unknown fate; `newer` leads on to the next. */
  get oldestInFlight(): SentPacket<Content> | undefined {
    return this.#flying.oldest;
  }

  /**
   * A packet was sent (OnPacketSent, RFC 9002 §A.5).
   * @throws {RangeError} its number is not above all before: a fault of the caller
   */
  sent(
    nowMs: number,
    number: number,
    bytes: number,
    need: AckNeed,
    content: Content,
    isMtuProbe = false,
  ): SentPacket<Content> {
    if (number <= this.#newestNumber)
      throw new RangeError(`Cannot send packet ${number} after packet ${this.#newestNumber}`);
    const packet = new SentPacket(number, this.#newestNumber, nowMs, bytes, need, isMtuProbe, content);
    this.#newestNumber = number;
    this.#flying.addNewest(packet);
    this.#countInFlight(packet, 1);
    if (need === 'prompt') {
      this.#lastPromptSentMs = nowMs;
      this.#awaited.push(packet);
    } else if (need === 'lazy') this.#lastLazySentMs = nowMs;
    if (this.#flying.count > this.#options.packetsMax) this.#lossTimeMs = nowMs;
    return packet;
  }

  /** What the packet carries was sent once more, as a copy: its acknowledgement is due a round trip from now. */
  copied(nowMs: number, packet: SentPacket<Content>): void {
    packet.againMs = nowMs;
    this.#lastPromptSentMs = Math.max(this.#lastPromptSentMs, nowMs);
  }

  /** It is not to be acknowledged promptly any more, since another packet carries the same. */
  relax(packet: SentPacket<Content>): void {
    if (packet.need !== 'prompt' || !packet.isFlying) return;
    this.#countInFlight(packet, -1);
    packet.need = 'lazy';
    this.#countInFlight(packet, 1);
  }

  /**
   * An ACK has come (OnAckReceived, RFC 9002 §A.7).
   * @param spans `first, last` of each range, highest range first, as `decodeAckRanges` gives them; not empty
   * @param ackDelayMs how long the peer says that it waited
   * @returns false when it acknowledges what was never sent: the peer breaks the protocol (RFC 9000 §13.1), and nothing is
   *   changed
   */
  acknowledge(nowMs: number, spans: readonly number[], ackDelayMs: number): boolean {
    const largest = spans[1]!;
    this.#startResults();
    if (largest > this.#newestNumber) return false;
    this.#largestAcked = Math.max(this.#largestAcked, largest);
    this.#flying.takeIn(spans, this.#acknowledged);
    const inTime = this.#acknowledged.length;
    this.#sampleRtt(nowMs, largest, ackDelayMs);
    for (const packet of this.#acknowledged) {
      packet.isFlying = false;
      this.#countInFlight(packet, -1);
    }
    this.#reordering.onAcknowledged(inTime);
    if (this.#lostKept.count > 0) this.#takeSpurious(spans, inTime);
    this.#detectLost(nowMs);
    if (this.#acknowledged.length > 0) {
      this.#ptoCount = 0;
      this.#ptoAtMs = Number.NEGATIVE_INFINITY;
    }
    return true;
  }

  /** When to call `onTimeout`: SetLossDetectionTimer, RFC 9002 §A.8. Undefined while nothing is in flight. */
  nextTimeoutMs(): number | undefined {
    if (this.#lossTimeMs !== undefined) return this.#lossTimeMs;
    if (this.packetsInFlight === 0) return undefined;
    const awaited = this.#isThin ? this.#firstAwaited() : undefined;
    if (awaited !== undefined) return awaited.againMs + this.#thinPtoMs;
    const sentMs = this.#promptInFlight > 0 ? this.#lastPromptSentMs : this.#lastLazySentMs;
    // Where no probe could be sent the next timeout counts from this one, so that it never lies in the past for ever.
    return Math.max(sentMs, this.#ptoAtMs) + this.#backedOffMs();
  }

  /**
   * A timer went off (OnLossDetectionTimeout, RFC 9002 §A.9). Early calls change nothing.
   * @returns whether to send a probe, whatever the congestion window says; losses are in `lost`
   */
  onTimeout(nowMs: number): boolean {
    this.#startResults();
    const dueMs = this.nextTimeoutMs();
    if (dueMs === undefined || nowMs < dueMs) return false;
    if (this.#lossTimeMs !== undefined) {
      this.#detectLost(nowMs);
      return false;
    }
    const ptoMs = this.#isThin ? this.#thinPtoMs : this.ptoMs;
    for (let packet = this.#firstAwaited(); packet !== undefined; packet = this.#firstAwaited()) {
      if (packet.againMs + ptoMs > nowMs) break;
      packet.wasProbed = true;
    }
    // Probes for several packets that are missing at the same time are one timeout.
    if (this.#ptoAtMs + ptoMs > nowMs) return true;
    this.#ptoCount += 1;
    this.#ptoAtMs = nowMs;
    return true;
  }

  /** Forget all packets: the path is given up. What they carried is neither acknowledged nor lost; numbers go on. */
  clear(): void {
    this.#startResults();
    for (let packet = this.#flying.oldest; packet !== undefined; packet = packet.newer) packet.isFlying = false;
    this.#awaited.length = 0;
    this.#awaitedAt = 0;
    this.#flying.clear();
    this.#lostKept.clear();
    this.#bytesInFlight = 0;
    this.#mtuProbeBytes = 0;
    this.#promptInFlight = 0;
    this.#lazyInFlight = 0;
    this.#lossTimeMs = undefined;
    this.#ptoCount = 0;
    this.#ptoAtMs = Number.NEGATIVE_INFINITY;
  }

  #startResults(): void {
    this.#acknowledged.length = 0;
    this.#lost.length = 0;
    this.#isCongestionPersistent = false;
    this.#bytesInFlightBefore = this.#bytesInFlight;
  }

  /** RFC 9002 §5.1: of the largest packet, if that is new and any of the new ones asked to be acknowledged. */
  #sampleRtt(nowMs: number, largest: number, ackDelayMs: number): void {
    const newest = this.#acknowledged.at(-1);
    if (newest === undefined || newest.number !== largest) return;
    if (!this.#acknowledged.some((packet) => packet.isInFlight)) return;
    this.#rtt.sample(nowMs, nowMs - newest.sentMs, Math.min(ackDelayMs, this.#options.ackDelayMsMax));
  }

  #takeSpurious(spans: readonly number[], from: number): void {
    this.#lostKept.takeIn(spans, this.#acknowledged);
    for (let index = from; index < this.#acknowledged.length; index += 1) {
      const packet = this.#acknowledged[index]!;
      this.#spuriousLosses += 1;
      this.#persistent.onSpurious(packet.number);
      this.#reordering.onSpurious(packet.wasLostByTime, this.#largestAcked - packet.number);
    }
  }

  /**
   * DetectAndRemoveLostPackets, RFC 9002 §A.10. Packets are sent in the order of their numbers, so the first one that is
   * not lost ends the search.
   */
  #detectLost(nowMs: number): void {
    const delayMs = this.#rtt.lossDelayMs(this.#reordering.timeThreshold);
    this.#lossTimeMs = undefined;
    for (let packet = this.#flying.oldest; packet !== undefined; packet = this.#flying.oldest) {
      const isTooMany = this.#flying.count > this.#options.packetsMax;
      if (!isTooMany && packet.number > this.#largestAcked) break;
      const isFarBehind = this.#largestAcked - packet.number >= this.#reordering.packetThreshold;
      if (!isTooMany && !isFarBehind && packet.sentMs + delayMs > nowMs) {
        this.#lossTimeMs = packet.sentMs + delayMs;
        break;
      }
      this.#lose(packet, !isFarBehind);
    }
    this.#forgetLost(nowMs);
  }

  #lose(packet: SentPacket<Content>, isByTime: boolean): void {
    this.#flying.remove(packet);
    packet.isFlying = false;
    this.#countInFlight(packet, -1);
    packet.wasLost = true;
    packet.wasLostByTime = isByTime;
    this.#lost.push(packet);
    this.#lostKept.addNewest(packet);
    const ptoMs = this.#rtt.ptoMs(this.#options.ackDelayMsMax);
    if (this.#persistent.onLost(packet, this.#rtt.firstSampleAtMs, ptoMs)) this.#isCongestionPersistent = true;
  }

  #forgetLost(nowMs: number): void {
    const keptMs = LOST_KEPT_PTOS * this.#rtt.ptoMs(this.#options.ackDelayMsMax);
    for (let packet = this.#lostKept.oldest; packet !== undefined; packet = this.#lostKept.oldest) {
      if (this.#lostKept.count <= this.#options.lostKeptMax && packet.sentMs + keptMs > nowMs) return;
      this.#lostKept.remove(packet);
    }
  }

  /** So little is in flight, and so few timeouts have passed, that probes congest nothing. */
  get #isThin(): boolean {
    return this.talkBytesInFlight <= THIN_BYTES_MAX && this.#ptoCount < this.#options.thinPtos;
  }

  /** A probe in vain costs a small packet, and a late one somebody's time: half of the usual margin. */
  get #thinPtoMs(): number {
    return this.#rtt.ptoMs(this.#options.promptDelayMsMax, THIN_DEVIATIONS);
  }

  /** The oldest packet whose acknowledgement is still waited for and that was not probed for. */
  #firstAwaited(): SentPacket<Content> | undefined {
    const awaited = this.#awaited;
    while (this.#awaitedAt < awaited.length) {
      const packet = awaited[this.#awaitedAt]!;
      if (packet.isFlying && packet.need === 'prompt' && !packet.wasProbed) return packet;
      this.#awaitedAt += 1;
    }
    awaited.length = 0;
    this.#awaitedAt = 0;
    return undefined;
  }

  #backedOffMs(): number {
    const onceMs = this.ptoMs;
    const free = this.talkBytesInFlight <= THIN_BYTES_MAX ? this.#options.thinPtos : 0;
    const backedOffMs = onceMs * 2 ** Math.min(Math.max(this.#ptoCount - free, 0), BACKOFF_DOUBLINGS_MAX);
    return Math.min(backedOffMs, Math.max(onceMs, this.#options.ptoMsMax));
  }

  #countInFlight(packet: SentPacket<Content>, sign: 1 | -1): void {
    if (packet.need === 'none') return;
    this.#bytesInFlight += sign * packet.bytes;
    if (packet.isMtuProbe) this.#mtuProbeBytes += sign * packet.bytes;
    if (packet.need === 'prompt') this.#promptInFlight += sign;
    else this.#lazyInFlight += sign;
  }
}
