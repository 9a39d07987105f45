import { ChatError } from '@confab/wire';

/** What can go wrong around link's connections. Listed with cause and remedy in docs/errors.md. */
export type LinkSetupErrorCode =
  /** The server's key is not the one that was expected; nothing was sent. */
  | 'PIN_MISMATCH'
  /** `?pin=` or `?trust=` of a URL is nothing that can be held against a key. */
  | 'TRUST_INVALID'
  /** With `?trust=ca`: no authority vouches for the server's certificate, or not for this name. */
  | 'CERTIFICATE_UNTRUSTED'
  /** The server's certificate or key cannot be read, made or used. */
  | 'CERTIFICATE_UNUSABLE'
  | 'DEVICE_KEY_UNUSABLE'
  | 'KNOWN_SERVERS_UNUSABLE'
  | 'CONNECT_FAILED'
  | 'CONNECT_TIMEOUT'
  /** Who answered speaks TLS but not link, or neither. */
  | 'NOT_LINK';

export class LinkSetupError extends ChatError<LinkSetupErrorCode> {}

/** The system's word for an error, such as `ENOENT`; undefined for others. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
