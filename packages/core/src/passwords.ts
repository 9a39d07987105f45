import { CoreError } from './errors.ts';
import type { Limits } from './limits.ts';
import { utf8Length } from './names.ts';
import type { Secrets } from './ports.ts';

/**
 * Password hashing with a bound on how much of it happens at once: each hash takes tens of milliseconds of a core and
 * tens of megabytes, which must not become somebody else's outage.
 */
export class Passwords {
  readonly #secrets: Secrets;
  readonly #limits: Limits;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(secrets: Secrets, limits: Limits) {
    this.#secrets = secrets;
    this.#limits = limits;
  }

  /** @throws {CoreError} PASSWORD_INVALID, RATE_LIMITED */
  async hash(password: string): Promise<string> {
    const bytes = utf8Length(password);
    if (bytes > this.#limits.passwordBytesMax) {
      throw new CoreError(
        'PASSWORD_INVALID',
        `Invalid password: ${bytes} bytes exceed ${this.#limits.passwordBytesMax}`,
      );
    }
    return this.#inTurn(() => this.#secrets.hashPassword(password));
  }

  /** @throws {CoreError} PASSWORD_WRONG, RATE_LIMITED */
  async verify(password: string | undefined, hash: string): Promise<void> {
    const isPlausible = password !== undefined && utf8Length(password) <= this.#limits.passwordBytesMax;
    if (!isPlausible || !(await this.#inTurn(() => this.#secrets.verifyPassword(password, hash)))) {
      throw new CoreError('PASSWORD_WRONG', 'Incorrect password');
    }
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#limits.passwordChecksMax) {
      if (this.#waiting.length >= this.#limits.passwordWaitersMax) {
        throw new CoreError('RATE_LIMITED', 'Too many passwords to check; try again later');
      }
      // The one who finishes hands its place on, so `#running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
