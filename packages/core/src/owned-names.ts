import type { StoredName } from './store.ts';

/** A name that is used so long after it was taken is somebody's in earnest, ms. */
export const NAME_TRIAL_USE_MS = 86_400_000;

export interface NameTimes {
  readonly nameTrialMs: number;
  readonly nameIdleMs: number;
}

/** Which names belong to which keys, as the store has it. */
export class OwnedNames {
  readonly #byName = new Map<string, readonly StoredName[]>();
  /** Names that each key took itself: what others add to a key is not its doing. */
  readonly #takenByKey = new Map<string, number>();
  /** Names on trial that were taken from each address. */
  readonly #trialByAddress = new Map<string, number>();

  get size(): number {
    return this.#byName.size;
  }

  /** The keys of a name, oldest first; none: it is nobody's. */
  keysOf(user: string): readonly StoredName[] {
    return this.#byName.get(user) ?? [];
  }

  find(user: string, deviceKey: string): StoredName | undefined {
    return this.#byName.get(user)?.find((name) => name.deviceKey === deviceKey);
  }

  takenBy(deviceKey: string): number {
    return this.#takenByKey.get(deviceKey) ?? 0;
  }

  put(name: StoredName): void {
    this.#change(name.user, (names) => {
      const isSame = ({ deviceKey }: StoredName): boolean => deviceKey === name.deviceKey;
      return names.some(isSame) ? names.map((other) => (isSame(other) ? name : other)) : [...names, name];
    });
  }

  /** @param deviceKey undefined: all of them */
  delete(user: string, deviceKey?: string): void {
    this.#change(user, (names) => names.filter((name) => deviceKey !== undefined && name.deviceKey !== deviceKey));
  }

  /** Whether a name was not used for so long that it is nobody's any more; also when it was nobody's. */
  isFree(user: string, nowMs: number, times: NameTimes): boolean {
    const names = this.#byName.get(user);
    return names === undefined || isIdle(names, nowMs, times);
  }

  /** Names taken from an address that were not used again on a later day. */
  onTrialFrom(address: string): number {
    return this.#trialByAddress.get(address) ?? 0;
  }

  /** The names that are nobody's any more. */
  *idle(nowMs: number, times: NameTimes): Generator<string> {
    for (const [user, names] of this.#byName) if (isIdle(names, nowMs, times)) yield user;
  }

  #change(user: string, change: (names: readonly StoredName[]) => readonly StoredName[]): void {
    const before = this.keysOf(user);
    const after = change(before);
    this.#countIn(before, -1);
    this.#countIn(after, 1);
    if (after.length === 0) this.#byName.delete(user);
    else this.#byName.set(user, after);
  }

  #countIn(names: readonly StoredName[], by: 1 | -1): void {
    for (const { deviceKey, addedBy } of names) if (addedBy === undefined) count(this.#takenByKey, deviceKey, by);
    if (names.length > 0 && isOnTrial(names)) count(this.#trialByAddress, names[0]!.address, by);
  }
}

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}

function isOnTrial(names: readonly StoredName[]): boolean {
  // Whoever adds a key means to stay.
  return names.length === 1 && names[0]!.usedMs - names[0]!.takenMs < NAME_TRIAL_USE_MS;
}

function isIdle(names: readonly StoredName[], nowMs: number, { nameTrialMs, nameIdleMs }: NameTimes): boolean {
  let usedMs = 0;
  for (const name of names) usedMs = Math.max(usedMs, name.usedMs);
  return nowMs - usedMs >= (isOnTrial(names) ? Math.min(nameTrialMs, nameIdleMs) : nameIdleMs);
}
