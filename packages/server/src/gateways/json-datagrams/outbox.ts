/** An address that has not proved that it can receive is sent so many times the bytes that it sent (RFC 9000 §8.1). */
const AMPLIFICATION_MAX = 3;
/**
 * How long what is said now waits for history that an unproven peer may not be sent yet, ms. One that acknowledges proves
 * itself within a round trip and hears all in order; one that never does is not left deaf for the sake of the past.
 */
const ORDER_GRACE_MS = 300;
/** How long a peer may take to show that it acknowledges, ms; what it was sent until then is kept so long. */
const PROBATION_MS = 5000;
/** Broadcasts sent again at one time; the rest follow a moment later, so that they do not fill a receive buffer at once. */
const REPEATS_AT_ONCE = 32;
const REPEATS_GAP_MS = 5;
/** Bytes of history that wait for one unproven peer; beyond it the oldest of them are left out. */
const HISTORY_BYTES_MAX = 262_144;

export interface OutboxOptions {
  /** First wait for the acknowledgement of a broadcast, ms; doubled each time. */
  readonly baseDelayMs: number;
  /** Times that a broadcast is sent again to a peer that is silent; after that it rests until the peer is heard again. */
  readonly retriesMax: number;
  /** Broadcasts under way to a peer that acknowledges. */
  readonly unackedMax: number;
  readonly send: (bytes: Uint8Array) => void;
  /** Whether one that has only ever sent one datagram may be sent so many bytes of live chat now. */
  readonly mayReachUnproven: (bytes: number) => boolean;
}

/** Something said in a room, as it goes out. The number is that of the whole server, by which it is acknowledged. */
export interface Broadcast {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** From before the peer came in. */
  readonly isHistory: boolean;
}

interface Underway extends Broadcast {
  /** How often it was sent. */
  sends: number;
  sentMs: number;
  /** When it is to be sent again, ms; Infinity: when the peer is heard again. */
  dueMs: number;
}

