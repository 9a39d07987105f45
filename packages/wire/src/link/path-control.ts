import { Challenges } from './address-book.ts';
import type { LinkPath, LinkTuning, PathMode, PathReason } from './api.ts';
import type { SaidPathReason } from './frames.ts';
import { LINK_CHALLENGE_BYTES } from './limits.ts';

/** Answered challenges in a row that are needed: the first time, and after the path has failed once. */
const ANSWERS_FIRST = 1;
const ANSWERS_AGAIN = 3;
/** A confirmation that is not answered is repeated so often before the proof begins anew: one lost packet is no flap. */
const CONFIRMATION_REPEATS_MAX = 2;
/** In round trips. */
const CONFIRMATION_REPEAT_RTTS = 3;
/** After so many probes in a row without an answer the next ones are small. */
const FULL_PROBES_MAX = 3;
/** PATH is said again on UDP at most so often before the proof begins anew. */
const SAID_MAX = 8;
/** A peer's generation may be ahead of ours by so much: what it skips is its own loss, but numbers stay exact. */
const GENERATION_LEAP_MAX = 2 ** 32;

/** What was said last, by us or by the peer and taken over by us. */
interface Said {
  readonly path: LinkPath;
  readonly generation: number;
  readonly reason: SaidPathReason;
  isAnswered: boolean;
}

/** A challenge of the client's. */
export interface Probe {
  readonly data: Uint8Array;
  /** Filled up to a whole datagram, so that its answer proves that such datagrams pass (RFC 9000 §8.2.1). */
  readonly isFull: boolean;
}

export interface PathControlOptions {
  readonly role: 'client' | 'server';
  readonly mode: PathMode;
  readonly hasDatagrams: boolean;
  readonly tuning: LinkTuning;
  readonly random: (bytes: number) => Uint8Array;
  /** To the server: whether the client's address has answered. A client takes its server's for granted. */
  readonly isAddressProved: () => boolean;
  /** Records go another way from now on. */
  readonly onMove: (path: LinkPath, reason: PathReason) => void;
}

/**
 * Which path records take: the state diagram of docs/wires/link.md "Paths". Knows no packets: the session tells what
 * arrived and failed, and asks what to say. Times are ms on one monotonic clock.
 *
 * The client proves UDP with challenges; whoever notices that it fails says so on TCP. Of two different PATHs with one
 * generation the one for TCP counts.
 */
export class PathControl {
  readonly #options: PathControlOptions;
  readonly #challenges = new Challenges();
  #mode: PathMode;
  #current: LinkPath;
  #said: Said;
  #answerOwed: LinkPath | undefined;
  #owedOnStream = false;
  #sayAgainMs: number | undefined;
  #saidCount = 0;
  #isStreamUp = false;
  #isSocketUp = true;
  /** Enough of the client's challenges were answered since the path failed. */
  #isProved = false;
  /** The client has answered a challenge of the server's: once, since an address stays proved. */
  #hasAnsweredPeer = false;
  #answersNeeded = ANSWERS_FIRST;
  #answers = 0;
  #probeDueMs: number | undefined;
  #probeIntervalMs: number;
  /** In a row. */
  #unansweredProbes = 0;
  #probeRttMs = 0;

  constructor(options: PathControlOptions) {
    this.#options = options;
    this.#mode = options.hasDatagrams ? options.mode : 'tcp';
    this.#current = this.#mode === 'udp' ? 'udp' : 'tcp';
    this.#said = { path: this.#current, generation: 0, reason: 'proved', isAnswered: true };
    this.#probeIntervalMs = options.tuning.probeIntervalMs;
    if (options.mode !== 'auto' && options.hasDatagrams)
      this.#said = { path: this.#current, generation: 1, reason: 'configured', isAnswered: false };
  }

  /** The path that our records take. */
  get current(): LinkPath {
    return this.#current;
  }

  get mode(): PathMode {
    return this.#mode;
  }

  get isStreamUp(): boolean {
    return this.#isStreamUp;
  }

  get isSocketUp(): boolean {
    return this.#isSocketUp;
  }

  /** Datagrams are neither sent nor answered. */
  get isDatagramOff(): boolean {
    return this.#mode === 'tcp';
  }

  get generation(): number {
    return this.#said.generation;
  }

