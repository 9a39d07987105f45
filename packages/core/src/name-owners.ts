import { CoreError } from './errors.ts';
import type { Limits } from './limits.ts';
import { NameOperation, type NameOperations } from './name-operation.ts';
import { validateUserName } from './names.ts';
import { OwnedNames } from './owned-names.ts';
import type { Clock } from './ports.ts';
import type { StoredName } from './store.ts';
import { KeyedBuckets } from './token-bucket.ts';

/** Longest device key as text, characters. */
export const DEVICE_KEY_LENGTH_MAX = 128;
/** That a name is in use is written so often at most, ms. */
export const NAME_USE_NOTED_MS = 86_400_000;
/** A server that is full of names looks so often at most whether some are not used any more, ms. */
const FULL_SCAN_MS = 1000;
/** Names that become free in one transaction, at most. */
const FREED_MAX = 1000;

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
  readonly enqueue: NameOperations;
  /** Throws a CoreError when the server takes no requests at the moment. */
  readonly expectTaking: () => void;
}

/**
 * Which user names belong to which device keys. A name belongs to the first key that takes it, from when the store has that
 * on, and to the keys that one of its keys adds; a name that belongs to nobody may be used by anybody, unverified. On a wire
 * that cannot prove keys a name may be used whoever owns it, and whoever does so is unverified. A name that nobody has used
 * for long is nobody's again, as soon as somebody wants it, or room for another one.
 */
export class NameOwners {
  readonly #options: NameOwnersOptions;
  readonly #owned = new OwnedNames();
  /** What is on its way to the store, by name: one change of a name at a time. */
  readonly #pending = new Map<string, { readonly deviceKey: string; readonly done: Promise<void> }>();
  /** Claims on their way to the store, by key and by address. */
  readonly #pendingClaims: NameClaim[] = [];
  readonly #rates: KeyedBuckets;
  #scannedMs = Number.NEGATIVE_INFINITY;

  constructor(options: NameOwnersOptions) {
    this.#options = options;
    this.#rates = new KeyedBuckets(options.limits.addressNames, options.limits.addressesMax);
    for (const name of options.loaded) this.#owned.put(name);
  }

  /** Names that belong to somebody. */
  get size(): number {
    return this.#owned.size;
  }

  isOwned(user: string): boolean {
    return !this.#owned.isFree(user, this.#nowMs, this.#options.limits);
  }

  isOwnedBy(user: string, deviceKey: string): boolean {
    return this.#owned.find(user, deviceKey) !== undefined;
  }

  /** The keys of a name, oldest first. */
  keysOf(user: string): readonly StoredName[] {
    return this.#owned.keysOf(user);
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
   *   server, the key or the address has as many names as it may; RATE_LIMITED, SERVER_CLOSING, STORE_FAILED
   */
  async claim(claim: NameClaim): Promise<void> {
    const { user, deviceKey, address } = claim;
    expectKey(deviceKey);
    this.#options.expectTaking();
    if (this.isOwnedBy(user, deviceKey)) {
      this.use(user, deviceKey);
      return;
    }
    const pending = this.#pending.get(user);
    if (pending?.deviceKey === deviceKey) return pending.done;
    this.expectFree(user);
    validateUserName(user);
    this.#expectWithinLimits(claim);
    this.#expectWithinRate(address);
    const nowMs = this.#nowMs;
    this.#pendingClaims.push(claim);
    const done = this.#store(user, deviceKey, { user, deviceKey, takenMs: nowMs, usedMs: nowMs, address });
    return done.finally(() => this.#pendingClaims.splice(this.#pendingClaims.indexOf(claim), 1));
  }

  /** The name is used by the key: from time to time that is written. */
  use(user: string, deviceKey: string): void {
    const name = this.#owned.find(user, deviceKey);
    const usedMs = this.#nowMs;
    if (name === undefined || usedMs - name.usedMs < NAME_USE_NOTED_MS || this.#pending.has(user)) return;
    const used = { ...name, usedMs };
    this.#owned.put(used);
    // It is written again another day if it cannot be now.
    this.#options.enqueue(new NameOperation([{ type: 'name-put', name: used }]));
  }

  /**
   * The name belongs to another key too from now on; at once when it does already. Fulfils when the store has it.
   * @param by the key that owns the name, and wants it so
   * @throws {CoreError} NAME_TAKEN when the name is not that key's; LIMIT_REACHED: the name has as many keys as it may;
   *   RATE_LIMITED, SERVER_CLOSING, STORE_FAILED
   */
  async addKey({ user, deviceKey, address, by }: NameClaim & { readonly by: string }): Promise<void> {
    expectKey(deviceKey);
    this.#expectOwner(user, by);
    if (this.isOwnedBy(user, deviceKey)) return;
    const { nameKeysMax } = this.#options.limits;
    const count = this.keysOf(user).length;
    if (count >= nameKeysMax) {
      throw new CoreError('LIMIT_REACHED', `The name has ${count} device keys, the limit is ${nameKeysMax}`);
    }
    this.#expectWithinRate(address);
    const nowMs = this.#nowMs;
    await this.#store(user, deviceKey, { user, deviceKey, takenMs: nowMs, usedMs: nowMs, address, addedBy: by });
  }

  /**
   * The name belongs to a key no more; at once when it does not. Fulfils when the store has that.
   * @param by a key that owns the name, and wants it so; it may be the same, unless it is the last one
   * @throws {CoreError} NAME_TAKEN when the name is not that key's; LIMIT_REACHED: it is the last one; RATE_LIMITED,
   *   SERVER_CLOSING, STORE_FAILED
   */
  async removeKey({ user, deviceKey, by }: { user: string; deviceKey: string; by: string }): Promise<void> {
    this.#expectOwner(user, by);
    if (!this.isOwnedBy(user, deviceKey)) return;
    if (this.keysOf(user).length === 1) {
      throw new CoreError('LIMIT_REACHED', 'It is the last device key of the name, which would be nobody’s');
    }
    await this.#track(user, deviceKey, async () => {
      await this.#commit([{ type: 'name-delete', user, deviceKey }]);
      this.#owned.delete(user, deviceKey);
    });
  }

  /** Remember the rates of so many addresses. */
  changeAddressesMax(addressesMax: number): void {
    this.#rates.changeKeysMax(addressesMax);
  }

  get #nowMs(): number {
    return this.#options.clock.wallMs();
  }

