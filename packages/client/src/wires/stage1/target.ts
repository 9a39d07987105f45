import { ClientError } from '../../errors.ts';
import { roomOfUrl } from '../../room-of-url.ts';

export interface Stage1Target {
  readonly host: string;
  readonly port: number;
  /** What the URL calls the room. The wire knows one only, whose name is the server's affair. */
  readonly room: string;
}

const DEFAULT_PORT = 12_345;
const DEFAULT_ROOM = 'stage1';

/**
 * `stage1://host[:port][/room]`. There is one room, so that its name, percent-encoded, is only for showing.
 * @throws {ClientError} URL_INVALID
 */
export function parseStage1Url(url: URL): Stage1Target {
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const room = roomOfUrl(url, invalid);
  if (url.hostname === '') throw invalid(url, 'it names no host');
  if (port === 0) throw invalid(url, 'port 0 is no port');
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, room: room === '' ? DEFAULT_ROOM : room };
}

function invalid(url: URL, fault: string): ClientError {
  return new ClientError('URL_INVALID', `Cannot connect to "${url.protocol}//${url.host}${url.pathname}": ${fault}`);
}
