import type { BridgeIdentity } from './identity.ts';
import type { Found } from './rendezvous.ts';
import { Sealer } from './sealer.ts';

/** Somebody we were introduced to, and what we agreed upon. */
export interface Introduced {
  readonly found: Found & { readonly introduction: NonNullable<Found['introduction']> };
  readonly sealer: Sealer;
  /** 30 digits for people to compare. */
  readonly code: string;
  /** The conversation is over: what still comes of it is late. */
  isOver: boolean;
}

/** Introductions in the time of one registration; further ones are not taken. */
const INTRODUCTIONS_MAX = 256;

/** Whom we were introduced to since we registered. They are kept, since a second sealer of a pair would repeat nonces. */
export class Introductions {
  readonly #byPair = new Map<string, Introduced>();

  /** A new registration begins, with a new key. */
  clear(): void {
    this.#byPair.clear();
  }

  /**
   * What was agreed upon with somebody; the same for the same pair. Undefined: no introduction, or one too many.
   * @throws {ClientError} PROTOCOL_BROKEN: an unusable key
   */
  get(found: Found, ownId: string, identity: BridgeIdentity): Introduced | undefined {
    const { introduction, clientId } = found;
    if (introduction === undefined) return undefined;
    const { pair, key } = introduction;
    const known = this.#byPair.get(pair);
    if (known !== undefined) {
      // A pair is between two, and their keys.
      return known.found.clientId === clientId && known.found.introduction.key === key ? known : undefined;
    }
    if (this.#byPair.size >= INTRODUCTIONS_MAX) return undefined;
    const keys = identity.agree({ ownId, peerId: clientId, peerKey: key, pair });
    const sealer = new Sealer(keys, Buffer.from(pair, 'base64url'));
    const introduced = { found: { ...found, introduction }, sealer, code: keys.code, isOver: false };
    this.#byPair.set(pair, introduced);
    return introduced;
  }

  /** @param pair 8 bytes. */
  find(pair: Uint8Array): Introduced | undefined {
    return this.#byPair.get(Buffer.from(pair).toString('base64url'));
  }
}
