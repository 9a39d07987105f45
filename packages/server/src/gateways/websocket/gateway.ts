import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { KeyedBuckets } from '@confab/core';
import { encodeJsonError, JSON_LINE_BYTES_MAX, jsonErrorTexts } from '@confab/wire/json';
import { getRequestListener } from '@hono/node-server';
import { WebSocketServer } from 'ws';
import { hostPort, listenError, plainAddress } from '../../address.ts';
import { Metrics } from '../../metrics.ts';
import type { WireStats } from '../../stats.ts';
import { plainWriter } from '../../streams/writer.ts';
import { ConnectionSlots } from '../connection-slots.ts';
import type { Endpoint, Gateway, GatewayContext } from '../gateway.ts';
import { RoomList } from '../json-rooms.ts';
import { JsonSessions } from '../json-sessions.ts';
import { createApp } from './app.ts';
import { WebSocketConnection, WIRE } from './connection.ts';
import { frameFraming } from './frame.ts';
import { Hosts } from './hosts.ts';
import { Origins } from './origins.ts';

/** Silence after which the system asks whether the peer is still there, ms. */
const KEEP_ALIVE_MS = 30_000;
/** Most bytes of a request's head. */
const HEAD_BYTES_MAX = 16_384;
/** Requests on one connection; then it is closed. */
const CONNECTION_REQUESTS_MAX = 1000;
/** Refused WebSocket connections that are given time to read why; beyond it they are refused before they are one. */
const REFUSED_MAX = 256;
/** At shutdown: time for a peer to close, ms. */
const STOP_MS = 1000;
/** How often unfinished requests are looked for, ms. */
const CHECKING_INTERVAL_MS = 5000;
/** Shorter messages are not compressed, bytes. */
const COMPRESSION_BYTES_MIN = 1024;

