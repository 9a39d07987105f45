import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { ClientError } from '../../errors.ts';

/** What two clients have agreed upon. */
export interface PairKeys {
  /** 32 bytes each. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  /**
   * 30 digits that both see, the same if nobody stands between them: the server, which passed on the keys, could. They are
   * made of both keys, about 100 bits, so that no two keys can be found in time that give the same.
   */
  readonly code: string;
}

export interface PairNames {
  readonly ownId: string;
  readonly peerId: string;
  /** The other one's public key, 32 bytes in base64url. */
  readonly peerKey: string;
  /** The pair's name on the wire, base64url. */
  readonly pair: string;
}

const KEY_BYTES = 32;
const CODE_GROUPS = 6;
const CODE_GROUP_DIGITS = 5;

/** A key pair for one registration (X25519, RFC 7748 §6.1). It is kept nowhere. */
export class BridgeIdentity {
  /** 32 bytes, base64url. */
  readonly publicKey: string;
  readonly #privateKey: KeyObject;

  /** @param jwk A key pair instead of a new one, in base64url: private (`d`) and public (`x`). */
  constructor(jwk?: { readonly d: string; readonly x: string }) {
    this.#privateKey =
      jwk === undefined
        ? generateKeyPairSync('x25519').privateKey
        : createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', ...jwk }, format: 'jwk' });
    this.publicKey = this.#privateKey.export({ format: 'jwk' }).x!;
  }

  /**
   * The keys of a pair: HKDF-SHA-256 (RFC 5869) of the shared secret, bound to both public keys, both ids and the pair.
   * @throws {ClientError} PROTOCOL_BROKEN: no usable key of another
   */
  agree({ ownId, peerId, peerKey, pair }: PairNames): PairKeys {
    const own = Buffer.from(this.publicKey, 'base64url');
    const peer = Buffer.from(peerKey, 'base64url');
    const order = Buffer.compare(own, peer);
    if (order === 0 || peer.length !== KEY_BYTES) throw unusable();
    let secret: Buffer;
    try {
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: peerKey }, format: 'jwk' });
      // A key of small order, which would give a secret that anybody knows, throws here (RFC 7748 §6.1).
      secret = diffieHellman({ privateKey: this.#privateKey, publicKey });
    } catch (cause) {
      throw unusable(cause);
    }
    const isLow = order < 0;
    const [lowKey, highKey] = isLow ? [own, peer] : [peer, own];
    const [lowId, highId] = isLow ? [ownId, peerId] : [peerId, ownId];
    const names = createHash('sha256');
    for (const part of ['confab bridge 1', lowKey, highKey, lowId, highId]) {
      const bytes = Buffer.from(part);
      names.update(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff)).update(bytes);
    }
    const code = codeOf(names.copy().update('code').digest());
    const salt = names.update(pair).digest();
    const derive = (way: string): Uint8Array => new Uint8Array(hkdfSync('sha256', secret, salt, way, KEY_BYTES));
    const keys = [derive('low to high'), derive('high to low')] as const;
    return { sendKey: keys[isLow ? 0 : 1], receiveKey: keys[isLow ? 1 : 0], code };
  }
}

function codeOf(digest: Buffer): string {
  const groups = Array.from({ length: CODE_GROUPS }, (_, index) =>
    String(digest.readUInt32BE(4 * index) % 10 ** CODE_GROUP_DIGITS).padStart(CODE_GROUP_DIGITS, '0'),
  );
  return groups.join(' ');
}

function unusable(cause?: unknown): ClientError {
  return new ClientError('PROTOCOL_BROKEN', 'The server passed on a key that cannot be used', { cause });
}
