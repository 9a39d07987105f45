/**
 * The rendezvous and its peers as programs written from docs/wires/bridge.md alone would speak with them: nothing of Confab is
 * imported, so that a mistake in its codecs cannot hide behind the same mistake here.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type ServerOptions, TestServer } from './server-process.ts';
import { within } from './wait.ts';

export type Mode = 'tcp' | 'udp';

export const PROBE = 'PROBE\r\n\r\n';
export const PROBEACK = 'PROBEACK\r\n\r\n';
export const REGNACK = 'REGNACK\r\n\r\n';
export const NOBODY = 'BRIDGEACK\r\nclientID: \r\nIP: \r\nPort: \r\n\r\n';

const lines = (id: string, ip: string, port: number): string => `clientID: ${id}\r\nIP: ${ip}\r\nPort: ${port}\r\n\r\n`;
export const register = (id: string, ip = '127.0.0.1', port = 5000): string => `REGISTER\r\n${lines(id, ip, port)}`;
export const regack = (id: string, ip = '127.0.0.1', port = 5000): string => `REGACK\r\n${lines(id, ip, port)}`;
export const bridge = (id: string): string => `BRIDGE\r\nclientID: ${id}\r\n\r\n`;
export const bridgeack = (id: string, ip = '127.0.0.1', port = 5000): string => `BRIDGEACK\r\n${lines(id, ip, port)}`;
export const chat = (one: string, other: string): string => `CHAT\r\nclientID1: ${one}\r\nclientID2: ${other}`;
export const quit = (id: string): string => `QUIT\r\nclientID: ${id}\r\n\r\n`;
export const quitack = (id: string): string => `QUITACK\r\nclientID: ${id}\r\n\r\n`;

/** Between peers. */
export const opening = (id: string, mode: Mode): string =>
  `CHAT\r\nclientID: ${id}\r\n\r\n${mode === 'udp' ? '\r\n' : ''}`;
export const line = (id: string, text: string): string => `CHAT\r\nclientID: ${id}\r\n${text}\n\r\n\r\n`;
export const PEER_QUIT = 'QUIT\r\n\r\n';

export interface BridgeServer {
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly server: TestServer;
}

/** A server process that serves the rendezvous, for all tests of a file. */
export function sharedBridge(settings: NonNullable<ServerOptions['settings']> = {}): () => BridgeServer {
  let data: string | undefined;
  let bridgeServer: BridgeServer | undefined;
  before(async () => {
    data = mkdtempSync(join(tmpdir(), 'confab-'));
    const server = await TestServer.start({
      data,
      settings: { 'bridge.enabled': true, 'bridge.tcp_port': 0, 'bridge.udp_port': 0, ...settings },
    });
    const portOf = (protocol: Mode): number => {
      const match = new RegExp(`Bridge +${protocol} +\\S+:(\\d+)`).exec(server.process.stdout);
      if (match === null) throw new Error(`No rendezvous in ${server.process.stdout}`);
      return Number(match[1]);
    };
    bridgeServer = { server, tcpPort: portOf('tcp'), udpPort: portOf('udp') };
  });
  after(async () => {
    await bridgeServer?.server.close();
    if (data !== undefined) rmSync(data, { recursive: true, force: true });
  });
  return () => bridgeServer!;
}

export interface TcpAnswer {
  readonly text: string;
  /** How often something could be read. */
  readonly chunks: number;
}

/** One packet on a connection of its own, read until the server closes. */
export async function tcpExchange(
  port: number,
  packet: string | Uint8Array,
  { close = false, localAddress }: { close?: boolean; localAddress?: string } = {},
): Promise<TcpAnswer> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    noDelay: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => {
    // A banned address may be reset.
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
  });
  if (close) socket.end(packet);
  else socket.write(packet);
  try {
    await within(ended, 'the server to close the connection');
  } finally {
    socket.destroy();
  }
  return { text: Buffer.concat(chunks).toString(), chunks: chunks.length };
}

/**
 * A UDP program: one socket, datagrams as text. It hears those it has written to, so that what another test's server still
 * sends to the last owner of its port does not come in.
 */
export class RawUdp {
  readonly socket: UdpSocket;
  readonly #heard = new Set<number>();
  readonly #received: { text: string; port: number }[] = [];
  #wake: () => void = () => {};

  static async open(): Promise<RawUdp> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RawUdp(socket);
  }

  private constructor(socket: UdpSocket) {
    this.socket = socket;
    socket.on('message', (bytes, { port }) => {
      if (!this.#heard.has(port)) return;
      this.#received.push({ text: bytes.toString(), port });
      this.#wake();
    });
  }

  get port(): number {
    return this.socket.address().port;
  }

  /** Datagrams that nobody has taken. */
  get untaken(): number {
    return this.#received.length;
  }

  /** What comes from there is kept, too. */
  hearFrom(port: number): void {
    this.#heard.add(port);
  }

  send(port: number, packet: string | Uint8Array): void {
    this.hearFrom(port);
    this.socket.send(packet, port, '127.0.0.1');
  }

  /** The next datagram. */
  async next(): Promise<{ text: string; port: number }> {
    const arrived = async (): Promise<void> => {
      while (this.#received.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    await within(arrived(), 'a datagram');
    return this.#received.shift()!;
  }

  async ask(port: number, packet: string): Promise<string> {
    this.send(port, packet);
    return (await this.next()).text;
  }

  close(): void {
    this.socket.close();
  }
}

/** A connection between peers, read once for each packet, as existing programs do. */
export class RawPeer {
  readonly socket: Socket;
  #isEnded = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    // Nothing is read unless somebody asks: what waits in the buffer comes out in one.
    socket.on('readable', () => this.#wake());
    socket.on('end', () => {
      this.#isEnded = true;
      this.#wake();
    });
    socket.on('error', () => {});
  }

  static async dial(port: number): Promise<RawPeer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new RawPeer(socket);
  }

  /** `recv(1024)`: waits until there is something, and takes all of it; empty at the end. */
  async read(): Promise<string> {
    const arrived = async (): Promise<string> => {
      for (;;) {
        const chunk = this.socket.read() as Buffer | null;
        if (chunk !== null) return chunk.toString();
        if (this.#isEnded) return '';
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    return within(arrived(), 'a packet of the peer');
  }

  write(packet: string): void {
    this.socket.write(packet);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Where a program listens for its peer, in TCP mode. */
export class RawListener {
  readonly #server: Server;
  readonly #accepted: Socket[] = [];
  #wake: () => void = () => {};

  static async open(): Promise<RawListener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawListener(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#accepted.push(socket);
      this.#wake();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async accept(): Promise<RawPeer> {
    const arrived = async (): Promise<Socket> => {
      while (this.#accepted.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      return this.#accepted.shift()!;
    };
    return new RawPeer(await within(arrived(), 'a peer to connect'));
  }

  close(): void {
    this.#server.close();
  }
}
