import { argon2, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Secrets } from '@confab/core';

const argon2Async = promisify(argon2);

/** Cost of one password hash (OWASP's first choice for argon2id): 19 MiB, two passes, one lane. About 27 ms of a core. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Bounds on what a stored hash may ask for, so that a damaged database cannot ask for gigabytes. */
const MEMORY_MAX = 1_048_576;
const PASSES_MAX = 16;

/** Node's CSPRNG, SHA-256 and argon2id. */
export const systemSecrets: Secrets = {
  randomBytes: (count) => randomBytes(count),
  digest: (token) => hash('sha256', token, 'base64url'),

  /** PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, Base64 without padding. */
  async hashPassword(password) {
    const nonce = randomBytes(SALT_BYTES);
    const tag = await argon2Async('argon2id', { message: password, nonce, tagLength: HASH_BYTES, ...COST });
    const { memory, passes, parallelism } = COST;
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${phcBase64(nonce)}$${phcBase64(tag)}`;
  },

  async verifyPassword(password, stored) {
    const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(stored);
    if (parts === null) return false;
    const [memory, passes, parallelism] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
    if (memory > MEMORY_MAX || passes > PASSES_MAX) return false;
    const expected = Buffer.from(parts[5]!, 'base64');
    const nonce = Buffer.from(parts[4]!, 'base64');
    const cost = { memory, passes, parallelism, tagLength: expected.length };
    return timingSafeEqual(await argon2Async('argon2id', { message: password, nonce, ...cost }), expected);
  },
};

function phcBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
