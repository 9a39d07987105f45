import { LINK_CHALLENGE_BYTES } from './limits.ts';

/** RFC 9000 §8.1: so many times the bytes that came from an address may go there before it has answered. */
export const AMPLIFICATION_MAX = 3;
/** Time between challenges of an address that does not answer, ms, and how many it gets. */
const CHALLENGE_AGAIN_MS = 250;
const CHALLENGES_SENT_MAX = 5;
/** Challenges that an answer may still come for. */
export const CHALLENGES_MAX = 4;

/** An address of the peer. */
export interface PeerAddress {
  readonly address: string;
  isValidated: boolean;
  /** Until it is validated: UDP payload, bytes. */
  receivedBytes: number;
  sentBytes: number;
}

/** Outstanding challenges, newest last, and when they were sent. */
export class Challenges {
  readonly #sent: { readonly data: Uint8Array; readonly sentMs: number }[] = [];

  get count(): number {
    return this.#sent.length;
  }

  add(nowMs: number, data: Uint8Array): void {
    this.#sent.push({ data, sentMs: nowMs });
    if (this.#sent.length > CHALLENGES_MAX) this.#sent.shift();
  }

  /** @returns when the challenge of this answer was sent; it and the older ones are forgotten */
  answered(data: Uint8Array): number | undefined {
    const index = this.#sent.findIndex((sent) => isSame(sent.data, data));
    if (index < 0) return undefined;
    const { sentMs } = this.#sent[index]!;
    this.#sent.splice(0, index + 1);
    return sentMs;
  }

  clear(): void {
    this.#sent.length = 0;
  }
}

/**
 * Where the server sends a client's packets (RFC 9000 §§8–9): the address in use, and at most one that is being proved.
 * Records go to the old one until the new one has answered.
 */
export class AddressBook {
  readonly #random: (bytes: number) => Uint8Array;
  readonly #challenges = new Challenges();
  #current: PeerAddress | undefined;
  #pending: PeerAddress | undefined;
  #challengeDueMs: number | undefined;
  #challengesSent = 0;

  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random;
  }

  get current(): PeerAddress | undefined {
    return this.#current;
  }

  /** The one to be challenged: one that wants to take the place of the current one, or that one itself. */
  get unproved(): PeerAddress | undefined {
    return this.#pending ?? (this.#current?.isValidated === false ? this.#current : undefined);
  }

  /** An authentic packet came. @returns the address, undefined when it is an old one that no longer matters */
  received(nowMs: number, address: string, bytes: number, isNewest: boolean): PeerAddress | undefined {
    if (this.#current === undefined) this.#current = this.#unvalidated(nowMs, address);
    if (this.#current.address === address) {
      this.#current.receivedBytes += bytes;
      // It spoke again from where it was: the other one was late, or the change is over.
      if (isNewest && this.#pending !== undefined) this.#forgetPending();
      return this.#current;
    }
    if (this.#pending?.address !== address) {
      if (!isNewest) return undefined;
      this.#pending = this.#unvalidated(nowMs, address);
    }
    this.#pending.receivedBytes += bytes;
    return this.#pending;
  }

  /** @returns whether that proved an address; then `moved` tells whether it is another one than before */
  answered(data: Uint8Array): 'no' | 'proved' | 'moved' {
    if (this.#challenges.answered(data) === undefined) return 'no';
    const proved = this.unproved;
    if (proved === undefined) return 'no';
    proved.isValidated = true;
    this.#challenges.clear();
    this.#challengeDueMs = undefined;
    if (this.#pending === undefined) return 'proved';
    this.#current = this.#pending;
    this.#pending = undefined;
    return 'moved';
  }

  nextTimeoutMs(): number | undefined {
    return this.unproved === undefined ? undefined : this.#challengeDueMs;
  }

  /** A challenge to send to `unproved` now, if one is due. */
  takeChallenge(nowMs: number): Uint8Array | undefined {
    if (this.#challengeDueMs === undefined || nowMs < this.#challengeDueMs || this.unproved === undefined)
      return undefined;
    const data = this.#random(LINK_CHALLENGE_BYTES);
    this.#challenges.add(nowMs, data);
    this.#challengesSent += 1;
    this.#challengeDueMs = this.#challengesSent < CHALLENGES_SENT_MAX ? nowMs + CHALLENGE_AGAIN_MS : undefined;
    return data;
  }

  /** The peer asks for a way: challenge it again if it is not proved. */
  challengeAgain(nowMs: number): void {
    if (this.unproved === undefined) return;
    this.#challengesSent = 0;
    this.#challengeDueMs = nowMs;
  }

  /** UDP payload that may go to an address now. */
  static room(to: PeerAddress): number {
    return to.isValidated ? Number.POSITIVE_INFINITY : Math.max(0, to.receivedBytes * AMPLIFICATION_MAX - to.sentBytes);
  }

  #unvalidated(nowMs: number, address: string): PeerAddress {
    this.#challenges.clear();
    this.#challengesSent = 0;
    this.#challengeDueMs = nowMs;
    return { address, isValidated: false, receivedBytes: 0, sentBytes: 0 };
  }

  #forgetPending(): void {
    this.#pending = undefined;
    if (this.#current?.isValidated === true) this.#challengeDueMs = undefined;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