/**
 * What goes out to one peer: paces history for an address that has not proved itself, keeps what an acknowledging peer has
 * not acknowledged, and sends it again. Time is an argument, in ms on one clock; early or repeated calls are harmless.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  /** Bytes that may go out to an unproven address, besides live chat. */
  #budgetBytes = 0;
  #datagramsHeard = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #isProven = false;
  #isAcking = false;
  /** Until when a peer that has not acknowledged yet is believed to do so. */
  #probationEndMs = Number.NEGATIVE_INFINITY;
  /** History that an unproven peer may not be sent yet, and for a while what comes behind it. */
  #paced: Broadcast[] = [];
  #pacedBytes = 0;
  #graceEndMs = Number.POSITIVE_INFINITY;
  /** Sent and not acknowledged, by number. */
  readonly #underway = new Map<number, Underway>();
  /** Waits because too many are under way. */
  #backlog: Broadcast[] = [];
  /** Not after the earliest `dueMs`. */
  #repeatMs = Number.POSITIVE_INFINITY;
  #resting = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Whether the address has shown that it receives: it acknowledged what it was really sent. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** Nothing waits and nothing is under way. */
  get isEmpty(): boolean {
    return this.#underway.size === 0 && this.#paced.length === 0 && this.#backlog.length === 0;
  }

  /** Hand over nothing more, until `hasRoom`. */
  get isFull(): boolean {
    return this.#isAcking && this.#underway.size + this.#backlog.length >= this.#options.unackedMax;
  }

  get hasRoom(): boolean {
    return this.#underway.size + this.#backlog.length <= this.#options.unackedMax / 2;
  }

  /** Broadcasts under way, for tests of the bound. */
  get underwayCount(): number {
    return this.#underway.size;
  }

  /** The peer enters another room, or leaves: what it was still to be told of the last one no longer matters. */
  enterRoom(nowMs: number): void {
    this.#paced = [];
    this.#pacedBytes = 0;
    this.#graceEndMs = Number.POSITIVE_INFINITY;
    this.#underway.clear();
    this.#backlog = [];
    this.#resting = 0;
    this.#repeatMs = Number.POSITIVE_INFINITY;
    this.#probationEndMs = nowMs + PROBATION_MS;
  }

  /** A datagram came from the peer. Call before anything that it sets off. */
  heard(nowMs: number, bytes: number): void {
    this.#datagramsHeard += 1;
    this.#heardMs = nowMs;
    if (!this.#isProven) this.#budgetBytes += AMPLIFICATION_MAX * bytes;
    if (this.#resting > 0) this.#wakeResting(nowMs);
  }

  /** Send what budget there is for. Call after the answers to what was heard. */
  flush(nowMs: number): void {
    while (this.#paced.length > 0) {
      const first = this.#paced[0]!;
      if (first.isHistory && !this.#isProven && this.#budgetBytes < first.bytes.length) return;
      this.#paced.shift();
      this.#pacedBytes -= first.bytes.length;
      this.#pass(nowMs, first);
    }
    this.#graceEndMs = Number.POSITIVE_INFINITY;
  }

  /** Take bytes for an answer out of the budget; false: it must not be sent. */
  spend(bytes: number): boolean {
    if (this.#isProven) return true;
    if (this.#budgetBytes < bytes) return false;
    this.#budgetBytes -= bytes;
    return true;
  }

  /** Something was said in the room, or had been said before the peer came. */
  post(nowMs: number, broadcast: Broadcast): void {
    const size = broadcast.bytes.length;
    const mustWait = this.#paced.length > 0 && (broadcast.isHistory || nowMs < this.#graceEndMs);
    if (!mustWait && (this.#isProven || !broadcast.isHistory || this.#budgetBytes >= size)) {
      this.#pass(nowMs, broadcast);
      return;
    }
    if (this.#paced.length === 0) this.#graceEndMs = nowMs + ORDER_GRACE_MS;
    this.#paced.push(broadcast);
    this.#pacedBytes += size;
    while (this.#pacedBytes > HISTORY_BYTES_MAX) this.#pacedBytes -= this.#paced.shift()!.bytes.length;
  }

  /** The peer says that this broadcast has arrived; 0 and any other number that it was not sent: that it acknowledges. */
  acked(nowMs: number, seq: number): void {
    const broadcast = this.#underway.get(seq);
    this.#isAcking = true;
    if (broadcast !== undefined && broadcast.sends > 0) {
      this.#underway.delete(seq);
      if (broadcast.dueMs === Number.POSITIVE_INFINITY) this.#resting -= 1;
      // It knows a number that only went to this address, or could be guessed: the best proof that this wire has.
      this.#isProven = true;
    }
    this.#sendBacklog(nowMs);
  }

  /** When to call `onTimeout`, ms; Infinity: never. */
  nextTimeoutMs(): number {
    // A grace that is over asks for nothing more.
    const isGrace = this.#paced.length > 0 && this.#graceEndMs !== Number.NEGATIVE_INFINITY;
    const graceMs = isGrace ? this.#graceEndMs : Number.POSITIVE_INFINITY;
    return this.#isAcking ? Math.min(this.#repeatMs, graceMs) : graceMs;
  }

  onTimeout(nowMs: number): void {
    if (this.#paced.length > 0 && nowMs >= this.#graceEndMs) this.#endGrace(nowMs);
    if (this.#isAcking && nowMs >= this.#repeatMs) this.#repeatDue(nowMs);
  }

  /** What was said since goes out now; the history before it goes on waiting. */
  #endGrace(nowMs: number): void {
    const live = this.#paced.filter(({ isHistory }) => !isHistory);
    this.#paced = this.#paced.filter(({ isHistory }) => isHistory);
    this.#pacedBytes = this.#paced.reduce((bytes, broadcast) => bytes + broadcast.bytes.length, 0);
    this.#graceEndMs = Number.NEGATIVE_INFINITY;
    for (const broadcast of live) this.#pass(nowMs, broadcast);
  }

  #pass(nowMs: number, broadcast: Broadcast): void {
    if (this.#isAcking && (this.#backlog.length > 0 || this.#underway.size >= this.#options.unackedMax)) {
      this.#backlog.push(broadcast);
      return;
    }
    const isSent = this.#transmit(broadcast);
    if (this.#isAcking || this.#isOnProbation(nowMs)) this.#track(nowMs, broadcast, isSent);
  }

  #sendBacklog(nowMs: number): void {
    let sent = 0;
    for (const broadcast of this.#backlog) {
      if (this.#underway.size >= this.#options.unackedMax) break;
      this.#track(nowMs, broadcast, this.#transmit(broadcast));
      sent += 1;
    }
    if (sent > 0) this.#backlog = this.#backlog.slice(sent);
  }

  /** Whether it is worth keeping what a peer is sent that has not acknowledged anything yet. */
  #isOnProbation(nowMs: number): boolean {
    if (nowMs < this.#probationEndMs && this.#underway.size < this.#options.unackedMax) return true;
    this.#probationEndMs = Number.NEGATIVE_INFINITY;
    this.#underway.clear();
    return false;
  }

  #track(nowMs: number, broadcast: Broadcast, isSent: boolean): void {
    const dueMs = nowMs + this.#options.baseDelayMs;
    this.#underway.set(broadcast.seq, { ...broadcast, sends: isSent ? 1 : 0, sentMs: nowMs, dueMs });
    this.#repeatMs = Math.min(this.#repeatMs, dueMs);
  }

  /** False: not sent, for the address has not proved that it can receive. */
  #transmit({ bytes, isHistory }: Broadcast): boolean {
    if (!this.#isProven) {
      if (isHistory) {
        if (!this.spend(bytes.length)) return false;
      } else if (this.#datagramsHeard <= 1 && !this.#options.mayReachUnproven(bytes.length)) {
        return false;
      }
    }
    this.#options.send(bytes);
    return true;
  }

  #repeatDue(nowMs: number): void {
    const { baseDelayMs, retriesMax } = this.#options;
    let repeats = 0;
    this.#repeatMs = Number.POSITIVE_INFINITY;
    for (const broadcast of this.#underway.values()) {
      if (broadcast.dueMs > nowMs) {
        this.#repeatMs = Math.min(this.#repeatMs, broadcast.dueMs);
        continue;
      }
      // A peer that was heard since is there, and only had bad luck.
      if (broadcast.sends > retriesMax && this.#heardMs > broadcast.sentMs) broadcast.sends = 1;
      if (broadcast.sends > retriesMax) {
        broadcast.dueMs = Number.POSITIVE_INFINITY;
        this.#resting += 1;
        continue;
      }
      if (repeats === REPEATS_AT_ONCE) {
        this.#repeatMs = Math.min(this.#repeatMs, nowMs + REPEATS_GAP_MS);
        continue;
      }
      // Repeats are as many bytes as what they repeat, so for an unproven address they come out of the budget.
      if (!this.spend(broadcast.bytes.length)) {
        broadcast.dueMs = Number.POSITIVE_INFINITY;
        this.#resting += 1;
        continue;
      }
      repeats += 1;
      this.#options.send(broadcast.bytes);
      broadcast.sentMs = nowMs;
      broadcast.dueMs = nowMs + baseDelayMs * 2 ** broadcast.sends;
      broadcast.sends += 1;
      this.#repeatMs = Math.min(this.#repeatMs, broadcast.dueMs);
    }
  }

  /** The peer is there after all: what was given up is sent again, as if for the first time. */
  #wakeResting(nowMs: number): void {
    for (const broadcast of this.#underway.values()) {
      if (broadcast.dueMs !== Number.POSITIVE_INFINITY) continue;
      if (broadcast.sends > this.#options.retriesMax) broadcast.sends = 1;
      broadcast.dueMs = nowMs;
    }
    this.#resting = 0;
    this.#repeatMs = Math.min(this.#repeatMs, nowMs);
  }
}
