import { ClientError } from '../../errors.ts';
import { roomOfUrl } from '../../room-of-url.ts';

export interface JsonuTarget {
  readonly host: string;
  readonly port: number;
  readonly room: string;
}

const DEFAULT_PORT = 8766;

/**
 * `jsonu://host[:port]/room`; the room is as in `roomOfUrl`.
 * @throws {ClientError} URL_INVALID
 */
export function parseJsonuUrl(url: URL): JsonuTarget {
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const room = roomOfUrl(url, invalid);
  if (url.hostname === '') throw invalid(url, 'it names no host');
  if (port === 0) throw invalid(url, 'port 0 is no port');
  if (room === '') throw invalid(url, 'it names no room, as in jsonu://127.0.0.1:8766/lobby');
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, room };
}

function invalid(url: URL, fault: string): ClientError {
  return new ClientError('URL_INVALID', `Cannot connect to "${url.href}": ${fault}`);
}
