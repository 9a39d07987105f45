import type { LinkTuning } from './api.ts';
import { CongestionWindow } from './congestion.ts';
import { CALM_LOSS_MAX, CopyPolicy } from './copies.ts';
import { CopyQueue } from './copy-queue.ts';
import { LossDetector, THIN_BYTES_MAX } from './loss.ts';
import { LossRate } from './loss-rate.ts';
import { MTU_ETHERNET_BYTES, MtuSearch } from './mtu.ts';
import type { OutgoingRecord } from './outgoing-record.ts';
import { Pacer } from './pacer.ts';
import type { PacketContent } from './packet-content.ts';
import { RecordGap } from './record-gap.ts';
import { RecordQueue } from './record-queue.ts';
import { RttEstimator } from './rtt.ts';
import type { AckNeed, SentPacket } from './sent-packets.ts';

export interface FlightOptions {
  readonly tuning: LinkTuning;
  /** How long the peer gathers before a prompt acknowledgement, ms. */
  readonly peerGatherMs: number;
  /** The smaller of both sides' largest datagram. */
  readonly datagramBytesMax: number;
  /** The peer has this record. */
  readonly onHeld: (record: OutgoingRecord) => void;
  /** The peer has our ACK of this largest number. */
  readonly onAckHeard: (largest: number) => void;
}

/** What a prompt acknowledgement may take longer than the network and its gathering, ms: timers are not exact. */
const PROMPT_LATE_MS_MAX = 2;
/** With less room than for a small message a packet is not begun, bytes. */
const PACKET_ROOM_MIN = 256;
/** Share of the longest delay of an acknowledgement, within which the next record comes most likely. */
const CALM_GAP_SHARE = 0.9;
/** Share of the congestion window that may be in flight when another record is not to be acknowledged soon. */
const CALM_WINDOW_SHARE = 0.5;
/** Probes that are not backed off in a thin stream. */
const THIN_PTOS = 2;

/**
 * What is under way in datagrams, and what becomes of it: RFC 9002's parts put together. Records of lost packets wait in
 * `lost`, those that are to be copied in `copies`. Times are ms on one monotonic clock.
 */
export class Flight {
  readonly rtt = new RttEstimator();
  readonly book: LossDetector<PacketContent>;
  readonly window: CongestionWindow;
  readonly pacer: Pacer;
  readonly policy: CopyPolicy;
  readonly lossRate = new LossRate();
  readonly gap = new RecordGap();
  readonly mtu: MtuSearch;
  readonly lost = new RecordQueue();
  readonly copies = new CopyQueue();
  readonly #options: FlightOptions;
  #mtuBytes: number;
  #blockedUntilMs: number | undefined;
  #waitingSinceMs: number | undefined;
  #isProbeOwed = false;
  #probes = 0;
  /** A packet was full: larger ones than an Ethernet carries would be of use. */
  wantsMtu = false;
  confirmedMs: number | undefined;
  copyCount = 0;
  retransmissions = 0;

