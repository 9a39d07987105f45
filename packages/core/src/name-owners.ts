import type { Batch, Operation } from './committer.ts';
import { CoreError } from './errors.ts';
import type { Limits } from './limits.ts';
import { validateUserName } from './names.ts';
import type { Clock } from './ports.ts';
import type { StoredName } from './store.ts';
import { KeyedBuckets } from './token-bucket.ts';

/** Longest device key as text, characters. */
export const DEVICE_KEY_LENGTH_MAX = 128;

/** A user name that a device wants for itself. */
export interface NameClaim {
  readonly user: string;
  /** The key that the device has proved to hold, as text that is the same each time. Opaque to the core. */
  readonly deviceKey: string;
  /** IP address of the asker: what rates are counted by. */
  readonly address: string;
}

export interface NameOwnersOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly loaded: readonly StoredName[];
  readonly enqueue: (operation: Operation) => void;
  /** Throws a CoreError when the server takes no requests at the moment. */
  readonly expectTaking: () => void;
}

/**
 * Which user names belong to which device keys. A name belongs to the first key that takes it, from when the store has that
 * on; a name that belongs to nobody may be used by anybody, unverified. On a wire that cannot prove keys a name may be used
 * whoever owns it, and whoever does so is unverified.
 */
export class NameOwners {
  readonly #options: NameOwnersOptions;
  readonly #keysByName = new Map<string, Set<string>>();
  /** Names of each key, those on their way to the store included. */
  readonly #namesByKey = new Map<string, number>();
  /** Claims on their way to the store. */
  readonly #pending = new Map<string, { readonly deviceKey: string; readonly done: Promise<void> }>();
  readonly #rates: KeyedBuckets;

  constructor(options: NameOwnersOptions) {
    this.#options = options;
    this.#rates = new KeyedBuckets(options.limits.addressNames, options.limits.addressesMax);
    for (const { user, deviceKey } of options.loaded) {
      this.#own(user, deviceKey);
      this.#count(deviceKey, 1);
    }
  }

  /** Names that belong to somebody. */
  get size(): number {
    return this.#keysByName.size;
  }

  isOwned(user: string): boolean {
    return this.#keysByName.has(user);
  }

  isOwnedBy(user: string, deviceKey: string): boolean {
    return this.#keysByName.get(user)?.has(deviceKey) === true;
  }

  /**
   * For who cannot prove a key on a wire where others can.
   * @throws {CoreError} NAME_TAKEN when the name belongs to somebody, or is about to
   */
  expectFree(user: string): void {
    if (this.isOwned(user) || this.#pending.has(user)) throw nameTaken(user);
  }

  /** @throws {CoreError} NAME_TAKEN when the name does not belong to the key */
  expectOwnedBy(user: string, deviceKey: string): void {
    if (!this.isOwnedBy(user, deviceKey)) throw nameTaken(user);
  }

  /**
   * Make the name the key's own; at once when it is already. Fulfils when the store has it.
   * @throws {CoreError} NAME_TAKEN when it belongs to another key or is about to; USER_NAME_INVALID; LIMIT_REACHED when the
   *   server or the key has as many names as it may; RATE_LIMITED, SERVER_CLOSING, STORE_FAILED
   */
  async claim({ user, deviceKey, address }: NameClaim): Promise<void> {
    if (deviceKey.length === 0 || deviceKey.length > DEVICE_KEY_LENGTH_MAX) {
      throw new RangeError(`A device key of ${deviceKey.length} characters: 1 to ${DEVICE_KEY_LENGTH_MAX} are allowed`);
    }
    this.#options.expectTaking();
    if (this.isOwnedBy(user, deviceKey)) return;
    const pending = this.#pending.get(user);
    if (pending?.deviceKey === deviceKey) return pending.done;
    this.expectFree(user);
    validateUserName(user);
    this.#expectWithinLimits(deviceKey);
    if (!this.#rates.take(address, this.#options.clock.monotonicMs())) {
      throw new CoreError('RATE_LIMITED', 'Too many new user names; try again later');
    }
    const done = this.#take({ user, deviceKey, takenMs: this.#options.clock.wallMs() });
    this.#pending.set(user, { deviceKey, done });
    return done;
  }

  /** Remember the rates of so many addresses. */
  changeAddressesMax(addressesMax: number): void {
    this.#rates.changeKeysMax(addressesMax);
  }

  #expectWithinLimits(deviceKey: string): void {
    const { namesMax, keyNamesMax } = this.#options.limits;
    const names = this.#keysByName.size + this.#pending.size;
    if (names >= namesMax) throw new CoreError('LIMIT_REACHED', `The server keeps ${names} user names, its limit`);
    const ownNames = this.#namesByKey.get(deviceKey) ?? 0;
    if (ownNames >= keyNamesMax) {
      throw new CoreError('LIMIT_REACHED', `This device has ${ownNames} user names, the limit is ${keyNamesMax}`);
    }
  }

  async #take(name: StoredName): Promise<void> {
    this.#count(name.deviceKey, 1);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#options.enqueue(new NameOperation(name, resolve, reject));
      });
      this.#own(name.user, name.deviceKey);
    } catch (error) {
      this.#count(name.deviceKey, -1);
      throw error;
    } finally {
      this.#pending.delete(name.user);
    }
  }

  #own(user: string, deviceKey: string): void {
    const keys = this.#keysByName.get(user);
    if (keys === undefined) this.#keysByName.set(user, new Set([deviceKey]));
    else keys.add(deviceKey);
  }

  #count(deviceKey: string, change: number): void {
    const count = (this.#namesByKey.get(deviceKey) ?? 0) + change;
    if (count === 0) this.#namesByKey.delete(deviceKey);
    else this.#namesByKey.set(deviceKey, count);
  }
}

/** A name on its way into the store. */
class NameOperation implements Operation {
  readonly #name: StoredName;
  readonly #resolve: () => void;
  readonly #reject: (error: CoreError) => void;

  constructor(name: StoredName, resolve: () => void, reject: (error: CoreError) => void) {
    this.#name = name;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  seal(batch: Batch): void {
    batch.add({ type: 'name-put', name: this.#name });
  }

  committed(): void {
    this.#resolve();
  }

  failed(error: CoreError): 'drop' {
    this.#reject(error);
    return 'drop';
  }
}

function nameTaken(user: string): CoreError {
  return new CoreError('NAME_TAKEN', `The user name ${JSON.stringify(user)} belongs to another key`);
}