/** HTTP and, at `/ws`, the JSON wire over WebSocket (docs/wires/websocket.md). */
export class WebSocketGateway implements Gateway {
  readonly #context: GatewayContext;
  readonly #stats: WireStats;
  readonly #rooms: RoomList;
  readonly #sessions: JsonSessions;
  readonly #hosts: Hosts;
  readonly #origins: Origins;
  readonly #requests: KeyedBuckets;
  readonly #metrics: Metrics | undefined;
  readonly #webSockets: WebSocketServer;
  /** TCP connections that are no WebSocket (yet). */
  readonly #plain: ConnectionSlots<Socket>;
  readonly #connections = new Set<WebSocketConnection>();
  readonly #refused = new Set<WebSocketConnection>();
  #server: Server | undefined;
  #probing: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(context: GatewayContext) {
    const { hub, config, stats, log } = context;
    const { http } = config;
    this.#context = context;
    this.#stats = stats.wire(WIRE);
    this.#rooms = new RoomList(hub);
    this.#sessions = new JsonSessions({
      hub,
      wire: WIRE,
      stats: this.#stats,
      log,
      rooms: this.#rooms,
      olderWires: config.olderWires,
      framing: frameFraming,
      historyMax: http.history,
      connectionsMax: http.maxConnections,
      addressConnectionsMax: http.addressConnectionsMax,
      idleConnectionsMax: http.idleConnectionsMax,
      writer: context.writer ?? plainWriter,
      tap: context.tap,
      joinTimeoutMs: http.joinTimeoutMs,
    });
    this.#hosts = new Hosts(http.hosts, config.host);
    this.#origins = new Origins(http.origins, this.#hosts);
    this.#requests = new KeyedBuckets(http.apiRequests, config.limits.addresses);
    this.#metrics = http.metrics ? new Metrics(hub, stats) : undefined;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: JSON_LINE_BYTES_MAX,
      perMessageDeflate: http.compression && { threshold: COMPRESSION_BYTES_MIN },
    });
    this.#plain = new ConnectionSlots(http.idleConnectionsMax, http.idleConnectionsMax, (socket) => {
      this.#stats.drop('limited');
      socket.destroy();
    });
  }

  async open(): Promise<Endpoint[]> {
    const { hub, address, config, log } = this.#context;
    const { http } = config;
    const app = createApp({
      hub,
      rooms: this.#rooms,
      origins: this.#origins,
      hosts: this.#hosts,
      metrics: this.#metrics,
      log,
      takesRequest: (peer) => this.#takesRequest(peer),
      isReady: () => !this.#isDraining,
    });
    const server = createServer(
      {
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        noDelay: true,
        maxHeaderSize: HEAD_BYTES_MAX,
        headersTimeout: http.requestTimeoutMs,
        requestTimeout: http.requestTimeoutMs,
        connectionsCheckingInterval: Math.min(http.requestTimeoutMs, CHECKING_INTERVAL_MS),
        // With that many bytes unsent a write says so, and 'drain' follows.
        highWaterMark: http.sendBufferBytes,
      },
      getRequestListener(app.fetch, { overrideGlobalObjects: false }),
    );
    server.maxRequestsPerSocket = CONNECTION_REQUESTS_MAX;
    server.on('connection', (socket: Socket) => {
      this.#plain.take(socket, plainAddress(socket.remoteAddress));
      socket.once('close', () => this.#plain.release(socket));
    });
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket as Socket, head));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port: http.tcpPort, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (cause) {
      throw listenError(cause, 'tcp', address, http.tcpPort, 'http.tcp_port');
    }
    server.on('error', (error) => log.warn({ err: error }, 'http: cannot accept'));
    this.#server = server;
    this.#probing = setInterval(() => {
      for (const connection of this.#connections) connection.probe();
    }, http.pingIntervalMs);
    const bound = server.address();
    return [
      {
        wire: 'HTTP',
        scheme: 'ws',
        protocol: 'tcp',
        address,
        port: typeof bound === 'object' && bound !== null ? bound.port : http.tcpPort,
        purpose: 'WebSocket, web page, API',
        isPlaintext: true,
        isAlternate: false,
      },
    ];
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    clearInterval(this.#probing);
    this.#server?.close();
    this.#server?.closeIdleConnections();
    for (const connection of this.#connections) connection.hold();
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await Promise.all([...this.#connections].map((connection) => connection.finish(STOP_MS)));
    this.#server?.closeAllConnections();
  }

  #takesRequest(address: string): boolean {
    if (this.#requests.take(address, this.#context.hub.clock.monotonicMs())) return true;
    this.#stats.drop('limited');
    return false;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const address = plainAddress(socket.remoteAddress);
    const { headers } = request;
    if (this.#isDraining) {
      refuse(socket, 503, 'SERVER_CLOSING', 'The server is shutting down');
    } else if (pathOf(request) !== '/ws') {
      refuse(socket, 404, 'NOT_FOUND', 'WebSocket is at /ws');
    } else if (!this.#origins.permits(headers.origin, headers.host)) {
      this.#stats.drop('refused');
      refuse(socket, 403, 'ORIGIN_REFUSED', 'Pages of this origin may not connect; see http.origins');
    } else if (!this.#sessions.hasRoomFor(address) && this.#refused.size >= REFUSED_MAX) {
      this.#stats.drop('limited');
      refuse(socket, 503, 'SERVER_BUSY', jsonErrorTexts.serverBusy);
    } else {
      this.#plain.release(socket);
      this.#accept(request, socket, head, address);
    }
  }

  #accept(request: IncomingMessage, socket: Socket, head: Buffer, address: string): void {
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WebSocketConnection({
        webSocket,
        socket,
        address,
        peer: hostPort(address, socket.remotePort ?? 0),
        sendBufferBytes: this.#context.config.http.sendBufferBytes,
        stats: this.#stats,
        tap: this.#context.tap,
        writer: this.#context.writer ?? plainWriter,
      });
      const keepIn = (set: Set<WebSocketConnection>): void => {
        set.add(connection);
        webSocket.once('close', () => set.delete(connection));
      };
      keepIn(this.#connections);
      if (this.#sessions.hasRoomFor(address)) {
        connection.start(this.#sessions);
        return;
      }
      this.#stats.drop('limited');
      keepIn(this.#refused);
      connection.end(encodeJsonError(jsonErrorTexts.serverBusy, this.#context.hub.position));
    });
  }
}

function pathOf({ url }: IncomingMessage): string | undefined {
  return URL.parse(url ?? '', 'http://localhost')?.pathname;
}

/** Answer an upgrade that is not granted; there is no response object for it. */
function refuse(socket: Socket, status: number, code: string, message: string): void {
  const body = JSON.stringify({ code, message });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'X-Content-Type-Options: nosniff',
      '',
      body,
    ].join('\r\n'),
  );
  // An upgraded socket is no longer under the HTTP server's time-outs.
  socket.destroySoon();
}