  constructor(nowMs: number, options: FlightOptions) {
    const { tuning } = options;
    this.#options = options;
    this.book = new LossDetector(this.rtt, {
      ackDelayMsMax: tuning.ackDelayMsMax,
      promptDelayMsMax: options.peerGatherMs + PROMPT_LATE_MS_MAX,
      thinPtos: THIN_PTOS,
    });
    this.mtu = new MtuSearch(options.datagramBytesMax, nowMs);
    this.#mtuBytes = this.mtu.bytes;
    this.window = new CongestionWindow(this.#mtuBytes);
    this.pacer = new Pacer(this.#mtuBytes);
    this.policy = new CopyPolicy({
      copyShareMin: tuning.copyShareMin,
      copyLossGoal: tuning.copyLossGoal,
      copyRecordBytesMax: tuning.copyRecordBytesMax,
    });
  }

  /** The largest packet known to pass, bytes of UDP payload. */
  get mtuBytes(): number {
    return this.#mtuBytes;
  }

  /** Since when something that somebody waits for is under way and nothing was acknowledged. */
  get waitingSinceMs(): number | undefined {
    return this.#waitingSinceMs;
  }

  /** Two probe timeouts have passed without an acknowledgement. */
  get isDoubtful(): boolean {
    return this.book.ptoCount >= 2;
  }

  /** The oldest records are to be sent once more, whatever the window says. */
  get isProbeOwed(): boolean {
    return this.#isProbeOwed;
  }

  /** Before it is asked what may go now: a wait for the pacer counts for as long as there is something to send. */
  startPoll(): void {
    this.#blockedUntilMs = undefined;
  }

  /** What the congestion window has left for the next packet, bytes; a packet is no larger. */
  get roomBytes(): number {
    return Math.min(this.window.bytes - this.book.bytesInFlight, this.#mtuBytes);
  }

  /** Whether another packet that asks for an acknowledgement may go now. If not, `nextTimeoutMs` says when to ask again. */
  maySend(nowMs: number): boolean {
    this.#blockedUntilMs = undefined;
    if (this.roomBytes < Math.min(PACKET_ROOM_MIN, this.#mtuBytes)) return false;
    const readyMs = this.pacer.readyAtMs(nowMs, this.#mtuBytes, this.window.bytes, this.rtt.smoothedMs);
    if (readyMs <= nowMs) return true;
    this.#blockedUntilMs = readyMs;
    return false;
  }

  /** Whether the next size that is to be tried is worth it: to that of an Ethernet at once, in three small steps. */
  get isMtuSought(): boolean {
    return this.wantsMtu || (this.mtu.nextSize ?? Number.POSITIVE_INFINITY) <= MTU_ETHERNET_BYTES;
  }

  /** Whether a probe for the MTU may go now: what it leaves of the window is enough for small talk while it is under way. */
  mayProbeMtu(nowMs: number, bytes: number): boolean {
    if (this.rtt.latestMs === undefined || this.window.bytes - this.book.bytesInFlight - bytes < THIN_BYTES_MAX)
      return false;
    return this.maySend(nowMs);
  }

  /**
   * A record goes out for the first time, or again since it was lost: its copies are due later.
   * @param turn as in `CopyPolicy.copiesFor`
   */
  planCopies(nowMs: number, record: OutgoingRecord, turn: -1 | 0 | 1 = 0): void {
    if (record.isLazy || (record.body === undefined && record.run === undefined)) return;
    if (record.isCopyQueued) return;
    record.copiesSent = 0;
    record.copiesLeft = this.policy.copiesFor(
      record.bytes,
      this.lossRate.cautiousShare,
      this.lossRate.isClean,
      this.gap.goalShare(this.rtt.smoothedMs),
      turn,
    );
    if (record.copiesLeft === 0) return;
    this.copies.add(nowMs, record, this.policy.firstWait(this.rtt.smoothedMs));
  }

  /** A record goes out again with a probe: with a copy, if that may well be what brings it. */
  copyProbe(nowMs: number, record: OutgoingRecord): void {
    if (record.isLazy || record.isCopyQueued) return;
    if (!this.policy.isProbeCopied(record.bytes, this.lossRate.cautiousShare, record.copiesSent + 1)) return;
    record.copiesSent = 0;
    record.copiesLeft = 1;
    this.copies.add(nowMs, record, this.policy.firstWait(this.rtt.smoothedMs));
  }

  /** Whether what will be copied is in no hurry to be acknowledged; where much is in flight, acknowledgements are its clock. */
  mayCalm(nowMs: number): boolean {
    // What nobody acknowledges for a while is not to use up a window that losses have made small.
    const bytesMax = Math.min(THIN_BYTES_MAX, this.window.bytes * CALM_WINDOW_SHARE);
    if (this.lossRate.cautiousShare > CALM_LOSS_MAX || this.book.talkBytesInFlight > bytesMax) return false;
    // The next record is to come in time to be acknowledged along with this one, and with all that wait already.
    const waitedMs = nowMs - (this.#waitingSinceMs ?? nowMs);
    return waitedMs + this.gap.ms <= this.#options.tuning.ackDelayMsMax * CALM_GAP_SHARE;
  }

  /**
   * What has no time to be calm is acknowledged at once whether it will be copied or not: the copies are for those that have.
   * @param isCalm whether this one has
   * @returns as in `CopyPolicy.copiesFor`
   */
  turnOf(isCalm: boolean): -1 | 0 | 1 {
    if (isCalm) return 1;
    return this.lossRate.cautiousShare <= CALM_LOSS_MAX && this.#waitingSinceMs !== undefined ? -1 : 0;
  }

  /** What `copies` gave went out, or was given up. */
  tookCopy(nowMs: number, record: OutgoingRecord, isSent: boolean): void {
    this.copies.take(record);
    record.copiesLeft = isSent ? record.copiesLeft - 1 : 0;
    if (!isSent) return;
    record.copiesSent += 1;
    this.#copied(nowMs, record);
    if (record.copiesLeft === 0) return;
    const wait = this.policy.laterWait(
      this.rtt.smoothedMs,
      this.gap.ms,
      this.lossRate.cautiousShare,
      record.copiesSent,
    );
    this.copies.add(nowMs, record, wait);
  }

  #copied(nowMs: number, { lastPacket }: OutgoingRecord): void {
    this.copyCount += 1;
    if (lastPacket?.isFlying) this.book.copied(nowMs, lastPacket);
  }

  /** Nobody waits any more for the acknowledgement of the last packet that carried the record, if all in it is held. */
  #relax({ lastPacket }: OutgoingRecord): void {
    if (lastPacket?.isFlying && lastPacket.content.records.every(({ isDone }) => isDone)) this.book.relax(lastPacket);
  }

  /** Whether copies of so many bytes may go now; if not they are given up. */
  mayCopy(bytes: number, hasNewRecords: boolean, isPaced: boolean): boolean {
    return this.policy.mayCopy({
      hasNewRecords,
      windowRoomBytes: this.window.bytes - this.book.bytesInFlight,
      bytes,
      isPaced,
      smoothedMs: this.rtt.smoothedMs,
      minMs: this.rtt.recentMinMs,
    });
  }

  sent(nowMs: number, number: number, bytes: number, content: PacketContent, isMtuProbe: boolean): void {
    const need: AckNeed = content.isPrompt ? 'prompt' : content.isEliciting ? 'lazy' : 'none';
    if (need !== 'none') {
      this.window.onSend(nowMs, this.book.bytesInFlight, this.book.ptoMs);
      this.pacer.onSent(nowMs, bytes, this.window.bytes, this.rtt.smoothedMs);
    }
    const packet = this.book.sent(nowMs, number, bytes, need, content, isMtuProbe);
    if (need === 'prompt') for (const record of content.records) record.lastPacket = packet;
    if ((need === 'prompt' || content.isCalm) && !isMtuProbe) this.#waitingSinceMs ??= nowMs;
    if (isMtuProbe) this.mtu.onProbeSent();
    this.#isProbeOwed = false;
  }

  /** An ACK came. @returns false when it acknowledges what was never sent */
  acknowledged(nowMs: number, spans: readonly number[], ackDelayMs: number): boolean {
    if (!this.book.acknowledge(nowMs, spans, ackDelayMs)) return false;
    let isNews = false;
    for (const packet of this.book.acknowledged) {
      if (packet.isInFlight) isNews = true;
      this.#arrived(nowMs, packet);
    }
    this.#handleLost(nowMs);
    if (isNews) {
      this.confirmedMs = nowMs;
      this.#waitingSinceMs = this.#isAnythingWaitedFor() ? nowMs : undefined;
      this.#isProbeOwed = false;
    }
    return true;
  }

  nextTimeoutMs(): number | undefined {
    let next = this.book.nextTimeoutMs() ?? Number.POSITIVE_INFINITY;
    if (this.#blockedUntilMs !== undefined) next = Math.min(next, this.#blockedUntilMs);
    next = Math.min(next, this.copies.dueMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(next) ? next : undefined;
  }

  onTimeout(nowMs: number): void {
    const { ptoCount } = this.book;
    const isProbe = this.book.onTimeout(nowMs);
    this.#handleLost(nowMs);
    if (!isProbe || !this.#isAnythingWaitedFor()) return;
    // Several packets that are missing at the same time are one sign of a black hole, not several.
    if (this.book.ptoCount > ptoCount) this.mtu.onPto(nowMs, this.book.oldestInFlight);
    this.#updateMtu();
    this.#isProbeOwed = true;
  }

  /**
   * The oldest records that are under way and not held, each once, for a probe. While a prompt acknowledgement is missing
   * these are the ones that it would be for: the others were not to be acknowledged yet.
   * @param sentByMs only the oldest packet's and those of packets that were sent by then
   * @param take puts one into the packet; false: no more fit
   */
  takeForProbe(sentByMs: number, take: (record: OutgoingRecord, from: number, to: number) => boolean): void {
    this.#takeUnderWay(sentByMs, this.book.isAwaiting, take);
  }

  #takeUnderWay(
    sentByMs: number,
    isPromptOnly: boolean,
    take: (record: OutgoingRecord, from: number, to: number) => boolean,
  ): void {
    this.#probes += 1;
    let isFirst = true;
    for (let packet = this.book.oldestInFlight; packet !== undefined; packet = packet.newer) {
      if (isPromptOnly && packet.need !== 'prompt') continue;
      if (!isFirst && packet.sentMs > sentByMs) return;
      const { records, pieces } = packet.content;
      for (let index = 0; index < records.length; index += 1) {
        const record = records[index]!;
        const piece = pieces?.[index];
        if (record.isDone || (record.probeMark === this.#probes && (piece === undefined || piece.to === 0))) continue;
        record.probeMark = this.#probes;
        isFirst = false;
        if (!take(record, piece?.from ?? 0, piece?.to ?? 0)) return;
      }
    }
  }

  /** The path is given up for now: what is under way is neither acknowledged nor lost. */
  abandon(): void {
    for (let packet = this.book.oldestInFlight; packet !== undefined; packet = packet.newer)
      for (const record of packet.content.records) record.flights -= 1;
    this.book.clear();
    this.lost.clear();
    this.copies.clear();
    this.#waitingSinceMs = undefined;
    this.#isProbeOwed = false;
    this.#blockedUntilMs = undefined;
  }

  /** Another address of the peer's or ours: RFC 9000 §9.4. The round-trip time is kept as a first guess. */
  changedPath(nowMs: number): void {
    this.window.reset(this.mtu.bytes);
    this.rtt.restartMin();
    this.mtu.reset(nowMs);
    this.#updateMtu();
  }

  /** The peer is at another address: what was under way to the old one is lost, most likely, and goes out again. */
  moved(nowMs: number): void {
    const records = new Set<OutgoingRecord>();
    // Those that wait to be sent again are in no packet any more.
    for (let record = this.lost.peek(); record !== undefined; record = this.lost.peek()) {
      records.add(record);
      this.lost.shift();
    }
    this.#takeUnderWay(nowMs, false, (record) => {
      records.add(record);
      return true;
    });
    this.restart(nowMs);
    for (const record of records) if (!record.isDone) this.#sendAgain(record);
  }

  /** All of it that is not held. */
  #sendAgain(record: OutgoingRecord): void {
    const { parts } = record;
    if (parts !== undefined) {
      parts.lost.length = 0;
      parts.lost.push(0, record.bytes);
      parts.sentTo = record.bytes;
    }
    this.#lose(record);
  }

  /** Take out of the flight what only wastes its window: the path comes back after a pause. */
  restart(nowMs: number): void {
    this.abandon();
    this.changedPath(nowMs);
  }

  /** Not so when only copies are under way of what the peer holds. */
  #isAnythingWaitedFor(): boolean {
    for (let packet = this.book.oldestInFlight; packet !== undefined; packet = packet.newer)
      if (packet.need === 'prompt' || packet.content.records.some(({ isDone }) => !isDone)) return true;
    return false;
  }

  #arrived(nowMs: number, packet: SentPacket<PacketContent>): void {
    const { records, pieces, ackLargest } = packet.content;
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index]!;
      if (!packet.wasLost) record.flights -= 1;
      const piece = pieces?.[index];
      if (record.isDone) continue;
      if (piece !== undefined && piece.to > 0 && !record.inParts().hold(piece.from, piece.to, record.bytes)) continue;
      this.#options.onHeld(record);
      this.#relax(record);
    }
    if (ackLargest >= 0) this.#options.onAckHeard(ackLargest);
    this.mtu.onAcknowledged(nowMs, packet);
    this.#updateMtu();
    if (!packet.isInFlight) return;
    if (!packet.isMtuProbe) {
      if (packet.wasLost) this.lossRate.onSpurious();
      else this.lossRate.onAcknowledged();
    }
    this.window.onAcknowledged(packet, this.book.bytesInFlightBefore);
  }

  #handleLost(nowMs: number): void {
    for (const packet of this.book.lost) {
      const { records, pieces } = packet.content;
      for (let index = 0; index < records.length; index += 1) {
        const record = records[index]!;
        record.flights -= 1;
        const piece = pieces?.[index];
        if (record.isDone || !record.isSent) continue;
        if (piece !== undefined && piece.to > 0) this.#losePiece(record, piece.from, piece.to);
        else if (record.flights <= 0 && !record.isLost) this.#lose(record);
      }
      this.mtu.onLost(nowMs, packet, this.book.ptoMs);
      if (packet.isInFlight && !packet.isMtuProbe) this.lossRate.onLost();
      this.window.onLost(packet, nowMs);
    }
    if (this.book.lost.length > 0) {
      this.#updateMtu();
      // What was lost had come another way: there is nothing left to wait for.
      if (this.lost.peek() === undefined && !this.#isAnythingWaitedFor()) this.#waitingSinceMs = undefined;
    }
    if (this.book.isCongestionPersistent) {
      this.window.onPersistentCongestion();
      this.rtt.restartMin();
    }
  }

  #losePiece(record: OutgoingRecord, from: number, to: number): void {
    const parts = record.inParts();
    if (parts.held.firstGap(from) >= to) return;
    parts.lost.push(from, to);
    if (!record.isLost) this.#lose(record);
  }

  #lose(record: OutgoingRecord): void {
    record.isLost = true;
    this.lost.push(record);
  }

  #updateMtu(): void {
    if (this.mtu.bytes === this.#mtuBytes) return;
    this.#mtuBytes = this.mtu.bytes;
    this.window.setDatagramBytes(this.#mtuBytes);
    this.pacer.setDatagramBytes(this.#mtuBytes);
  }
}
