import type { LinkCrypto } from '@confab/wire/link';
import type { Prng } from './prng.ts';

/**
 * Cryptography that protects nothing and costs little: a checksum for each tag, so that changed packets are found, and keys
 * that differ when their secrets do. For simulations of many packets; the real one has tests of its own.
 */
export function fakeLinkCrypto(random: Prng): LinkCrypto {
  return {
    randomBytes: (count) => random.bytes(count),
    hmacSha256: (key, data) => {
      const out = new Uint8Array(32);
      for (let word = 0; word < 8; word += 1) writeWord(out, word * 4, mix(data, mix(key, 0x9e37_79b9 + word)));
      return out;
    },
    aes128Gcm: (key) => {
      const seed = mix(key, 1);
      return {
        seal: (nonce, aad, plaintext, out, outOffset) => {
          out.set(plaintext, outOffset);
          const tagAt = outOffset + plaintext.length;
          out.fill(0x5a, tagAt, tagAt + 16);
          writeWord(out, tagAt, mix(plaintext, mix(aad, mix(nonce, seed))));
        },
        open: (nonce, aad, sealed) => {
          const plaintext = sealed.subarray(0, sealed.length - 16);
          const tag = sealed.subarray(sealed.length - 16);
          const expected = new Uint8Array(16).fill(0x5a);
          writeWord(expected, 0, mix(plaintext, mix(aad, mix(nonce, seed))));
          return tag.every((byte, index) => byte === expected[index]) ? plaintext.slice() : undefined;
        },
      };
    },
    aes128Block: (key) => {
      const seed = mix(key, 2);
      const out = new Uint8Array(16);
      return {
        encrypt: (block) => {
          writeWord(out, 0, mix(block, seed));
          writeWord(out, 4, mix(block, seed + 1));
          return out;
        },
      };
    },
  };
}

/** FNV-1a, with a last round of mixing. */
function mix(bytes: Uint8Array, seed: number): number {
  let hash = (seed ^ 0x811c_9dc5) >>> 0;
  for (let index = 0; index < bytes.length; index += 1) hash = Math.imul(hash ^ bytes[index]!, 0x0100_0193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b_3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word;
  out[at + 1] = word >>> 8;
  out[at + 2] = word >>> 16;
  out[at + 3] = word >>> 24;
}
