import type { AnswerHold } from './answer-hold.ts';
import type { ChannelSender } from './channel-sender.ts';
import type { Flight } from './flight.ts';
import { FrameWriter, recordFrameBytes, skipFrameBytes } from './frame-writer.ts';
import { ACK_DELAY_UNIT_MS } from './frames.ts';
import { LINK_DATAGRAM_BYTES_MAX } from './limits.ts';
import type { OutgoingRecord } from './outgoing-record.ts';
import type { PacketProtection } from './packet.ts';
import { PacketContent } from './packet-content.ts';
import type { ReceivedPackets } from './received-packets.ts';
import { framesThatFit, lengthFieldBytes } from './record-run.ts';

/** A sealed packet needs so many bytes of frames at most for its mask; also the least that PADDING can fill up to. */
const FRAMES_BYTES_MIN = 4;
const NOTHING = new Uint8Array(0);
/** A rest of a packet that is not worth cutting a long record for, bytes. */
const PIECE_BYTES_MIN = 64;

/** Copies are for small talk: where more new records than this go in one packet, none of them gets any. */
const COPIED_TOGETHER_MAX = 8;

/** Frames of the packet that is being made: nothing of it outlives the call that makes it, so all sessions share it. */
const scratch = new Uint8Array(LINK_DATAGRAM_BYTES_MAX);

/** What goes into packets besides records and acknowledgements. */
export interface PacketExtras {
  /** Whether something waits that is reason enough for a packet. */
  readonly isWaiting: (nowMs: number) => boolean;
  /** Write what fits. @returns whether any of it asks for an acknowledgement */
  readonly write: (nowMs: number, writer: FrameWriter) => boolean;
}

export interface DatagramPathOptions {
  readonly protection: PacketProtection;
  readonly flight: Flight;
  readonly received: ReceivedPackets;
  /** Of a server: when lazy records go out. They never wait on their own side otherwise. */
  readonly answers: AnswerHold | undefined;
  readonly extras: PacketExtras;
}

/**
 * Fills packets: acknowledgements, what was lost, what is new (each channel in turn), then copies. Keeps the list of the
 * channels that have something new.
 */
export class DatagramPath {
  readonly #options: DatagramPathOptions;
  readonly #writer = new FrameWriter(true);
  /** Channels with new records, the next one first. */
  readonly #ready: ChannelSender[] = [];
  /** Not all that is new are answers, which may wait. */
  #isUrgent = false;
  /** The packet is smaller than it could be, since the congestion window is nearly used up. */
  #isCut = false;
  packetsSent = 0;
  bytesSent = 0;

  constructor(options: DatagramPathOptions) {
    this.#options = options;
  }

  /** The channel has, or may have, new records; `isLazy`: but for those that are known of, only answers. */
  list(sender: ChannelSender, isLazy = false): void {
    if (!isLazy) this.#isUrgent = true;
    if (sender.isListed) return;
    sender.isListed = true;
    this.#ready.push(sender);
  }

