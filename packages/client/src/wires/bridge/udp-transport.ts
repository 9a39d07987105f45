import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { CodecError } from '@confab/wire';
import {
  type BridgePacket,
  decodeBridgePacket,
  decodeSealedFrame,
  encodeBridgePacket,
  SEALED_MAGIC,
} from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { hostPort } from './dial.ts';
import { type AskOptions, type BridgeTransport, RELAY_PATH, type TransportHandlers } from './transport.ts';

export interface UdpTransportOptions {
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly listenHost: string | undefined;
  readonly listenPort: number;
  /** What peers are told to write to. */
  readonly ip: string;
  readonly handlers: TransportHandlers;
}

/** Packets that answer a packet. */
const answers: Partial<Record<BridgePacket['type'], readonly BridgePacket['type'][]>> = {
  PROBE: ['PROBEACK'],
  REGISTER: ['REGACK', 'REGNACK'],
  BRIDGE: ['BRIDGEACK'],
  QUIT: ['QUITACK'],
};

/** UDP mode: one socket for the server and for peers, so that the address that the server sees is the one peers reach. */
export class UdpTransport implements BridgeTransport {
  readonly mode = 'udp';
  readonly ip: string;
  readonly port: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly #handlers: TransportHandlers;
  readonly #socket: Socket;
  /** Questions are asked one after the other, since answers do not say to what. */
  #turn: Promise<unknown> = Promise.resolve();
  #awaited:
    | { readonly types: readonly BridgePacket['type'][]; readonly resolve: (packet: BridgePacket) => void }
    | undefined;
  readonly #sending = new Set<Promise<void>>();
  #isClosed = false;

  /** @throws {ClientError} CONNECT_FAILED: it cannot listen */
  static async open(options: UdpTransportOptions): Promise<UdpTransport> {
    const { listenHost, listenPort, serverAddress } = options;
    const family = isIPv6(serverAddress) ? 6 : 4;
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses are numeric here; looking them up would let datagrams wait, and the last ones be lost with the socket.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) => {
        socket.close();
        const place = `${listenHost ?? 'any address'} port ${listenPort}`;
        reject(new ClientError('CONNECT_FAILED', `Cannot listen on ${place}: ${cause.message}`, { cause }));
      });
      socket.bind({ port: listenPort, ...(listenHost === undefined ? {} : { address: listenHost }) }, () => {
        socket.removeAllListeners('error');
        resolve();
      });
    });
    return new UdpTransport(options, socket);
  }

  private constructor(options: UdpTransportOptions, socket: Socket) {
    this.#handlers = options.handlers;
    this.#socket = socket;
    this.ip = options.ip;
    this.port = socket.address().port;
    this.serverAddress = options.serverAddress;
    this.serverPort = options.serverPort;
    socket.on('message', (datagram, source) => this.#receive(datagram, source));
    // A datagram that could not be delivered is a lost one.
    socket.on('error', () => {});
  }

  ask(packet: BridgePacket, options: AskOptions): Promise<BridgePacket | undefined> {
    const answer = this.#turn.then(() => this.#ask(packet, options));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async tell(packet: BridgePacket): Promise<void> {
    this.#transmit(encodeBridgePacket(packet, 'udp'), this.serverPort, this.serverAddress);
  }

  async dial(ip: string, port: number): Promise<string> {
    if (isIP(ip) !== 0) return `${ip}|${port}`;
    try {
      const { address } = await lookup(ip, { family: isIPv6(this.serverAddress) ? 6 : 4 });
      return `${address}|${port}`;
    } catch (cause) {
      throw new ClientError('CONNECT_FAILED', `Cannot reach "${ip}": the host name does not resolve`, { cause });
    }
  }

  async openRelay(): Promise<string> {
    return RELAY_PATH;
  }

  send(path: string, bytes: Uint8Array): void {
    const { address, port } = this.#addressOf(path);
    this.#transmit(bytes, port, address);
  }

  describe(path: string): string {
    const { address, port } = this.#addressOf(path);
    return hostPort(address, port);
  }

  closePath(): void {}

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The goodbye goes out first.
    await Promise.all(this.#sending);
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  async #ask(packet: BridgePacket, { timeoutMs, attempts = 1, signal }: AskOptions): Promise<BridgePacket | undefined> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<BridgePacket | undefined>();
    this.#awaited = { types: answers[packet.type] ?? [], resolve };
    const bytes = encodeBridgePacket(packet, 'udp');
    const send = (): void => this.#transmit(bytes, this.serverPort, this.serverAddress);
    const repeat = setInterval(send, timeoutMs / attempts);
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    send();
    if (attempts === 1) clearInterval(repeat);
    try {
      return await promise;
    } finally {
      clearInterval(repeat);
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#awaited = undefined;
    }
  }

  #receive(datagram: Uint8Array, { address, port }: RemoteInfo): void {
    const isServer = port === this.serverPort && address === this.serverAddress;
    try {
      if (datagram[0] === SEALED_MAGIC) {
        const path = isServer ? RELAY_PATH : `${address}|${port}`;
        this.#handlers.onSealed(path, isServer ? 'relay' : 'direct', decodeSealedFrame(datagram));
        return;
      }
      const packet = decodeBridgePacket(datagram);
      if (!isServer) this.#handlers.onPlain(`${address}|${port}`, packet);
      else if (this.#awaited?.types.includes(packet.type)) this.#awaited.resolve(packet);
      else this.#handlers.onServerPacket(packet);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
  }

  #transmit(bytes: Uint8Array, port: number, address: string): void {
    if (this.#isClosed) return;
    const sending = new Promise<void>((resolve) => {
      this.#socket.send(bytes, port, address, () => {
        this.#sending.delete(sending);
        resolve();
      });
    });
    this.#sending.add(sending);
  }

  #addressOf(path: string): { address: string; port: number } {
    if (path === RELAY_PATH) return { address: this.serverAddress, port: this.serverPort };
    const at = path.lastIndexOf('|');
    return { address: path.slice(0, at), port: Number(path.slice(at + 1)) };
  }
}
