import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { Aead, BlockCipher, LinkCrypto } from '@confab/wire/link';

const TAG_BYTES = 16;

/** The cryptography of link's packets, by Node's OpenSSL. */
export const nodeLinkCrypto: LinkCrypto = {
  randomBytes: (count) => randomBytes(count),
  hmacSha256: (key, data) => createHmac('sha256', key).update(data).digest(),
  aes128Gcm: (key) => new GcmKey(key),
  aes128Block: (key) => new EcbKey(key),
};

class GcmKey implements Aead {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, out: Uint8Array, outOffset: number): void {
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce);
    cipher.setAAD(aad);
    out.set(cipher.update(plaintext), outOffset);
    cipher.final();
    out.set(cipher.getAuthTag(), outOffset + plaintext.length);
  }

  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < TAG_BYTES) return undefined;
    const tagAt = sealed.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-128-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(tagAt));
    const plaintext = decipher.update(sealed.subarray(0, tagAt));
    try {
      decipher.final();
    } catch {
      // What was decrypted is not authentic: nobody sees it.
      return undefined;
    }
    return plaintext;
  }
}

/** One cipher object for all blocks: ECB keeps nothing from one to the next. */
class EcbKey implements BlockCipher {
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  }

  encrypt(block: Uint8Array): Uint8Array {
    return this.#cipher.update(block);
  }
}
