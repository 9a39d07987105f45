import { hash, type KeyObject } from 'node:crypto';

/** Of SHA-256 in base64url without padding, characters. */
export const FINGERPRINT_LENGTH = 43;

/** What people compare and clients pin: SHA-256 of the key's SubjectPublicKeyInfo, base64url without padding. */
export function fingerprintOf(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'base64url');
}

/** Whether a text could be a fingerprint: 43 characters that are 32 bytes, written in the one way there is. */
export function isFingerprint(text: string): boolean {
  if (text.length !== FINGERPRINT_LENGTH) return false;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.length === 32 && bytes.toString('base64url') === text;
}
