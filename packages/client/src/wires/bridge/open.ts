import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { type BridgeMode, encodeBridgePacket } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { BridgeClient } from './client.ts';
import { dialSocket, hostPort } from './dial.ts';
import type { PeerLinkTimes } from './peer-link.ts';
import { parseBridgeUrl } from './target.ts';
import { readPacket, TcpTransport } from './tcp-transport.ts';
import type { TransportHandlers } from './transport.ts';
import { UdpTransport } from './udp-transport.ts';

export interface BridgeOptions {
  /** Where peers find us. Default: the address that leads to the server, and any port. */
  readonly listen?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined;
  /**
   * To other Confab clients. *any*: directly, or else through the server; *direct*: never through the server; *relay*: never
   * directly, so that they do not learn our address from us. Default `any`.
   */
  readonly path?: 'any' | 'direct' | 'relay' | undefined;
  /** Keep to what every program of this wire knows: nothing is sealed. */
  readonly isPlain?: boolean | undefined;
  /** Talk to nobody who cannot seal what is said. */
  readonly isSealedOnly?: boolean | undefined;
  /** Do not wait for the answers of peers that take turns. */
  readonly isFree?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For a connection and its answer, ms. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Events kept for a reader that does not read; beyond it the oldest are dropped. Default 10,000. */
  readonly eventsMax?: number | undefined;
  /** A line that waits for an answer goes out after so long all the same, ms. Default 10,000. */
  readonly holdMs?: number | undefined;
  /** How patient a sealed conversation is. */
  readonly times?: PeerLinkTimes | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
const EVENTS_MAX = 10_000;
/** For the TCP connection with which the mode is found out, ms. */
const TCP_PROBE_MS = 3000;
/** For the answer to a PROBE in UDP mode, ms. */
const UDP_PROBE_MS = 2000;

/**
 * Open a client of a rendezvous; nothing is registered yet.
 *
 *     const client = await openBridge('bridge://127.0.0.1:7000');
 *     await client.register('ann');
 *     if ((await client.bridge()) !== undefined) await client.chat();
 *     for await (const event of client.events()) if (event.type === 'message') console.log(event.user, event.text);
 *
 * @throws {ClientError} URL_INVALID, CONNECT_FAILED: nobody answers in either mode, or it cannot listen; the signal's reason
 */
export async function openBridge(url: string | URL, options: BridgeOptions = {}): Promise<BridgeClient> {
  const { signal } = options;
  signal?.throwIfAborted();
  const parsed = url instanceof URL ? url : URL.parse(url);
  if (parsed === null)
    throw new ClientError(
      'URL_INVALID',
      `Cannot connect to "${String(url)}": not a URL such as bridge://127.0.0.1:7000`,
    );
  const target = parseBridgeUrl(parsed);
  const serverAddress = await resolve(target.host);
  const serverPort = target.port;
  const mode = target.mode ?? (await findMode(serverAddress, serverPort, signal));
  const listenHost = options.listen?.host;
  const ip =
    listenHost !== undefined && !isAny(listenHost) ? listenHost : await localAddressTo(serverAddress, serverPort);
  const openTransport = (handlers: TransportHandlers) => {
    const listenPort = options.listen?.port ?? 0;
    const transportOptions = { serverAddress, serverPort, listenHost, listenPort, ip, handlers };
    return mode === 'tcp' ? TcpTransport.open(transportOptions) : UdpTransport.open(transportOptions);
  };
  return BridgeClient.open(openTransport, {
    path: options.path ?? 'any',
    isPlain: options.isPlain ?? false,
    isSealedOnly: options.isSealedOnly ?? false,
    isFree: options.isFree ?? false,
    timeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    eventsMax: options.eventsMax ?? EVENTS_MAX,
    holdMs: options.holdMs,
    times: options.times,
  });
}

/** TCP mode if the port answers a PROBE on a connection, else UDP mode if it answers one in a datagram. */
async function findMode(address: string, port: number, signal: AbortSignal | undefined): Promise<BridgeMode> {
  if (await answersTcp(address, port, signal)) return 'tcp';
  if (await answersUdp(address, port, signal)) return 'udp';
  throw new ClientError(
    'CONNECT_FAILED',
    `Cannot reach ${hostPort(address, port)}: it answers neither in TCP mode nor in UDP mode; is the server running, and is this its port?`,
  );
}

async function answersTcp(host: string, port: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const socket = await dialSocket({ host, port, timeoutMs: TCP_PROBE_MS, signal });
    const timer = setTimeout(() => socket.destroy(), TCP_PROBE_MS);
    try {
      socket.write(encodeBridgePacket({ type: 'PROBE' }, 'tcp'));
      return (await readPacket(socket))?.type === 'PROBEACK';
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}

async function answersUdp(
  serverAddress: string,
  serverPort: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const nothing = (): void => {};
  const handlers = { onServerPacket: nothing, onPlain: nothing, onSealed: nothing, onPathClosed: nothing };
  const transport = await UdpTransport.open({
    serverAddress,
    serverPort,
    listenHost: undefined,
    listenPort: 0,
    ip: '',
    handlers,
  });
  try {
    return (await transport.ask({ type: 'PROBE' }, { timeoutMs: UDP_PROBE_MS, signal })) !== undefined;
  } finally {
    await transport.close();
  }
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    // Existing programs look at IPv4 addresses.
    const chosen = found.find(({ family }) => family === 4) ?? found[0];
    if (chosen !== undefined) return chosen.address;
  } catch (cause) {
    throw new ClientError('CONNECT_FAILED', `Cannot reach "${host}": the host name does not resolve`, { cause });
  }
  throw new ClientError('CONNECT_FAILED', `Cannot reach "${host}": the host name does not resolve`);
}

/** Own address on the way to the server. Nothing is sent for it. */
async function localAddressTo(address: string, port: number): Promise<string> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, resolve);
    });
    return socket.address().address;
  } catch (cause) {
    throw new ClientError('CONNECT_FAILED', `Cannot reach ${hostPort(address, port)}: no way leads there`, { cause });
  } finally {
    socket.close();
  }
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
