import { type KnownServers, LinkSetupError, type Trust, trustOf } from '@confab/link';
import type { PathMode } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import { roomOfUrl } from '../../room-of-url.ts';

/** TCP, where nothing else is said; the server says where its UDP is. */
export const LINK_PORT = 9443;

export const pathModes: readonly PathMode[] = ['auto', 'udp', 'tcp'];

export interface LinkTarget {
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Empty: the URL names none. */
  readonly room: string;
  /** Undefined: the URL says nothing of it. */
  readonly path: PathMode | undefined;
}

/**
 * `confab://host[:port]/room?pin=…&path=auto|udp|tcp&trust=ca`; the room is as in `roomOfUrl`.
 * @throws {ClientError} URL_INVALID
 */
export function parseLinkUrl(url: URL, { needsRoom = true } = {}): LinkTarget {
  const room = roomOfUrl(url, invalid);
  if (url.hostname === '') throw invalid(url, 'it names no host');
  if (needsRoom && room === '') throw invalid(url, `it names no room, as in confab://${url.host}/lobby`);
  if (url.username !== '' || url.password !== '') throw invalid(url, 'names and passwords do not belong into it');
  for (const name of url.searchParams.keys()) {
    if (!parameters.has(name)) throw invalid(url, `"${name}" is not one of ${[...parameters].join(', ')}`);
  }
  const paths = url.searchParams.getAll('path');
  const path = pathModes.find((mode) => mode === paths[0]);
  if (paths.length > 1 || (paths.length === 1 && path === undefined)) {
    throw invalid(url, `its path is not one of ${pathModes.join(', ')}`);
  }
  const port = url.port === '' ? LINK_PORT : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, room, path };
}

/**
 * What the URL says of whom to trust.
 * @throws {ClientError} URL_INVALID
 */
export function trustOfUrl(url: URL, servers: KnownServers): Trust {
  try {
    return trustOf(url, servers);
  } catch (cause) {
    if (cause instanceof LinkSetupError) throw new ClientError('URL_INVALID', cause.message, { cause });
    throw cause;
  }
}

const parameters: ReadonlySet<string> = new Set(['room', 'pin', 'path', 'trust']);

function invalid(url: URL, fault: string): ClientError {
  // Without what stands before the host: it may be a secret.
  return new ClientError('URL_INVALID', `Cannot connect to "confab://${url.host}${url.pathname}": ${fault}`);
}
