import { CoreError } from './errors.ts';
import type { Limits } from './limits.ts';
import { utf8Length } from './names.ts';
import type { Secrets } from './ports.ts';

/**
 * Password hashing with a bound on how much of it happens at once: each hash takes tens of milliseconds of a core and
 * tens of megabytes, which must not become somebody else's outage. No address may have more than its share of the queue, and
 * the addresses that wait take turns.
 */
export class Passwords {
  readonly #secrets: Secrets;
  readonly #limits: Limits;
  #running = 0;
  /** Checks under way or waiting, by the address that asked. */
  readonly #byAddress = new Map<string, number>();
  readonly #turns = new Turns();

  constructor(secrets: Secrets, limits: Limits) {
    this.#secrets = secrets;
    this.#limits = limits;
  }

  /** @throws {CoreError} PASSWORD_INVALID, RATE_LIMITED */
  async hash(password: string, address: string): Promise<string> {
    const bytes = utf8Length(password);
    if (bytes > this.#limits.passwordBytesMax) {
      throw new CoreError(
        'PASSWORD_INVALID',
        `Invalid password: ${bytes} bytes exceed ${this.#limits.passwordBytesMax}`,
      );
    }
    return this.#inTurn(address, () => this.#secrets.hashPassword(password));
  }

  /** @throws {CoreError} PASSWORD_WRONG, RATE_LIMITED */
  async verify(password: string | undefined, hash: string, address: string): Promise<void> {
    const isPlausible = password !== undefined && utf8Length(password) <= this.#limits.passwordBytesMax;
    if (!isPlausible || !(await this.#inTurn(address, () => this.#secrets.verifyPassword(password, hash)))) {
      throw new CoreError('PASSWORD_WRONG', 'Incorrect password');
    }
  }

  async #inTurn<Result>(address: string, work: () => Promise<Result>): Promise<Result> {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (ofAddress >= this.#limits.addressPasswordChecksMax || this.#isFull) {
      throw new CoreError('RATE_LIMITED', 'Too many passwords to check; try again later');
    }
    this.#byAddress.set(address, ofAddress + 1);
    // The one who finishes hands its place on, so `#running` stays as it is.
    if (this.#running >= this.#limits.passwordChecksMax) await this.#turns.wait(address);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const others = this.#byAddress.get(address)! - 1;
      if (others === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, others);
      if (!this.#turns.next()) this.#running -= 1;
    }
  }

  get #isFull(): boolean {
    return this.#running >= this.#limits.passwordChecksMax && this.#turns.length >= this.#limits.passwordWaitersMax;
  }
}

/** Those who wait, by address: each address in turn, so that one with many of them delays another by one. */
class Turns {
  /** The address whose turn it is comes first. */
  readonly #byAddress = new Map<string, (() => void)[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  wait(address: string): Promise<void> {
    this.#length += 1;
    return new Promise((resolve) => {
      const waiting = this.#byAddress.get(address);
      if (waiting === undefined) this.#byAddress.set(address, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** Let the next one go on. False: nobody waits. */
  next(): boolean {
    for (const [address, waiting] of this.#byAddress) {
      const go = waiting.shift()!;
      this.#byAddress.delete(address);
      if (waiting.length > 0) this.#byAddress.set(address, waiting);
      this.#length -= 1;
      go();
      return true;
    }
    return false;
  }
}