  #expectOwner(user: string, deviceKey: string): void {
    this.#options.expectTaking();
    this.expectOwnedBy(user, deviceKey);
    if (this.#pending.has(user)) throw new CoreError('RATE_LIMITED', 'The name’s keys are being changed already');
  }

  #expectWithinRate(address: string): void {
    if (!this.#rates.take(address, this.#options.clock.monotonicMs())) {
      throw new CoreError('RATE_LIMITED', 'Too many new user names; try again later');
    }
  }

  #expectWithinLimits({ deviceKey, address }: NameClaim): void {
    const { namesMax, keyNamesMax, addressNewNamesMax } = this.#options.limits;
    const pending = this.#pendingClaims;
    const ownNames = this.#owned.takenBy(deviceKey) + pending.filter((claim) => claim.deviceKey === deviceKey).length;
    if (ownNames >= keyNamesMax) {
      throw new CoreError('LIMIT_REACHED', `This device has ${ownNames} user names, the limit is ${keyNamesMax}`);
    }
    const newNames = this.#owned.onTrialFrom(address) + pending.filter((claim) => claim.address === address).length;
    if (newNames >= addressNewNamesMax) {
      const fault = `${newNames} user names taken from this address were not used again, the limit is ${addressNewNamesMax}`;
      throw new CoreError('LIMIT_REACHED', fault);
    }
    if (this.size + pending.length >= namesMax) this.#freeIdle();
    const names = this.size + pending.length;
    if (names >= namesMax) throw new CoreError('LIMIT_REACHED', `The server keeps ${names} user names, its limit`);
  }

  /** Names that nobody uses make room for others. */
  #freeIdle(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#scannedMs < FULL_SCAN_MS) return;
    this.#scannedMs = nowMs;
    const idle: string[] = [];
    for (const user of this.#owned.idle(this.#nowMs, this.#options.limits)) {
      if (!this.#pending.has(user)) idle.push(user);
      if (idle.length >= FREED_MAX) break;
    }
    if (idle.length === 0) return;
    for (const user of idle) this.#owned.delete(user);
    // If the store does not take it they are somebody's again after a restart, and idle still.
    this.#options.enqueue(new NameOperation(idle.map((user) => ({ type: 'name-delete', user }))));
  }

  /** Write a name for a key; whoever had it and has not used it for long has it no more. */
  #store(user: string, deviceKey: string, name: StoredName): Promise<void> {
    return this.#track(user, deviceKey, async () => {
      const isFreed = name.addedBy === undefined && this.keysOf(user).length > 0;
      const freed = isFreed ? [{ type: 'name-delete', user } as const] : [];
      await this.#commit([...freed, { type: 'name-put', name }]);
      if (isFreed) this.#owned.delete(user);
      this.#owned.put(name);
    });
  }

  #track(user: string, deviceKey: string, change: () => Promise<void>): Promise<void> {
    const done = change().finally(() => this.#pending.delete(user));
    this.#pending.set(user, { deviceKey, done });
    return done;
  }

  #commit(changes: NameOperation['changes']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#options.enqueue(new NameOperation(changes, resolve, reject));
    });
  }
}

function expectKey(deviceKey: string): void {
  if (deviceKey.length > 0 && deviceKey.length <= DEVICE_KEY_LENGTH_MAX) return;
  throw new RangeError(`A device key of ${deviceKey.length} characters: 1 to ${DEVICE_KEY_LENGTH_MAX} are allowed`);
}

function nameTaken(user: string): CoreError {
  return new CoreError('NAME_TAKEN', `The user name ${JSON.stringify(user)} belongs to another key`);
}
