import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type LinkCertificate, linkServerOptions, speaksLink } from '@confab/link';
import type { Hello } from '@confab/wire/link';
import type { Logger } from 'pino';
import { listenError, plainAddress } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { ConnectionSlots } from '../connection-slots.ts';
import { Greeting } from './greeting.ts';

export interface LinkListenerOptions {
  readonly certificate: LinkCertificate;
  /** IP address to listen on. */
  readonly address: string;
  readonly port: number;
  /** For TLS and HELLO together, ms; looked at for each connection. */
  readonly handshakeTimeoutMs: () => number;
  /** Connections that have not said who they are, in all and from one IP address. */
  readonly connectionsMax: number;
  readonly addressConnectionsMax: number;
  readonly stats: WireStats;
  readonly log: Logger;
  /** A connection has said who it is; `address` is its IP address. */
  readonly onHello: (greeting: Greeting, hello: Hello, socket: TLSSocket, address: string) => Promise<void>;
}

/** Accepts TLS connections and hears their HELLO. Those that say nothing cost each other their places, and nobody else. */
export class LinkListener {
  readonly #options: LinkListenerOptions;
  readonly #server: Server;
  readonly #slots: ConnectionSlots<Greeting>;
  /** Connections that have not said who they are, by `ip port` of the client. */
  readonly #greetings = new Map<string, Greeting>();
  readonly #sockets = new Set<Socket>();

  /** @throws {ServerError} when it cannot listen */
  static async open(options: LinkListenerOptions): Promise<LinkListener> {
    const listener = new LinkListener(options);
    await listener.#listen();
    return listener;
  }

  private constructor(options: LinkListenerOptions) {
    this.#options = options;
    const { certificate, handshakeTimeoutMs, connectionsMax, addressConnectionsMax, stats } = options;
    this.#slots = new ConnectionSlots(connectionsMax, addressConnectionsMax, (greeting) => {
      stats.drop('limited');
      greeting.destroy();
    });
    this.#server = createServer(linkServerOptions(certificate, handshakeTimeoutMs()));
    this.#server.on('connection', (socket: Socket) => this.#accept(socket));
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (_error, socket) => {
      stats.drop('unreadable');
      socket.destroy();
    });
  }

  get port(): number {
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.#options.port;
  }

  /** Accept no more, and let go of those that have not said who they are. */
  stop(): void {
    if (this.#server.listening) this.#server.close();
    for (const greeting of this.#slots.connections()) greeting.destroy();
  }

  /** Fulfils when every connection is closed, the last of them by force after this time, ms. */
  async close(farewellMs: number): Promise<void> {
    this.stop();
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const late = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, farewellMs);
    await Promise.all(closed);
    clearTimeout(late);
  }

  async #listen(): Promise<void> {
    const { address, port, log } = this.#options;
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => reject(listenError(cause, 'tcp', address, port, 'link.tcp_port'));
      server.once('error', onError);
      server.listen({ host: address, port, exclusive: true }, () => {
        server.off('error', onError);
        resolve();
      });
    });
    // Running out of file descriptors, say: costs the connection that came, not the server.
    server.on('error', (error) => log.warn({ err: error }, 'link: cannot accept'));
  }

  #accept(socket: Socket): void {
    const { stats, log, handshakeTimeoutMs, onHello } = this.#options;
    const address = plainAddress(socket.remoteAddress);
    const key = keyOf(socket);
    this.#sockets.add(socket);
    stats.connections += 1;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      stats.connections -= 1;
    });
    const greeting = new Greeting({
      socket,
      timeoutMs: handshakeTimeoutMs(),
      onHello: (from, hello, secured) => {
        onHello(from, hello, secured, address).catch((error: unknown) => {
          log.error({ err: error }, 'link: a connection failed');
          from.destroy();
        });
      },
      onUnreadable: () => stats.drop('unreadable'),
      onFinished: (finished) => {
        this.#slots.release(finished);
        if (this.#greetings.get(key) === finished) this.#greetings.delete(key);
      },
    });
    this.#greetings.set(key, greeting);
    this.#slots.take(greeting, address);
  }

  #secured(socket: TLSSocket): void {
    const greeting = this.#greetings.get(keyOf(socket));
    if (greeting !== undefined && speaksLink(socket)) {
      greeting.secured(socket);
      return;
    }
    this.#options.stats.drop('unreadable');
    socket.on('error', () => {});
    socket.destroy();
    greeting?.destroy();
  }
}

/** The same of a TCP connection and of the TLS on it. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
