import { TokenBucket } from '@confab/core';
import type { Registration } from './registry.ts';

/** Two Confab clients that were introduced to each other. They stay a pair when they are registered no more. */
export interface Pair {
  /** 8 bytes, base64url: names it on the wire. */
  readonly id: string;
  readonly sides: readonly [Registration, Registration];
  readonly introducedMs: number;
  /** Of what is relayed, bytes, both ways together. */
  readonly bucket: TokenBucket;
}

export interface PairsLimits {
  /** Pairs that are relayed for. */
  readonly relaysMax: number;
  readonly bytesPerSecond: number;
  /** Silence after which a relayed pair is forgotten, ms. */
  readonly timeoutMs: number;
}

/** For so long an introduced pair can begin to use the relay, ms. */
const OFFER_MS = 60_000;
/** For so long the two are told of the same introduction when they ask again, ms. */
const NEWS_MS = 10_000;
/** Least burst, bytes: what comes in one piece from a stream must fit, or it would wait for ever. */
const BURST_BYTES_MIN = 65_536;

/**
 * Pairs of Confab clients, for the relay. Time is an argument, in ms, and never goes back.
 *
 * There are at most `relaysMax` pairs that have begun to relay, and as many that may; of the latter a new one takes the place
 * of the oldest.
 */
export class Pairs {
  readonly #limits: PairsLimits;
  readonly #newId: () => string;
  /** Introduced, and not relayed yet; the oldest first. */
  readonly #offered = new Map<string, Pair>();
  /** Relayed; the longest silence first. */
  readonly #active = new Map<string, { readonly pair: Pair; readonly heardMs: number }>();
  readonly #newest = new WeakMap<Registration, Pair>();

  /** @param newId Gives 8 random bytes in base64url. */
  constructor(limits: PairsLimits, newId: () => string) {
    this.#limits = limits;
    this.#newId = newId;
  }

  get size(): number {
    return this.#offered.size + this.#active.size;
  }

  /** The pair of these two: the one they have just been told of, or a new one. */
  introduce(nowMs: number, left: Registration, right: Registration): Pair {
    const known = this.news(nowMs, left);
    if (known?.sides.includes(right)) return known;
    const { relaysMax, bytesPerSecond } = this.#limits;
    const rate = { perSecond: bytesPerSecond, burst: Math.max(bytesPerSecond, BURST_BYTES_MIN) };
    const bucket = new TokenBucket(rate, nowMs);
    const pair: Pair = { id: this.#newId(), sides: [left, right], introducedMs: nowMs, bucket };
    if (this.#offered.size >= relaysMax) {
      for (const oldest of this.#offered.keys()) {
        this.#offered.delete(oldest);
        break;
      }
    }
    this.#offered.set(pair.id, pair);
    this.#newest.set(left, pair);
    this.#newest.set(right, pair);
    return pair;
  }

  /** The newest introduction of a client, if it is recent. */
  news(nowMs: number, client: Registration): Pair | undefined {
    this.#expire(nowMs);
    const pair = this.#newest.get(client);
    return pair !== undefined && nowMs - pair.introducedMs < NEWS_MS ? pair : undefined;
  }

  /** Look at a pair without using it. */
  get(nowMs: number, id: string): Pair | undefined {
    this.#expire(nowMs);
    return this.#active.get(id)?.pair ?? this.#offered.get(id);
  }

  /** The pair with this id, which is relayed for from now on; undefined if there is none, or no room for it. */
  use(nowMs: number, id: string): Pair | undefined {
    const pair = this.get(nowMs, id);
    if (pair === undefined) return undefined;
    if (!this.#active.delete(id)) {
      if (this.#active.size >= this.#limits.relaysMax) return undefined;
      this.#offered.delete(id);
    }
    this.#active.set(id, { pair, heardMs: nowMs });
    return pair;
  }

  #expire(nowMs: number): void {
    for (const [id, { introducedMs }] of this.#offered) {
      if (nowMs - introducedMs < OFFER_MS) break;
      this.#offered.delete(id);
    }
    for (const [id, { heardMs }] of this.#active) {
      if (nowMs - heardMs < this.#limits.timeoutMs) break;
      this.#active.delete(id);
    }
  }
}
