// Not the whole library, which a server that starts would load for this alone.
import { urlPathOfRoom } from '@confab/client/room-of-url';
import { parsePort } from './terminal/questions.ts';

const DEFAULT_TCP_PORT = 9090;

/** Where a room of the hybrid wire is. */
export interface HybridRoom {
  /** Name or address of the server. */
  readonly host: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly room: string;
}

/** The URL that `connect` takes. The UDP port is named only when it is not the TCP port + 1, which is the default. */
export function hybridRoomUrl({ host, tcpPort, udpPort, room }: HybridRoom): string {
  const query = udpPort === tcpPort + 1 ? '' : `udp=${udpPort}`;
  return `ucrp://${inUrl(host)}:${tcpPort}${urlPathOfRoom(room, query)}`;
}

/** The server that a `ucrp://` URL names, whatever its room; undefined for any other text. */
export function hybridServer(url: string): Omit<HybridRoom, 'room'> | undefined {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'ucrp:' || parsed.hostname === '') return undefined;
  const tcpPort = parsed.port === '' ? DEFAULT_TCP_PORT : Number(parsed.port);
  const udpPort = parsePort(parsed.searchParams.get('udp') ?? String(tcpPort + 1));
  if (tcpPort === 0 || udpPort === undefined) return undefined;
  return { host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), tcpPort, udpPort };
}

const DEFAULT_LINK_PORT = 9443;

/** Where a room of Confab's own wire is. */
export interface LinkRoom {
  /** Name or address of the server. */
  readonly host: string;
  readonly port: number;
  readonly room: string;
  /** Fingerprint of the server's key. */
  readonly pin: string;
}

export function linkRoomUrl({ host, port, room, pin }: LinkRoom): string {
  const authority = port === DEFAULT_LINK_PORT ? inUrl(host) : hostPort(host, port);
  return `confab://${authority}/${encodeURIComponent(room)}?pin=${pin}`;
}

/** An address to join at, for one that is listened on: "all addresses" (0.0.0.0, ::) is none that can be connected to. */
export function joinableHost(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

/** `address:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return `${inUrl(host)}:${port}`;
}

function inUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