  unlistAll(): void {
    for (const sender of this.#ready) sender.isListed = false;
    this.#ready.length = 0;
    this.#isUrgent = false;
  }

  get hasNew(): boolean {
    for (let sender = this.#ready[0]; sender !== undefined; sender = this.#ready[0]) {
      if (sender.nextForDatagram() !== undefined) return true;
      sender.isListed = false;
      this.#ready.shift();
    }
    return false;
  }

  /** When answers that wait go out, if nothing else takes them along. */
  get answersDueMs(): number | undefined {
    if (this.#isUrgent || this.#ready.length === 0) return undefined;
    return this.#options.answers?.dueMs(this.#options.flight.rtt.smoothedMs);
  }

  /** Whatever keeps them from going out now (the congestion window, say) wakes the session when it no longer does. */
  onTimeout(nowMs: number): void {
    if ((this.answersDueMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#isUrgent = true;
  }

  /**
   * The next packet, undefined when there is nothing to say or it may not be said yet.
   * @param carriesRecords records take this path
   * @param roomBytes UDP payload that may go to the address
   */
  poll(nowMs: number, carriesRecords: boolean, roomBytes: number): Uint8Array | undefined {
    const { protection, flight, received, extras } = this.#options;
    const { largestAcked } = flight.book;
    flight.startPoll();
    if (!protection.canSeal(largestAcked)) return undefined;
    const overhead = protection.overheadBytes(largestAcked);
    const bytesMax = Math.min(flight.mtuBytes, roomBytes);
    if (bytesMax < overhead + FRAMES_BYTES_MIN) return undefined;
    const ackDueMs = received.dueMs;
    const isAckDue = ackDueMs !== undefined && ackDueMs <= nowMs;
    const isProbe = carriesRecords && flight.isProbeOwed;
    const hasExtras = extras.isWaiting(nowMs);
    const hasLost = flight.lost.peek() !== undefined;
    const hasNew = this.hasNew && (isAckDue || isProbe || hasExtras || hasLost || !this.#holdsAnswers(nowMs));
    const hasData = carriesRecords && (hasLost || hasNew);
    const hasCopies = carriesRecords && flight.copies.next(nowMs, isAckDue) !== undefined;
    const mayElicit = (hasData || hasCopies) && flight.maySend(nowMs);
    if (hasCopies && !mayElicit && !isProbe) this.#giveUpCopies(nowMs);
    if (!isAckDue && !isProbe && !mayElicit && !hasExtras)
      return carriesRecords ? this.#mtuProbe(nowMs, overhead, roomBytes) : undefined;

    const writer = this.#writer;
    const content = new PacketContent();
    const windowBytes = mayElicit && !isProbe ? flight.roomBytes : bytesMax;
    writer.begin(scratch, 0, Math.min(bytesMax, windowBytes) - overhead);
    this.#isCut = windowBytes < bytesMax;
    if (hasExtras && extras.write(nowMs, writer)) {
      content.isEliciting = true;
      content.isPrompt = true;
    }
    if (ackDueMs !== undefined) this.#writeAck(nowMs, content);
    if (isProbe) this.#writeProbe(nowMs, content);
    if (carriesRecords && (mayElicit || (isProbe && this.hasNew))) {
      this.#writeLost(nowMs, content);
      const known = content.records.length;
      const isPlanned = this.#writeNew(nowMs, content);
      if (!this.hasNew) this.#toldAnswers(nowMs);
      if (!isPlanned) this.#planCopies(nowMs, content, known);
      this.#writeCopies(nowMs, content, mayElicit);
    }
    // RFC 9002 §6.2.4: a probe asks even when there is nothing to carry. The peer may hold what it carries, as if it was a copy.
    if (isProbe && writer.ping(NOTHING)) {
      content.isEliciting = true;
      content.isPrompt = true;
    }
    if (writer.length === 0) return undefined;
    const packet = this.#seal(nowMs, content, false);
    if (packet.length === flight.mtuBytes) flight.wantsMtu = true;
    return packet;
  }

  /** A packet of the caller's making, such as challenges, that nothing waits for. */
  pollWith(
    nowMs: number,
    bytesMax: number,
    padTo: number,
    write: (writer: FrameWriter) => void,
  ): Uint8Array | undefined {
    const { protection, flight } = this.#options;
    const { largestAcked } = flight.book;
    const overhead = protection.overheadBytes(largestAcked);
    if (!protection.canSeal(largestAcked) || bytesMax < overhead + FRAMES_BYTES_MIN) return undefined;
    this.#writer.begin(scratch, 0, Math.min(bytesMax, scratch.length) - overhead);
    write(this.#writer);
    if (this.#writer.length === 0) return undefined;
    this.#writer.padTo(Math.min(padTo, bytesMax) - overhead);
    return this.#seal(nowMs, new PacketContent(), false);
  }

  #holdsAnswers(nowMs: number): boolean {
    const { answers, flight } = this.#options;
    return !this.#isUrgent && answers?.holds(nowMs, flight.rtt.smoothedMs) === true;
  }

  #toldAnswers(nowMs: number): void {
    this.#isUrgent = false;
    this.#options.answers?.told(nowMs, this.#options.flight.rtt.smoothedMs);
  }

  #seal(nowMs: number, content: PacketContent, isMtuProbe: boolean): Uint8Array {
    const { protection, flight } = this.#options;
    if (this.#writer.length < FRAMES_BYTES_MIN) this.#writer.padTo(FRAMES_BYTES_MIN);
    const length = this.#writer.finish();
    const number = protection.nextNumber;
    const packet = protection.seal(scratch.subarray(0, length), flight.book.largestAcked);
    flight.sent(nowMs, number, packet.length, content, isMtuProbe);
    this.packetsSent += 1;
    this.bytesSent += packet.length;
    return packet;
  }

  #writeAck(nowMs: number, content: PacketContent): void {
    const { received } = this.#options;
    const ranges = received.ranges();
    if (ranges.length === 0) {
      received.said(nowMs);
      return;
    }
    const delay = Math.floor(received.delayMs(nowMs) / ACK_DELAY_UNIT_MS);
    if (!this.#writer.ack(ranges, delay)) return;
    content.ackLargest = ranges[0]!;
    received.said(nowMs);
  }

  #writeProbe(nowMs: number, content: PacketContent): void {
    const { flight } = this.#options;
    // Of what was sent later an acknowledgement may be on its way.
    flight.takeForProbe(nowMs - flight.rtt.smoothedMs, (record, from, to) => {
      if (to > 0) {
        const count = this.#writer.part(record.owner.channel, record.number, record.body!, from, to);
        if (count === 0) return false;
        content.addPiece(record, from, from + count);
      } else {
        if (!this.#writeWhole(record)) return false;
        content.add(record);
        flight.copyProbe(nowMs, record);
      }
      content.isPrompt = true;
      flight.retransmissions += 1;
      return true;
    });
  }

  #writeLost(nowMs: number, content: PacketContent): void {
    const { flight } = this.#options;
    for (let record = flight.lost.peek(); record !== undefined; record = flight.lost.peek()) {
      const rest = this.#splitToFit(record);
      if (rest === 'nothing fits') return;
      if (record.parts !== undefined || (record.run === undefined && frameBytes(record) > this.#wholeBytes)) {
        if (!this.#writeLostPieces(record, content)) return;
      } else {
        if (!this.#writeWhole(record)) return;
        this.#carry(record, content);
        flight.planCopies(nowMs, record);
      }
      flight.retransmissions += 1;
      record.isLost = false;
      if (rest === undefined) {
        flight.lost.shift();
      } else {
        rest.isLost = true;
        flight.lost.replaceFirst(rest);
      }
    }
  }

  /** @returns whether all lost pieces of it were written */
  #writeLostPieces(record: OutgoingRecord, content: PacketContent): boolean {
    const parts = record.inParts();
    // It was sent whole when packets were larger: all of it is lost.
    if (parts.lost.length === 0) parts.lost.push(0, record.bytes);
    while (parts.lost.length > 0) {
      const to = parts.lost.at(-1)!;
      const from = Math.min(parts.held.firstGap(parts.lost.at(-2)!), to);
      if (from < to) {
        const count = this.#writePiece(record, from, to);
        if (count === 0) return false;
        content.addPiece(record, from, from + count);
        content.isPrompt = true;
        if (from + count < to) {
          parts.lost[parts.lost.length - 2] = from + count;
          continue;
        }
      }
      parts.lost.length -= 2;
    }
    return true;
  }

  /** @returns whether the copies of what it has written are planned already */
  #writeNew(nowMs: number, content: PacketContent): boolean {
    let isPlanned = false;
    const ready = this.#ready;
    const { flight } = this.#options;
    const wholeBytes = this.#wholeBytes;
    while (ready.length > 0) {
      const sender = ready[0]!;
      const record = sender.nextForDatagram();
      if (record === undefined) {
        sender.isListed = false;
        ready.shift();
        continue;
      }
      const rest = this.#splitToFit(record);
      if (rest !== undefined && !this.#isCut) flight.wantsMtu = true;
      if (rest === 'nothing fits') return isPlanned;
      if (record.body !== undefined && frameBytes(record) > wholeBytes) {
        if (!this.#writeNewPieces(record, content)) return isPlanned;
      } else {
        if (frameBytes(record) > this.#writer.left) {
          if (!this.#isCut) flight.wantsMtu = true;
          return isPlanned;
        }
        if (record.run === undefined && this.#isAlone(sender, content)) {
          isPlanned = true;
          const isCalm = flight.mayCalm(nowMs);
          flight.planCopies(nowMs, record, flight.turnOf(isCalm));
          content.isCalm = isCalm && record.copiesLeft > 0;
        }
        this.#writeWhole(record, content.isCalm);
        this.#carry(record, content);
        if (!record.isLazy) flight.gap.sent(nowMs);
      }
      record.isSent = true;
      sender.tookForDatagram();
      if (ready.length > 1) ready.push(ready.shift()!);
    }
    return isPlanned;
  }

  /**
   * Of a run, take away what does not fit into the packet any more.
   * @returns that, or undefined when all of it fits, and for what is no run
   */
  #splitToFit(record: OutgoingRecord): OutgoingRecord | 'nothing fits' | undefined {
    const { run } = record;
    if (run === undefined) return undefined;
    const count = framesThatFit(run, record.runFrom, record.runTo, this.#writer.left);
    if (count === 0) return 'nothing fits';
    return count < record.records ? record.owner.split(record, count) : undefined;
  }

  /** @returns whether the last piece of it was written */
  #writeNewPieces(record: OutgoingRecord, content: PacketContent): boolean {
    const parts = record.inParts();
    for (let from = parts.nextOffset(); from < record.bytes; from = parts.nextOffset()) {
      const count = this.#writePiece(record, from, record.bytes);
      if (count === 0) return false;
      content.addPiece(record, from, from + count);
      content.isPrompt = true;
      parts.sentTo = from + count;
      // What is lost of it before all was sent is sent again like the rest.
      record.isSent = true;
    }
    return true;
  }

  /** Of what is new in the packet, from this record on. */
  #planCopies(nowMs: number, { records, pieces }: PacketContent, from: number): void {
    let count = 0;
    for (let index = from; index < records.length; index += 1) count += records[index]!.records;
    if (count > COPIED_TOGETHER_MAX) return;
    for (let index = from; index < records.length; index += 1)
      if ((pieces?.[index]?.to ?? 0) === 0) this.#options.flight.planCopies(nowMs, records[index]!);
  }

  #writeCopies(nowMs: number, content: PacketContent, isPaced: boolean): void {
    const { flight } = this.#options;
    const { copies } = flight;
    for (let record = copies.next(nowMs, true); record !== undefined; record = copies.next(nowMs, true)) {
      const bytes = this.#writer.length + record.bytes;
      if (!flight.mayCopy(bytes, this.hasNew, isPaced)) {
        flight.tookCopy(nowMs, record, false);
      } else {
        if (!this.#writeWhole(record)) {
          if (this.#writer.length > 0) return;
          // The window's rest is too small for it even alone: it is given up, or it would be due for ever.
          flight.tookCopy(nowMs, record, false);
          continue;
        }
        content.add(record);
        flight.tookCopy(nowMs, record, true);
      }
    }
  }

  #giveUpCopies(nowMs: number): void {
    const { flight } = this.#options;
    const { copies } = flight;
    for (let record = copies.next(nowMs, false); record !== undefined; record = copies.next(nowMs, false))
      flight.tookCopy(nowMs, record, false);
  }

  #carry(record: OutgoingRecord, content: PacketContent): void {
    record.isSent = true;
    content.add(record);
    if (!record.isLazy && !content.isCalm) content.isPrompt = true;
  }

  #writeWhole(record: OutgoingRecord, isCalm = false): boolean {
    const { channel } = record.owner;
    if (record.run !== undefined) return this.#writer.run(record.run, record.runFrom, record.runTo);
    if (record.body === undefined) return this.#writer.skip(channel, record.number, record.last);
    return this.#writer.record(channel, record.number, record.body, isCalm);
  }

  #writePiece(record: OutgoingRecord, from: number, to: number): number {
    // Small pieces for a small rest of the window would cost more than waiting for acknowledgements.
    if (this.#isCut || (this.#writer.length > 0 && this.#writer.left < PIECE_BYTES_MIN)) return 0;
    return this.#writer.part(record.owner.channel, record.number, record.body!, from, to);
  }

  /** Whether the channel's next record is all that the packet says, and all that waits. */
  #isAlone(sender: ChannelSender, content: PacketContent): boolean {
    return content.records.length === 0 && !content.isPrompt && this.#ready.length === 1 && sender.isNextLast;
  }

  /** Of the frame of a record that a packet of today's size can carry whole. */
  get #wholeBytes(): number {
    const { protection, flight } = this.#options;
    return flight.mtuBytes - protection.overheadBytes(flight.book.largestAcked);
  }

  #mtuProbe(nowMs: number, overhead: number, roomBytes: number): Uint8Array | undefined {
    const { flight } = this.#options;
    const bytes = flight.isMtuSought ? flight.mtu.probeBytes(nowMs) : undefined;
    if (bytes === undefined || bytes > roomBytes || bytes > scratch.length) return undefined;
    if (!flight.mayProbeMtu(nowMs, bytes)) return undefined;
    const content = new PacketContent();
    content.isEliciting = true;
    content.isPrompt = true;
    this.#writer.begin(scratch, 0, bytes - overhead);
    this.#writer.ping(NOTHING);
    this.#writer.padTo(bytes - overhead);
    return this.#seal(nowMs, content, true);
  }
}

/** The least that the record's frame takes, or the frames of a run. */
function frameBytes(record: OutgoingRecord): number {
  const { owner, number, last, bytes, body, run } = record;
  if (run !== undefined) return bytes - lengthFieldBytes(run, record.runTo - 1);
  if (body === undefined) return skipFrameBytes(owner.channel, number, last);
  return recordFrameBytes(owner.channel, number, bytes);
}
