import { createCipheriv, createDecipheriv } from 'node:crypto';
import { encodeSealedHeader, SEALED_HEADER_BYTES, SEALED_TAG_BYTES, type SealedFrame } from '@confab/wire/bridge';
import type { PairKeys } from './identity.ts';
import { ReplayWindow } from './replay-window.ts';

const CIPHER = 'chacha20-poly1305';
const NONCE_BYTES = 12;

/**
 * Seals and opens the frames of one pair: ChaCha20-Poly1305 (RFC 8439 §2.8), a key for each direction, the counter as nonce, the
 * header authenticated. There must be only one for each pair, or a nonce would be used twice.
 */
export class Sealer {
  readonly #keys: PairKeys;
  readonly #pair: Uint8Array;
  readonly #window = new ReplayWindow();
  #counter = 0;

  /** @param pair 8 bytes. */
  constructor(keys: PairKeys, pair: Uint8Array) {
    this.#keys = keys;
    this.#pair = pair;
  }

  /** A message to a whole frame. */
  seal(message: Uint8Array): Uint8Array {
    const header = encodeSealedHeader(this.#pair, this.#counter, message.length + SEALED_TAG_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keys.sendKey, nonceOf(this.#counter), {
      authTagLength: SEALED_TAG_BYTES,
    });
    this.#counter += 1;
    cipher.setAAD(header, { plaintextLength: message.length });
    return Buffer.concat([header, cipher.update(message), cipher.final(), cipher.getAuthTag()]);
  }

  /** What a frame holds; undefined if the other one has not sealed it for us, or it was here before. */
  open({ counter, bytes }: SealedFrame): Uint8Array | undefined {
    if (!this.#window.isFresh(counter)) return undefined;
    const tagAt = bytes.length - SEALED_TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#keys.receiveKey, nonceOf(counter), {
      authTagLength: SEALED_TAG_BYTES,
    });
    decipher.setAAD(bytes.subarray(0, SEALED_HEADER_BYTES), { plaintextLength: tagAt - SEALED_HEADER_BYTES });
    decipher.setAuthTag(bytes.subarray(tagAt));
    let message: Uint8Array;
    try {
      message = Buffer.concat([decipher.update(bytes.subarray(SEALED_HEADER_BYTES, tagAt)), decipher.final()]);
    } catch {
      return undefined;
    }
    this.#window.note(counter);
    return message;
  }
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(NONCE_BYTES - 8, BigInt(counter));
  return nonce;
}
