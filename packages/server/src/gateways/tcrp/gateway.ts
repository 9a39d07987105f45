import { createServer, type Server, type Socket } from 'node:net';
import { hostPort, listenError, plainAddress } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { ConnectionSlots } from '../connection-slots.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { hybridPairs } from '../hybrid-pairs.ts';
import { TcrpConnection } from './connection.ts';

/** TCRP: rooms over TCP (docs/wires/tcrp.md). */
export class TcrpGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  readonly #stats: WireStats;
  readonly #slots: ConnectionSlots<TcrpConnection>;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#stats = context.stats.wire('tcrp');
    const { connectionsMax, addressConnectionsMax } = context.config.hybrid;
    this.#slots = new ConnectionSlots(connectionsMax, addressConnectionsMax, (connection) => {
      this.#stats.drop('limited');
      connection.destroy();
    });
  }

  async open(): Promise<Endpoint[]> {
    const endpoints: Endpoint[] = [];
    const { address, config, log } = this.#context;
    for (const pair of hybridPairs(config.hybrid)) {
      try {
        const port = await this.#listen(address, pair.tcpPort);
        endpoints.push({
          wire: 'TCRP',
          scheme: 'ucrp',
          protocol: 'tcp',
          address,
          port,
          purpose: 'create and join rooms',
          isPlaintext: true,
          isAlternate: pair.isAlternate,
        });
      } catch (cause) {
        const error = listenError(cause, 'tcp', address, pair.tcpPort, pair.tcpKey);
        if (!pair.isOptional) {
          await this.close();
          throw error;
        }
        log.warn(`${error.message}; programs that look there will not find this server`);
      }
    }
    return endpoints;
  }

  async drain(): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const connection of this.#slots.connections()) connection.destroy();
  }

  async close(): Promise<void> {
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
    );
    for (const socket of this.#connections) socket.destroy();
    await Promise.all(closed);
  }

  async #listen(address: string, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, keepAlive: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, exclusive: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    // Running out of file descriptors, say: costs the connection that came, not the server.
    server.on('error', (error) => this.#context.log.warn({ err: error }, 'tcrp: cannot accept'));
    this.#servers.push(server);
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    this.#stats.connections += 1;
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#stats.connections -= 1;
    });
    const { hub, config, log } = this.#context;
    const address = plainAddress(socket.remoteAddress);
    const connection = new TcrpConnection({
      socket,
      address,
      hub,
      peer: hostPort(address, socket.remotePort ?? 0),
      config: config.hybrid,
      log,
      stats: this.#stats,
      tap: this.#context.tap,
      onFinished: (finished) => this.#slots.release(finished),
    });
    this.#slots.take(connection, address);
  }
}
