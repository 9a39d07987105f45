import { AddressBook, CHALLENGES_MAX, type PeerAddress } from './address-book.ts';
import { AnswerHold } from './answer-hold.ts';
import type { LinkLimits, LinkSessionOptions, LinkTuning } from './api.ts';
import { DatagramPath, type PacketExtras } from './datagram-path.ts';
import { Flight } from './flight.ts';
import { readFrames } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';
import { ACK_DELAY_UNIT_MS, type SaidPathReason } from './frames.ts';
import type { Inbox } from './inbox.ts';
import { ReceiveLossRate } from './loss-rate.ts';
import { MTU_BASE_BYTES } from './mtu.ts';
import type { OutgoingRecord } from './outgoing-record.ts';
import { PacketProtection } from './packet.ts';
import type { PathControl } from './path-control.ts';
import { ReceivedPackets } from './received-packets.ts';
import { LINK_TUNING } from './tuning.ts';

/** Keys of the last phase are kept for so many PTOs: RFC 9001 §6.5. */
const OLD_KEYS_PTOS = 3;
/** Less than any packet with something in it. */
const PACKET_BYTES_MIN = 40;
const NOTHING = new Uint8Array(0);

export interface DatagramsOptions {
  readonly session: LinkSessionOptions & { readonly datagramSecret: Uint8Array };
  readonly tuning: LinkTuning;
  readonly limits: LinkLimits;
  /** The server's; a client sends to the address it was given. */
  readonly addresses: AddressBook | undefined;
  readonly paths: PathControl;
  readonly onHeld: (record: OutgoingRecord) => void;
  readonly extras: PacketExtras;
}

/**
 * The datagram path of a session as a whole: packets in and out, the challenges that prove it, and whether it still works.
 * Times are ms on one monotonic clock.
 */
export class Datagrams {
  readonly flight: Flight;
  readonly path: DatagramPath;
  readonly packets: ReceivedPackets;
  readonly lossIn = new ReceiveLossRate();
  readonly #options: DatagramsOptions;
  readonly #protection: PacketProtection;
  readonly #answers: AnswerHold | undefined;
  /** Challenges to answer: the data, and where it came from. */
  readonly #responses: { readonly data: Uint8Array; readonly to: string | undefined }[] = [];
  #from: PeerAddress | undefined;
  #heardMs: number | undefined;
  #saidMs = 0;
  #isPingOwed = false;
  #keyPhase = 0;
  #dropKeysMs: number | undefined;
  #polledMs = 0;
  /** When a failure was last looked at. */
  #failedMs = Number.NEGATIVE_INFINITY;
  /** Nothing can be sent to the address until more has come from it: no use waking up for packets. */
  #isShut = true;
  packetsReceived = 0;
  bytesReceived = 0;
  malformed = 0;

