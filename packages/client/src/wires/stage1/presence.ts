import { Stage1Type, stage1Texts } from '@confab/wire/stage1';

/** Between heartbeats, ms: three of them fit into the time after which a server drops us. */
const HEARTBEAT_MS = 20_000;
/** How long a ping waits for its pong, ms … */
const PONG_TIMEOUT_MS = 2000;
/** … and how many in a row may be missed before the server counts as out of reach. */
const PONGS_MISSED_MAX = 3;
/** Between attempts to get back in, ms. */
const RETRY_MS = 3000;
/** On entering: the first wait for an answer, ms; doubled each time up to RETRY_MS. */
const ENTER_DELAY_MS = 250;
/** Pongs without an announcement of our joining after which we take it for lost, not refused. */
const PONGS_ENOUGH = 3;

/** *entering*: no sign yet that we are in. *in*. *lost*: the server does not answer, or has dropped us; trying again. */
export type PresenceState = 'entering' | 'in' | 'lost';

export interface PresenceHandlers {
  transmit(type: Stage1Type): void;
  /** We are in, for the first time or again. */
  entered(isAgain: boolean): void;
  /** Something came from the server. */
  reachable(): void;
  unreachable(reason: string): void;
}

/**
 * Keeps a user in: joins until there is a sign of it, then heartbeats; and joins again after a time-out, a shutdown or a
 * server that was out of reach. Nothing on this wire is confirmed, so a ping goes along with each, and its pong shows that
 * the server is there. Time is an argument, in ms; early calls are harmless.
 */
export class Presence {
  readonly #handlers: PresenceHandlers;
  #state: PresenceState = 'entering';
  #wasIn = false;
  #nextMs = Number.POSITIVE_INFINITY;
  #pongDueMs = Number.POSITIVE_INFINITY;
  #missedPongs = 0;
  #attempts = 0;
  #pongs = 0;

  constructor(handlers: PresenceHandlers) {
    this.#handlers = handlers;
  }

  get state(): PresenceState {
    return this.#state;
  }

  /** Whether the server has answered at all since we try to get in. */
  get isAnswered(): boolean {
    return this.#pongs > 0;
  }

  start(nowMs: number): void {
    this.#try(nowMs);
  }

  /** A chat line came: only those who are in are sent any. */
  heardChat(nowMs: number): void {
    this.#handlers.reachable();
    this.#enter(nowMs);
  }

  /** What the server says. Returns whether it is something to show. */
  heardSystem(nowMs: number, text: string): boolean {
    this.#handlers.reachable();
    switch (text) {
      case stage1Texts.pong:
        this.#heardPong(nowMs);
        return false;
      case stage1Texts.timedOut:
        this.#lose(nowMs, 'it had not heard of us for too long; joining again');
        return false;
      case stage1Texts.shutdown:
        this.#lose(nowMs + RETRY_MS, 'it is shutting down; joining again when it is back');
        return false;
      default:
        this.#enter(nowMs);
        return true;
    }
  }

  /** The system says that nobody listens there. */
  refused(nowMs: number, reason: string): void {
    if (this.#state === 'in') this.#lose(nowMs + RETRY_MS, reason);
    else this.#handlers.unreachable(reason);
  }

  nextTimeoutMs(): number {
    return Math.min(this.#nextMs, this.#pongDueMs);
  }

  onTimeout(nowMs: number): void {
    if (nowMs >= this.#pongDueMs) {
      this.#pongDueMs = Number.POSITIVE_INFINITY;
      this.#missedPongs += 1;
      if (this.#missedPongs < PONGS_MISSED_MAX) this.#ping(nowMs);
      else this.#lose(nowMs, 'it does not answer');
      return;
    }
    if (nowMs < this.#nextMs) return;
    if (this.#state === 'in') {
      this.#handlers.transmit(Stage1Type.HEARTBEAT);
      this.#ping(nowMs);
      this.#nextMs = nowMs + HEARTBEAT_MS;
    } else {
      this.#try(nowMs);
    }
  }

  #try(nowMs: number): void {
    // A join of one who is in does nothing, so it may be said again whenever there is doubt.
    this.#handlers.transmit(Stage1Type.JOIN);
    this.#handlers.transmit(Stage1Type.PING);
    this.#nextMs = nowMs + Math.min(ENTER_DELAY_MS * 2 ** this.#attempts, RETRY_MS);
    this.#attempts = Math.min(this.#attempts + 1, 16);
  }

  #ping(nowMs: number): void {
    this.#handlers.transmit(Stage1Type.PING);
    this.#pongDueMs = Math.min(this.#pongDueMs, nowMs + PONG_TIMEOUT_MS);
  }

  #heardPong(nowMs: number): void {
    this.#pongDueMs = Number.POSITIVE_INFINITY;
    this.#missedPongs = 0;
    if (this.#state === 'in') return;
    this.#pongs += 1;
    // It is there and has had our join as often: the announcement was lost, or we were in all the time.
    if (this.#pongs >= PONGS_ENOUGH) this.#enter(nowMs);
  }

  #enter(nowMs: number): void {
    if (this.#state === 'in') return;
    const isAgain = this.#wasIn;
    this.#state = 'in';
    this.#wasIn = true;
    this.#attempts = 0;
    this.#pongs = 0;
    this.#nextMs = nowMs + HEARTBEAT_MS;
    this.#handlers.entered(isAgain);
  }

  #lose(tryAtMs: number, reason: string): void {
    this.#handlers.unreachable(reason);
    if (this.#state === 'entering') return;
    this.#state = 'lost';
    this.#attempts = 0;
    this.#pongs = 0;
    this.#missedPongs = 0;
    this.#pongDueMs = Number.POSITIVE_INFINITY;
    this.#nextMs = tryAtMs;
  }
}
