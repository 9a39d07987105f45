import type { Rate } from './limits.ts';

/**
 * Allows `burst` at once and `perSecond` in the long run. Starts full. Time is an argument, in ms, and never goes back. The
 * rate is looked at each time, so whoever owns it may change it.
 */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #updatedMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#updatedMs = nowMs;
  }

  /** Take `count` tokens if there are so many; otherwise take none and return false. */
  take(nowMs: number, count = 1): boolean {
    this.#refill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Take as many whole tokens as there are, at most `count`; says how many that was. */
  takeUpTo(nowMs: number, count: number): number {
    this.#refill(nowMs);
    const taken = Math.min(count, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Take `count` tokens, or as many of them as there are. */
  drain(nowMs: number, count = 1): void {
    this.#refill(nowMs);
    this.#tokens = Math.max(0, this.#tokens - count);
  }

  /** Whether a full token is there, without taking it. */
  hasToken(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens >= 1;
  }

  #refill(nowMs: number): void {
    const gained = ((nowMs - this.#updatedMs) / 1000) * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained);
    this.#updatedMs = nowMs;
  }
}

/**
 * One bucket per key, for at most `keysMax` keys. A key that is new to a full table takes the place of the one that has
 * been there longest, so that forged source addresses cannot fill the memory.
 */
export class KeyedBuckets {
  readonly #rate: Rate;
  #keysMax: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate, keysMax: number) {
    this.#rate = rate;
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Remember so many keys from now on; if that is fewer, the oldest are forgotten when the next one comes. */
  changeKeysMax(keysMax: number): void {
    this.#keysMax = keysMax;
  }

  take(key: string, nowMs: number, count = 1): boolean {
    return this.#bucket(key, nowMs).take(nowMs, count);
  }

  /** Charge a key for what it has done already: `count` tokens, or as many of them as it has. */
  drain(key: string, nowMs: number, count = 1): void {
    this.#bucket(key, nowMs).drain(nowMs, count);
  }

  /** Whether the key has used up its tokens. A key never seen has not, and is not remembered for having been asked about. */
  isExhausted(key: string, nowMs: number): boolean {
    // Asked for each datagram, and mostly nobody has been charged: then the key need not even be hashed.
    if (this.#buckets.size === 0) return false;
    const bucket = this.#buckets.get(key);
    return bucket !== undefined && !bucket.hasToken(nowMs);
  }

  #bucket(key: string, nowMs: number): TokenBucket {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      for (const oldest of this.#buckets.keys()) {
        if (this.#buckets.size < this.#keysMax) break;
        this.#buckets.delete(oldest);
      }
      bucket = new TokenBucket(this.#rate, nowMs);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }
}
