import { ClientError } from '../../errors.ts';
import { roomOfUrl } from '../../room-of-url.ts';

export interface JsonTarget {
  readonly host: string;
  readonly port: number;
  readonly room: string;
}

const DEFAULT_LINES_PORT = 8765;

/**
 * `jsonl://host[:port]/room`; the room is as in `roomOfUrl`.
 * @throws {ClientError} URL_INVALID
 */
export function parseJsonLinesUrl(url: URL): JsonTarget {
  const room = roomOf(url);
  const port = url.port === '' ? DEFAULT_LINES_PORT : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, room };
}

/**
 * `ws://host[:port]/room`, `wss://…`: the server is at `/ws` of that host and port (80 and 443 unless given, as the schemes
 * have it).
 * @throws {ClientError} URL_INVALID
 */
export function parseWebSocketUrl(url: URL): { readonly endpoint: URL; readonly room: string } {
  const room = roomOf(url);
  return { endpoint: new URL('/ws', url), room };
}

function roomOf(url: URL): string {
  const room = roomOfUrl(url, invalid);
  if (url.hostname === '') throw invalid(url, 'it names no host');
  if (room === '') throw invalid(url, `it names no room, as in ${url.protocol}//${url.host}/lobby`);
  if (url.username !== '' || url.password !== '') throw invalid(url, 'names and passwords do not belong into it');
  return room;
}

function invalid(url: URL, fault: string): ClientError {
  // Without what stands before the host: it may be a secret.
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  return new ClientError('URL_INVALID', `Cannot connect to "${shown}": ${fault}`);
}
