import type { BridgePeer } from '@confab/wire/bridge';
import type { Source } from './source.ts';

/** A client that others can find. */
export interface Registration extends BridgePeer {
  /** Where it was last heard from. */
  source: Source;
  /** Of a Confab client: its public key, and the token that the server knows it by. */
  readonly confab: { readonly key: string; readonly token: string } | undefined;
  /** Whether it has shown that what is sent to `source` reaches it: by its token. */
  isProven: boolean;
}

export interface RegistryLimits {
  readonly registrationsMax: number;
  /** Of one IP address. */
  readonly addressRegistrationsMax: number;
  /** Silence after which a registration is forgotten, ms. */
  readonly timeoutMs: number;
}

/**
 * Who can be found, for one mode. Time is an argument, in ms, and never goes back. All operations take constant time.
 *
 * Bounds: a client that is new to a full table takes the place of the one that was silent longest; if it is its IP address
 * that has too many, of the oldest one of that address.
 */
export class Registry {
  readonly #limits: RegistryLimits;
  /** By id, in the order they registered. */
  readonly #all = new Map<string, Registration>();
  /** Those who have bridged, the longest-waiting first. */
  readonly #waiting = new Map<string, Registration>();
  /** When each was last heard of, the longest silence first. */
  readonly #heardMs = new Map<string, number>();
  readonly #byAddress = new Map<string, Set<string>>();

  constructor(limits: RegistryLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  get(nowMs: number, clientId: string): Registration | undefined {
    this.#expire(nowMs);
    return this.#all.get(clientId);
  }

  /** Add a client. Returns false if its id is taken. */
  add(nowMs: number, registration: Registration): boolean {
    this.#expire(nowMs);
    const { clientId } = registration;
    const { address } = registration.source;
    if (this.#all.has(clientId)) return false;
    const neighbours = this.#byAddress.get(address);
    if (neighbours !== undefined && neighbours.size >= this.#limits.addressRegistrationsMax) {
      this.#removeFirst(neighbours);
    } else if (this.#all.size >= this.#limits.registrationsMax) {
      this.#removeFirst(this.#heardMs.keys());
    }
    this.#all.set(clientId, registration);
    this.#heardMs.set(clientId, nowMs);
    const ids = this.#byAddress.get(address);
    if (ids === undefined) this.#byAddress.set(address, new Set([clientId]));
    else ids.add(clientId);
    return true;
  }

  /** A client was heard of: it stays. */
  touch(nowMs: number, clientId: string): void {
    if (!this.#heardMs.delete(clientId)) return;
    this.#heardMs.set(clientId, nowMs);
  }

  /** A client looks for somebody: from now on it waits, in the order in which such clients first did so. */
  wait(clientId: string): void {
    const registration = this.#all.get(clientId);
    if (registration !== undefined && !this.#waiting.has(clientId)) this.#waiting.set(clientId, registration);
  }

  /** For a client, the longest-waiting other one, else the first other registered one. */
  match(nowMs: number, clientId: string): Registration | undefined {
    this.#expire(nowMs);
    return firstOther(this.#waiting, clientId) ?? firstOther(this.#all, clientId);
  }

  remove(clientId: string): void {
    const registration = this.#all.get(clientId);
    if (registration === undefined) return;
    this.#all.delete(clientId);
    this.#waiting.delete(clientId);
    this.#heardMs.delete(clientId);
    const { address } = registration.source;
    const ids = this.#byAddress.get(address)!;
    ids.delete(clientId);
    if (ids.size === 0) this.#byAddress.delete(address);
  }

  #expire(nowMs: number): void {
    for (const [clientId, heardMs] of this.#heardMs) {
      if (nowMs - heardMs < this.#limits.timeoutMs) return;
      this.remove(clientId);
    }
  }

  #removeFirst(ids: Iterable<string>): void {
    for (const clientId of ids) {
      this.remove(clientId);
      return;
    }
  }
}

function firstOther(candidates: ReadonlyMap<string, Registration>, clientId: string): Registration | undefined {
  // Two steps at most: only one of them is the client itself.
  for (const [candidateId, candidate] of candidates) if (candidateId !== clientId) return candidate;
  return undefined;
}