  constructor(options: DatagramsOptions) {
    const { session, tuning, limits, paths } = options;
    this.#options = options;
    this.#protection = new PacketProtection({
      role: session.role,
      crypto: session.crypto,
      datagramSecret: session.datagramSecret,
      connectionId: session.connectionId,
      packetBuffer: session.packetBuffer,
      keyPackets: tuning.keyPackets,
    });
    this.packets = new ReceivedPackets({
      gatherMs: tuning.ackGatherMs,
      delayMsMax: tuning.ackDelayMsMax,
      rangesMax: limits.ackRangesMax,
    });
    this.flight = new Flight(0, {
      tuning,
      // A server waits for the event that a post becomes.
      peerGatherMs: session.role === 'client' ? LINK_TUNING.ackGatherMs : 0,
      datagramBytesMax: session.datagramBytesMax,
      onHeld: options.onHeld,
      onAckHeard: (largest) => this.packets.heard(largest),
    });
    if (session.role === 'server') this.#answers = new AnswerHold({ holdMsMax: tuning.ackDelayMsMax });
    this.path = new DatagramPath({
      protection: this.#protection,
      flight: this.flight,
      received: this.packets,
      answers: this.#answers,
      extras: {
        isWaiting: (nowMs) =>
          this.#isPingOwed || paths.datagramSaying(nowMs) !== undefined || options.extras.isWaiting(nowMs),
        write: (nowMs, writer) => this.#writeExtras(nowMs, writer),
      },
    });
  }

  start(nowMs: number): void {
    this.#saidMs = nowMs;
    this.flight.mtu.reset(nowMs);
  }

  /** Packets that were dropped, by reason. */
  get dropped(): Record<string, number> {
    const { malformed, ...others } = this.#protection.refused;
    return { ...others, malformed: malformed + this.malformed };
  }

  /** Whether a packet could go out now. */
  get canSay(): boolean {
    const { paths } = this.#options;
    return !paths.isDatagramOff && paths.isSocketUp && !this.#isShut;
  }

  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /** @throws {CodecError} its frames are not what the protocol says; it is then not acknowledged */
  received(nowMs: number, datagram: Uint8Array, from: string, inbox: Inbox): void {
    const { paths, addresses } = this.#options;
    if (paths.isDatagramOff) return;
    const opened = this.#protection.open(datagram);
    if (typeof opened === 'string') {
      if (this.#protection.isWornOut) paths.giveUpDatagrams(nowMs);
      return;
    }
    this.packetsReceived += 1;
    this.bytesReceived += datagram.length;
    this.#heardMs = nowMs;
    this.lossIn.onReceived(opened.number);
    if (this.#protection.phases.in !== this.#keyPhase) {
      this.#keyPhase = this.#protection.phases.in;
      this.#dropKeysMs = nowMs + OLD_KEYS_PTOS * this.flight.book.ptoMs;
    }
    this.#from = addresses?.received(nowMs, from, datagram.length, opened.isNewest);
    const isEliciting = readFrames(opened.frames, true, inbox);
    if (inbox.isUntaken) return;
    const { urgency } = inbox;
    this.packets.add(nowMs, opened.number, isEliciting ? (urgency ?? 'soon') : undefined);
    if (urgency !== undefined && urgency !== 'repeat') this.#answers?.posted(nowMs, urgency === 'lazy');
  }

  /** Ask whether the path works; an answer that does not come is found out like that of any packet. */
  ping(): void {
    this.#isPingOwed = true;
  }

  /** ACK. @returns false when it is of packets that were never sent */
  acknowledged(nowMs: number, spans: readonly number[], delay: number): boolean {
    return this.flight.acknowledged(nowMs, spans, delay * ACK_DELAY_UNIT_MS);
  }

  challenged(nowMs: number, data: Uint8Array): void {
    const { addresses } = this.#options;
    // An address that no longer matters gets no answer.
    if (addresses !== undefined && this.#from === undefined) return;
    this.#responses.push({ data: data.slice(), to: this.#from?.address });
    if (this.#responses.length > CHALLENGES_MAX) this.#responses.shift();
    addresses?.challengeAgain(nowMs);
  }

  responded(nowMs: number, data: Uint8Array): void {
    const { addresses, paths } = this.#options;
    if (addresses !== undefined) {
      if (addresses.answered(data) === 'moved') this.flight.moved(nowMs);
      return;
    }
    const roundTripMs = paths.responded(nowMs, data);
    if (roundTripMs !== undefined && this.flight.rtt.latestMs === undefined)
      this.flight.rtt.sample(nowMs, roundTripMs, 0);
  }

  poll(nowMs: number, carriesRecords: boolean): { readonly to: string; readonly bytes: Uint8Array } | undefined {
    const { paths, addresses, session } = this.#options;
    if (paths.isDatagramOff || !paths.isSocketUp) return undefined;
    this.#polledMs = nowMs;
    const proving = this.#pollProof(nowMs);
    if (proving !== undefined) return proving;
    const address = addresses?.current;
    const to = addresses === undefined ? session.peerAddress : address?.address;
    const room = address === undefined ? Number.POSITIVE_INFINITY : AddressBook.room(address);
    this.#isShut = to === undefined || room < PACKET_BYTES_MIN;
    if (to === undefined) return undefined;
    const bytes = this.path.poll(nowMs, carriesRecords, room);
    if (bytes === undefined) return undefined;
    if (address !== undefined) address.sentBytes += bytes.length;
    this.#saidMs = nowMs;
    return { to, bytes };
  }

  socketReplaced(nowMs: number): void {
    this.flight.restart(nowMs);
  }

  /** Records go another way: what is under way is forgotten. */
  abandon(_nowMs: number): void {
    this.flight.abandon();
    this.path.unlistAll();
  }

  /** Why the path counts as dead, if it does. */
  failure(nowMs: number): SaidPathReason | undefined {
    if (nowMs >= this.#silentDueMs) return 'nothing-acknowledged';
    if (nowMs >= this.#quietDueMs) return 'nothing-received';
    return undefined;
  }

  nextTimeoutMs(isInUse: boolean): number | undefined {
    const { paths, addresses } = this.#options;
    if (paths.isDatagramOff || !paths.isSocketUp) return undefined;
    let next = Math.min(
      this.#isShut ? Number.POSITIVE_INFINITY : (paths.nextTimeoutMs() ?? Number.POSITIVE_INFINITY),
      addresses?.nextTimeoutMs() ?? Number.POSITIVE_INFINITY,
      this.#dropKeysMs ?? Number.POSITIVE_INFINITY,
    );
    if (this.#isShut) return Number.isFinite(next) ? next : undefined;
    next = Math.min(next, this.packets.dueMs ?? Number.POSITIVE_INFINITY);
    if (isInUse) {
      next = Math.min(
        next,
        this.flight.nextTimeoutMs() ?? Number.POSITIVE_INFINITY,
        this.path.answersDueMs ?? Number.POSITIVE_INFINITY,
        this.#pingDueMs,
        this.#failureDueMs,
        this.#mtuDueMs,
      );
    }
    return Number.isFinite(next) ? next : undefined;
  }

  onTimeout(nowMs: number): void {
    if (this.failure(nowMs) !== undefined) this.#failedMs = nowMs;
    if (this.#dropKeysMs !== undefined && nowMs >= this.#dropKeysMs) {
      this.#protection.dropPreviousKeys();
      this.#dropKeysMs = undefined;
    }
    this.flight.onTimeout(nowMs);
    this.path.onTimeout(nowMs);
    if (this.#options.paths.current === 'udp' && nowMs >= this.#pingDueMs) this.#isPingOwed = true;
  }

  /** When to ask `failure` again. A failure that nothing can be done about is looked at now and then. */
  get #failureDueMs(): number {
    return Math.max(Math.min(this.#silentDueMs, this.#quietDueMs), this.#failedMs + this.#options.tuning.deadAfterMs);
  }

  // Times are compared as sums, like the deadlines that are given out: a difference may round to the other side.
  get #silentDueMs(): number {
    return (this.flight.waitingSinceMs ?? Number.POSITIVE_INFINITY) + this.deadMs;
  }

  get #quietDueMs(): number {
    return (this.#heardMs ?? Number.POSITIVE_INFINITY) + this.#options.tuning.keepaliveMs + this.deadMs;
  }

  get #pingDueMs(): number {
    return Math.max(this.#heardMs ?? 0, this.#saidMs) + this.#options.tuning.keepaliveMs;
  }

  /** When to look for a larger MTU; a time that has come was not the right one, and any later packet's will do. */
  get #mtuDueMs(): number {
    const dueMs = this.flight.isMtuSought ? this.flight.mtu.nextTimeoutMs() : undefined;
    return dueMs === undefined || dueMs <= this.#polledMs ? Number.POSITIVE_INFINITY : dueMs;
  }

  /** For how long nothing may be heard of what was sent before a path counts as dead, ms. */
  get deadMs(): number {
    const { deadAfterPtos, deadAfterMs } = this.#options.tuning;
    return Math.max(deadAfterPtos * this.flight.book.promptPtoMs, deadAfterMs);
  }

  #writeExtras(nowMs: number, writer: FrameWriter): boolean {
    const { paths, extras } = this.#options;
    const said = paths.datagramSaying(nowMs);
    if (said !== undefined && writer.path(said.path, said.generation, said.reason))
      paths.saidInDatagram(nowMs, this.flight.rtt.ptoMs(0));
    const isPinging = this.#isPingOwed && writer.ping(NOTHING);
    if (isPinging) this.#isPingOwed = false;
    return extras.write(nowMs, writer) || isPinging;
  }

  /** Challenges and answers: padded, so that they prove a full packet's way (RFC 9000 §8.2.1), as far as they may be. */
  #pollProof(nowMs: number): { readonly to: string; readonly bytes: Uint8Array } | undefined {
    const { addresses, paths, session } = this.#options;
    if (addresses === undefined) {
      const probe = paths.takeProbe(nowMs);
      if (probe === undefined && this.#responses.length === 0) return undefined;
      const bytes = this.path.pollWith(nowMs, MTU_BASE_BYTES, probe?.isFull === true ? MTU_BASE_BYTES : 0, (writer) => {
        for (const { data } of this.#responses) writer.pathResponse(data);
        if (probe !== undefined) writer.pathChallenge(probe.data);
      });
      if (this.#responses.length > 0) paths.answeredPeer(nowMs);
      this.#responses.length = 0;
      return bytes === undefined || session.peerAddress === undefined ? undefined : { to: session.peerAddress, bytes };
    }
    const isChallengeDue = (addresses.nextTimeoutMs() ?? Number.POSITIVE_INFINITY) <= nowMs;
    if (!isChallengeDue && this.#responses.length === 0) return undefined;
    const to = this.#proofAddress();
    if (to === undefined) {
      this.#responses.length = 0;
      return undefined;
    }
    const challenge = addresses.unproved === to ? addresses.takeChallenge(nowMs) : undefined;
    const answers = this.#responses.filter((response) => response.to === to.address);
    this.#responses.length = 0;
    if (challenge === undefined && answers.length === 0) return undefined;
    const room = Math.min(AddressBook.room(to), MTU_BASE_BYTES);
    const bytes = this.path.pollWith(nowMs, room, to.isValidated ? 0 : MTU_BASE_BYTES, (writer) => {
      for (const { data } of answers) writer.pathResponse(data);
      if (challenge !== undefined) writer.pathChallenge(challenge);
    });
    if (bytes === undefined) return undefined;
    to.sentBytes += bytes.length;
    return { to: to.address, bytes };
  }

  /** Where answers go that wait, or else the challenge. */
  #proofAddress(): PeerAddress | undefined {
    const { addresses } = this.#options;
    const answerTo = this.#responses[0]?.to;
    if (answerTo === undefined || addresses?.unproved?.address === answerTo) return addresses?.unproved;
    return addresses?.current?.address === answerTo ? addresses.current : undefined;
  }
}
