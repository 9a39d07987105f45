import { createServer, type Server, type Socket } from 'node:net';
import { encodeJsonError, jsonErrorTexts } from '@confab/wire/json';
import { listenError, plainAddress } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { plainWriter } from '../../streams/writer.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { RoomList } from '../json-rooms.ts';
import { JsonSessions } from '../json-sessions.ts';
import { LinesConnection, type LinesShared, lineFraming, WIRE } from './connection.ts';

/** Silence after which the system asks whether the peer is still there, ms. */
const KEEP_ALIVE_MS = 30_000;
/** Refused connections that are given time to read why; beyond it they are closed at once. */
const REFUSED_MAX = 256;
/** At shutdown: time for a peer to take what it was told, ms. */
const STOP_MS = 1000;

/** JSON lines: chat over TCP, one JSON object a line (docs/wires/json-lines.md). */
export class JsonLinesGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #stats: WireStats;
  readonly #shared: LinesShared;
  readonly #sessions: JsonSessions;
  readonly #connections = new Set<LinesConnection>();
  /** Of these, those that are not served and are being told so. */
  readonly #refused = new Set<LinesConnection>();
  #server: Server | undefined;

  constructor(context: GatewayContext) {
    const { hub, config, stats, log } = context;
    this.#context = context;
    this.#stats = stats.wire(WIRE);
    this.#shared = {
      config: config.jsonLines,
      stats: this.#stats,
      tap: context.tap,
      writer: context.writer ?? plainWriter,
      onClosed: (connection) => {
        this.#connections.delete(connection);
        this.#refused.delete(connection);
      },
    };
    const { jsonLines } = config;
    this.#sessions = new JsonSessions({
      hub,
      wire: WIRE,
      stats: this.#stats,
      log,
      rooms: new RoomList(hub),
      olderWires: config.olderWires,
      framing: lineFraming,
      writer: this.#shared.writer,
      tap: context.tap,
      historyMax: jsonLines.history,
      connectionsMax: jsonLines.maxConnections,
      addressConnectionsMax: jsonLines.addressConnectionsMax,
      idleConnectionsMax: jsonLines.idleConnectionsMax,
      joinTimeoutMs: jsonLines.joinTimeoutMs,
    });
  }

  async open(): Promise<Endpoint[]> {
    const { address, config, log } = this.#context;
    const { tcpPort, sendBufferBytes } = config.jsonLines;
    const server = createServer(
      {
        // Who has said all may still be read to.
        allowHalfOpen: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        noDelay: true,
        // With that many bytes unsent a write says so, and 'drain' follows.
        highWaterMark: sendBufferBytes,
      },
      (socket) => this.#accept(socket),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port: tcpPort, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (cause) {
      throw listenError(cause, 'tcp', address, tcpPort, 'json_lines.tcp_port');
    }
    // Running out of file descriptors, say: costs the connection that came, not the server.
    server.on('error', (error) => log.warn({ err: error }, 'json-lines: cannot accept'));
    this.#server = server;
    const bound = server.address();
    return [
      {
        wire: 'JSON lines',
        scheme: 'jsonl',
        protocol: 'tcp',
        address,
        port: typeof bound === 'object' && bound !== null ? bound.port : tcpPort,
        purpose: 'chat, one JSON object a line',
        isPlaintext: true,
        isAlternate: false,
      },
    ];
  }

  async drain(): Promise<void> {
    this.#server?.close();
    for (const connection of this.#connections) connection.hold();
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await Promise.all([...this.#connections].map((connection) => connection.finish(STOP_MS)));
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const connection = new LinesConnection(socket, address, this.#shared);
    this.#connections.add(connection);
    if (this.#sessions.hasRoomFor(address)) {
      connection.start(this.#sessions);
      return;
    }
    this.#stats.drop('limited');
    if (this.#refused.size >= REFUSED_MAX) {
      socket.destroy();
      return;
    }
    this.#refused.add(connection);
    connection.end(encodeJsonError(jsonErrorTexts.serverBusy, this.#context.hub.position));
  }
}