  start(nowMs: number): void {
    if (this.#options.role === 'client' && this.#mode !== 'tcp') this.#probeDueMs = nowMs;
    if (this.#mode === 'udp') this.#sayAgainMs = nowMs;
  }

  streamUp(): void {
    this.#isStreamUp = true;
    this.#owedOnStream = this.#said.generation > 0;
  }

  streamDown(nowMs: number): void {
    this.#isStreamUp = false;
    if (this.#current === 'udp') return;
    // Nothing is left to be careful about: one answer is enough.
    this.#answersNeeded = ANSWERS_FIRST;
    this.#probeSoon(nowMs);
  }

  socketReplaced(nowMs: number): void {
    this.#isSocketUp = true;
    this.#forgetProbes();
    if (this.#options.role === 'client' && this.#mode !== 'tcp') this.#probeDueMs = nowMs;
  }

  socketFailed(nowMs: number): void {
    this.#isSocketUp = false;
    this.failed(nowMs, 'socket-failed');
  }

  /** Nothing can be done with datagrams any more: the keys are worn out. */
  giveUpDatagrams(nowMs: number): void {
    this.failed(nowMs, 'socket-failed');
    this.#mode = 'tcp';
    this.#probeDueMs = undefined;
  }

  /** The datagram path does not work. @returns whether records move to TCP; not without a connection, nor in mode udp */
  failed(nowMs: number, reason: SaidPathReason): boolean {
    this.#isProved = false;
    this.#answers = 0;
    this.#answersNeeded = ANSWERS_AGAIN;
    if (this.#current === 'tcp' || this.#mode === 'udp' || !this.#isStreamUp) {
      this.#probeSoon(nowMs);
      return false;
    }
    this.#say({ path: 'tcp', generation: this.#said.generation + 1, reason, isAnswered: false });
    this.#move('tcp', reason);
    this.#scheduleProbes(nowMs);
    return true;
  }

  /** The client's next challenge, if it is time for one. */
  takeProbe(nowMs: number): Probe | undefined {
    if (this.#probeDueMs === undefined || nowMs < this.#probeDueMs || !this.#isSocketUp || this.#mode === 'tcp')
      return undefined;
    const { tuning, random } = this.#options;
    if (this.#challenges.count > 0) this.#unansweredProbes += 1;
    const isConfirmation = this.#answers > 0 && this.#unansweredProbes <= CONFIRMATION_REPEATS_MAX;
    if (this.#unansweredProbes > 0 && !isConfirmation) {
      this.#answers = 0;
      this.#probeIntervalMs = Math.min(this.#probeIntervalMs * 2, tuning.probeIntervalMsMax);
    }
    const repeatMs = Math.max(tuning.probeConfirmMs, CONFIRMATION_REPEAT_RTTS * this.#probeRttMs);
    this.#probeDueMs = nowMs + (isConfirmation ? Math.min(repeatMs, this.#probeIntervalMs) : this.#probeIntervalMs);
    const data = random(LINK_CHALLENGE_BYTES);
    this.#challenges.add(nowMs, data);
    return { data, isFull: this.#unansweredProbes < FULL_PROBES_MAX };
  }

  /** A PATH_RESPONSE came to the client. @returns the round trip, ms, if it is one of ours */
  responded(nowMs: number, data: Uint8Array): number | undefined {
    const sentMs = this.#challenges.answered(data);
    if (sentMs === undefined) return undefined;
    const { tuning } = this.#options;
    const isSmall = this.#unansweredProbes >= FULL_PROBES_MAX;
    this.#forgetProbes();
    this.#probeRttMs = nowMs - sentMs;
    if (isSmall) {
      // Something passes again: whether a whole datagram does is for the next one to show.
      this.#probeDueMs = nowMs;
      return this.#probeRttMs;
    }
    this.#answers += 1;
    if (this.#answers >= this.#answersNeeded) {
      this.#isProved = true;
      this.#probeDueMs = this.#current === 'tcp' || !this.#said.isAnswered ? nowMs + this.#probeIntervalMs : undefined;
      this.#offerDatagrams(nowMs);
    } else {
      this.#probeDueMs = nowMs + tuning.probeConfirmMs;
    }
    return this.#probeRttMs;
  }

  /** We answered a challenge of the server's. */
  answeredPeer(nowMs: number): void {
    this.#hasAnsweredPeer = true;
    if (this.#options.role === 'client') this.#offerDatagrams(nowMs);
  }

  /** PATH came. @returns false when its generation is none that an honest peer says */
  heard(nowMs: number, path: LinkPath, generation: number, reason: SaidPathReason | undefined, via: LinkPath): boolean {
    const said = this.#said;
    if (generation > said.generation + GENERATION_LEAP_MAX) return false;
    if (reason === 'configured' && this.#mode === 'auto') this.#mode = path;
    if (generation < said.generation) {
      this.#answerOwed = via;
      return true;
    }
    if (generation === said.generation) {
      if (path === said.path) {
        if (said.isAnswered) this.#answerOwed = via;
        said.isAnswered = true;
        this.#sayAgainMs = undefined;
        this.#move(path, path === 'udp' ? 'proved' : 'peer');
      } else if (path === 'tcp' && this.#mode !== 'udp') {
        this.#take('tcp', generation, via);
        this.#fallenBack(nowMs);
      }
      return true;
    }
    if (path === 'tcp') {
      if (this.#mode === 'udp') return true;
      this.#take('tcp', generation, via);
      this.#fallenBack(nowMs);
    } else if (this.#mode !== 'tcp' && (this.#options.isAddressProved() || reason === 'configured')) {
      this.#take('udp', generation, via);
    }
    return true;
  }

  get isStreamSaying(): boolean {
    return this.#owedOnStream || this.#answerOwed === 'tcp';
  }

  /** The PATH to write on the connection now, if any. */
  takeStreamSaying(): Said | undefined {
    if (!this.isStreamSaying) return undefined;
    this.#owedOnStream = false;
    if (this.#answerOwed === 'tcp') this.#answerOwed = undefined;
    return this.#said;
  }

  /** The PATH to put into the next packet, if any. */
  datagramSaying(nowMs: number): Said | undefined {
    const isDue = this.#sayAgainMs !== undefined && nowMs >= this.#sayAgainMs;
    return this.#answerOwed === 'udp' || isDue ? this.#said : undefined;
  }

  /** What `datagramSaying` gave is in a packet. @param againMs how long to wait for an answer */
  saidInDatagram(nowMs: number, againMs: number): void {
    this.#answerOwed = undefined;
    if (this.#said.isAnswered) return;
    this.#saidCount += 1;
    if (this.#saidCount < SAID_MAX || this.#mode === 'udp') this.#sayAgainMs = nowMs + againMs;
    else this.#takeBackOffer(nowMs);
  }

  nextTimeoutMs(): number | undefined {
    const probeMs = this.#isSocketUp && this.#mode !== 'tcp' ? this.#probeDueMs : undefined;
    if (probeMs === undefined || this.#sayAgainMs === undefined) return probeMs ?? this.#sayAgainMs;
    return Math.min(probeMs, this.#sayAgainMs);
  }

  /** The client says PATH udp once it has been answered and has answered. */
  #offerDatagrams(nowMs: number): void {
    if (this.#current === 'udp' && this.#said.isAnswered) return;
    if (!this.#isProved || !this.#hasAnsweredPeer || this.#mode === 'tcp' || this.#current === 'udp') return;
    if (this.#said.path === 'udp' && !this.#said.isAnswered) return;
    this.#say({ path: 'udp', generation: this.#said.generation + 1, reason: 'proved', isAnswered: false });
    this.#sayAgainMs = nowMs;
  }

  /** Nobody answered PATH udp: whoever challenges must begin anew. */
  #takeBackOffer(nowMs: number): void {
    this.#sayAgainMs = undefined;
    this.#isProved = false;
    this.#answers = 0;
    this.#say({ path: 'tcp', generation: this.#said.generation + 1, reason: 'nothing-received', isAnswered: false });
    this.#probeSoon(nowMs);
  }

  #say(said: Said): void {
    this.#said = said;
    this.#saidCount = 0;
    this.#sayAgainMs = undefined;
    this.#owedOnStream = said.path === 'tcp';
  }

  #take(path: LinkPath, generation: number, via: LinkPath): void {
    this.#said = { path, generation, reason: 'proved', isAnswered: true };
    this.#sayAgainMs = undefined;
    this.#owedOnStream = path === 'tcp';
    this.#answerOwed = path === 'tcp' ? 'tcp' : via;
    this.#move(path, path === 'udp' ? 'proved' : 'peer');
  }

  #fallenBack(nowMs: number): void {
    this.#isProved = false;
    this.#answers = 0;
    this.#answersNeeded = ANSWERS_AGAIN;
    this.#scheduleProbes(nowMs);
  }

  #move(path: LinkPath, reason: PathReason): void {
    if (path === this.#current) return;
    this.#current = path;
    if (path === 'udp') this.#probeDueMs = undefined;
    this.#options.onMove(path, reason);
  }

  #scheduleProbes(nowMs: number): void {
    if (this.#options.role !== 'client' || this.#mode === 'tcp') return;
    this.#forgetProbes();
    this.#probeDueMs = nowMs + this.#probeIntervalMs;
  }

  #forgetProbes(): void {
    this.#challenges.clear();
    this.#unansweredProbes = 0;
    this.#probeIntervalMs = this.#options.tuning.probeIntervalMs;
  }

  #probeSoon(nowMs: number): void {
    if (this.#options.role !== 'client' || this.#mode === 'tcp') return;
    this.#probeDueMs = Math.min(
      this.#probeDueMs ?? Number.POSITIVE_INFINITY,
      nowMs + this.#options.tuning.probeConfirmMs,
    );
  }
}
