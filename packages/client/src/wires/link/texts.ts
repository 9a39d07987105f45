import { encodeUtf8 } from '@confab/wire';
import type { PathReason } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { LinkStatus } from '../../session.ts';

const reasons = {
  proved: 'UDP works both ways',
  'nothing-acknowledged': 'what went by UDP was not acknowledged',
  'nothing-received': 'nothing came by UDP',
  configured: 'as configured',
  'socket-failed': 'the UDP socket failed',
  peer: 'the server asked for it',
} as const satisfies Record<PathReason, string>;

/** Which way the link goes, for people. */
export function linkText({ path, reason }: LinkStatus): string {
  return `The link goes over ${path.toUpperCase()}${reason === undefined ? '' : ` (${reasons[reason]})`}`;
}

/**
 * A message's bytes.
 * @throws {ClientError} MESSAGE_RESERVED, MESSAGE_TOO_LONG
 */
export function bodyOf(text: string, bytesMax: number): Uint8Array {
  if (!text.isWellFormed()) {
    throw new ClientError('MESSAGE_RESERVED', 'Cannot send: the text is not well-formed Unicode');
  }
  const body = encodeUtf8(text);
  if (body.length > bytesMax) {
    throw new ClientError('MESSAGE_TOO_LONG', `Cannot send: ${body.length} bytes exceed ${bytesMax}`);
  }
  return body;
}
