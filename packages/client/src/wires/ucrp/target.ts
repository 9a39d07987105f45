import { ClientError } from '../../errors.ts';
import { roomOfUrl } from '../../room-of-url.ts';

/** Which request and datagram formats to use. `auto` asks a Confab server for confirmations and notices. */
export type UcrpFlavour = 'auto' | 'string' | 'object';

export interface UcrpTarget {
  readonly host: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly room: string;
  readonly flavour: UcrpFlavour;
}

const DEFAULT_TCP_PORT = 9090;

/**
 * `ucrp://host[:tcpPort]/room[?udp=port][&dialect=string|object]`. The UDP port is the TCP port + 1 unless given; the room
 * is as in `roomOfUrl`.
 * @throws {ClientError} URL_INVALID
 */
export function parseUcrpUrl(url: URL): UcrpTarget {
  const tcpPort = url.port === '' ? DEFAULT_TCP_PORT : Number(url.port);
  const udp = url.searchParams.get('udp');
  const udpPort = udp === null ? tcpPort + 1 : Number(udp);
  if (!Number.isInteger(udpPort) || udpPort < 1 || udpPort > 65_535) {
    throw invalid(url, `UDP port "${udp ?? udpPort}" is not a number from 1 to 65535`);
  }
  const flavour = url.searchParams.get('dialect') ?? 'auto';
  if (flavour !== 'auto' && flavour !== 'string' && flavour !== 'object') {
    throw invalid(url, `dialect "${flavour}" is none of auto, string, object`);
  }
  const room = roomOfUrl(url, invalid);
  if (url.hostname === '') throw invalid(url, 'it names no host');
  if (room === '') throw invalid(url, 'it names no room, as in ucrp://127.0.0.1:9090/lobby');
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), tcpPort, udpPort, room, flavour };
}

function invalid(url: URL, fault: string): ClientError {
  return new ClientError('URL_INVALID', `Cannot connect to "${url.href}": ${fault}`);
}
