import { randomBytes } from 'node:crypto';
import type { Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import type { BridgeMode } from '@confab/wire/bridge';
import { listenError } from '../../address.ts';
import { closeDatagramSocket, openDatagramSocket } from '../../datagrams/open.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { BridgeDesk } from './desk.ts';
import { TcpMode } from './tcp-mode.ts';
import { UdpMode } from './udp-mode.ts';

/** Times that the system is asked for a UDP port of which the TCP port is not ours. */
const PORT_ATTEMPTS = 8;

/** Bridge: rendezvous for direct chat (docs/wires/bridge.md), TCP mode and UDP mode, each with clients of its own. */
export class BridgeGateway implements Gateway {
  readonly #context: GatewayContext;
  #server: Server | undefined;
  #socket: DatagramSocket | undefined;
  #tcpMode: TcpMode | undefined;
  #isDraining = false;

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  async open(): Promise<Endpoint[]> {
    const { address, log, config } = this.#context;
    try {
      const tcpPort = await this.#openTcp();
      const udpPort = await this.#openUdp(tcpPort);
      if (tcpPort === udpPort) {
        log.warn(
          `bridge.udp_port and bridge.tcp_port are both ${udpPort}: clients find TCP mode there and never UDP mode; set one to another port`,
        );
      }
      const common = { wire: 'Bridge', scheme: 'bridge', address, isPlaintext: true, isAlternate: false } as const;
      const purpose = (mode: string): string =>
        `rendezvous, ${mode} mode${config.bridge.relay ? ', and relay between Confab clients' : ''}`;
      return [
        { ...common, protocol: 'tcp', port: tcpPort, purpose: purpose('TCP') },
        { ...common, protocol: 'udp', port: udpPort, purpose: purpose('UDP') },
      ];
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#server?.close();
    this.#tcpMode?.drain();
    this.#socket?.removeAllListeners('message');
  }

  async close(): Promise<void> {
    this.#tcpMode?.close();
    const server = this.#server;
    this.#server = undefined;
    if (server?.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    if (this.#socket !== undefined) await closeDatagramSocket(this.#socket);
    this.#socket = undefined;
  }

  #desk(mode: BridgeMode): BridgeDesk {
    const { config, hub } = this.#context;
    return new BridgeDesk({ mode, config: config.bridge, addressesMax: hub.limits.addressesMax, randomBytes });
  }

  async #openTcp(): Promise<number> {
    const { address, config, log } = this.#context;
    const { tcpPort } = config.bridge;
    const mode = new TcpMode(this.#context, this.#desk('tcp'));
    const server = createServer({ allowHalfOpen: true, keepAlive: true }, (socket) => {
      if (this.#isDraining) socket.destroy();
      else mode.accept(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(listenError(cause, 'tcp', address, tcpPort, 'bridge.tcp_port')));
      server.listen({ host: address, port: tcpPort, exclusive: true }, () => {
        server.removeAllListeners('error');
        resolve();
      });
    });
    // Running out of file descriptors, say: costs the connection that came, not the server.
    server.on('error', (error) => log.warn({ err: error }, 'bridge: cannot accept'));
    this.#server = server;
    this.#tcpMode = mode;
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : tcpPort;
  }

  async #openUdp(tcpPort: number): Promise<number> {
    const { address, config, log } = this.#context;
    const { udpPort, receiveBufferBytes } = config.bridge;
    const options = { address, port: udpPort, portKey: 'bridge.udp_port', receiveBufferBytes };
    let socket = await openDatagramSocket(options);
    // Clients look for TCP mode first: a port that the system chooses must not be the one of TCP mode.
    for (let attempt = 1; udpPort === 0 && socket.address().port === tcpPort && attempt < PORT_ATTEMPTS; attempt += 1) {
      await closeDatagramSocket(socket);
      socket = await openDatagramSocket(options);
    }
    socket.on('error', (error) => log.warn({ err: error }, 'bridge: socket error'));
    new UdpMode(this.#context, this.#desk('udp'), socket);
    this.#socket = socket;
    return socket.address().port;
  }
}
