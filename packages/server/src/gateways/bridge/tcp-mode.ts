import type { Socket } from 'node:net';
import type { BridgePacket } from '@confab/wire/bridge';
import { hostPort, plainAddress } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { ConnectionSlots } from '../connection-slots.ts';
import type { GatewayContext } from '../gateway.ts';
import { BridgeConnection } from './connection.ts';
import type { BridgeDesk } from './desk.ts';
import type { Pair } from './pairs.ts';
import { RelayPipe } from './relay-pipe.ts';
import { hostKey } from './source.ts';
import { WIRE } from './udp-mode.ts';

/** A client that waits to be found is answered after so long at the latest, and asks again. ms */
const HOLD_MS = 60_000;

/** One of a pair that has asked for the relay and waits for the other. */
interface RelayWaiter {
  readonly connection: BridgeConnection;
  readonly side: 0 | 1;
  readonly timer: NodeJS.Timeout;
}

/** TCP mode: a connection for each packet; some are held until there is an answer, some become a relay. */
export class TcpMode {
  readonly #context: GatewayContext;
  readonly #desk: BridgeDesk;
  readonly #stats: WireStats;
  readonly #sockets = new Set<Socket>();
  readonly #slots: ConnectionSlots<BridgeConnection>;
  /** By client id. */
  readonly #held = new Map<string, { readonly connection: BridgeConnection; readonly timer: NodeJS.Timeout }>();
  /** By pair. */
  readonly #waiters = new Map<string, RelayWaiter>();
  readonly #pipes = new Map<string, RelayPipe>();

  constructor(context: GatewayContext, desk: BridgeDesk) {
    this.#context = context;
    this.#desk = desk;
    this.#stats = context.stats.wire(WIRE);
    const { connectionsMax, addressConnectionsMax } = context.config.bridge;
    this.#slots = new ConnectionSlots(connectionsMax, addressConnectionsMax, (connection) => {
      this.#stats.drop('limited');
      connection.destroy();
    });
  }

  accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#stats.connections += 1;
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#stats.connections -= 1;
    });
    const { config, stats, tap } = this.#context;
    const source = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const connection = new BridgeConnection({
      socket,
      source,
      peer: hostPort(source.address, source.port),
      requestTimeoutMs: config.bridge.requestTimeoutMs,
      stats: stats.wire(WIRE),
      tap,
      onPacket: (from, packet) => this.#receive(from, packet),
      onFinished: (finished) => this.#slots.release(finished),
    });
    this.#slots.take(connection, source.address);
    if (this.#desk.counts.isBanned(this.#nowMs(), hostKey(source))) {
      this.#stats.drop('ignored');
      connection.end();
    }
  }

  /** Whoever has not said all that it wants, or waits, gets nothing more. */
  drain(): void {
    for (const connection of this.#slots.connections()) connection.destroy();
    for (const { connection } of this.#held.values()) connection.destroy();
    for (const { connection } of this.#waiters.values()) connection.destroy();
  }

  close(): void {
    for (const pipe of this.#pipes.values()) pipe.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #receive(connection: BridgeConnection, packet: BridgePacket | undefined): void {
    const { source } = connection;
    const nowMs = this.#nowMs();
    if (this.#desk.admit(nowMs, packet, source, 0) === undefined) {
      this.#stats.drop('ignored');
      connection.end();
      return;
    }
    if (packet === undefined) {
      // Counted by the desk, which bans an address that goes on. Not a fault of it beside that: here one is known by its IP
      // address alone, as are those behind it whose passwords are checked when they join a room.
      this.#stats.drop('unreadable');
      connection.end();
      return;
    }
    const outcome = this.#desk.handle(nowMs, packet, source);
    switch (outcome.kind) {
      case 'answer': {
        connection.answer(outcome.packet);
        const { notice } = outcome;
        if (notice !== undefined) this.#release(notice.to.clientId)?.answer(notice.packet);
        return;
      }
      case 'hold':
        this.#hold(outcome.clientId, connection, outcome.otherwise);
        return;
      case 'relay':
        this.#relay(outcome.pair, outcome.side, connection);
        return;
      case 'drop':
        this.#stats.drop(outcome.reason);
        connection.end();
        return;
      case 'done':
        connection.end();
    }
  }

  #hold(clientId: string, connection: BridgeConnection, otherwise: BridgePacket): void {
    this.#release(clientId)?.end();
    const timer = setTimeout(() => this.#release(clientId)?.answer(otherwise), HOLD_MS);
    this.#held.set(clientId, { connection, timer });
    connection.socket.once('close', () => {
      if (this.#held.get(clientId)?.connection === connection) this.#release(clientId);
    });
    connection.hold();
  }

  #release(clientId: string): BridgeConnection | undefined {
    const held = this.#held.get(clientId);
    if (held === undefined) return undefined;
    clearTimeout(held.timer);
    this.#held.delete(clientId);
    return held.connection;
  }

  #relay(pair: Pair, side: 0 | 1, connection: BridgeConnection): void {
    const first = this.#takeWaiter(pair.id);
    if (first === undefined || first.side === side || first.connection.socket.destroyed) {
      first?.connection.end();
      const timer = setTimeout(
        () => this.#takeWaiter(pair.id)?.connection.end(),
        this.#context.config.bridge.requestTimeoutMs,
      );
      this.#waiters.set(pair.id, { connection, side, timer });
      connection.socket.once('close', () => {
        if (this.#waiters.get(pair.id)?.connection === connection) this.#takeWaiter(pair.id);
      });
      connection.hold();
      return;
    }
    this.#pipes.get(pair.id)?.close();
    for (const end of [first.connection, connection]) end.write({ type: 'RELAYACK' });
    const { relayBytesPerSecond, relayTimeoutMs } = this.#context.config.bridge;
    const pipe = new RelayPipe({
      ends: [first.connection.release(), connection.release()],
      bucket: pair.bucket,
      bytesPerSecond: relayBytesPerSecond,
      timeoutMs: relayTimeoutMs,
      nowMs: () => this.#nowMs(),
      onPassed: (bytes) => {
        this.#stats.deliveries += 1;
        this.#stats.sentBytes += bytes;
        this.#desk.pairs.use(this.#nowMs(), pair.id);
      },
      onClosed: () => {
        if (this.#pipes.get(pair.id) === pipe) this.#pipes.delete(pair.id);
      },
    });
    this.#pipes.set(pair.id, pipe);
  }

  #takeWaiter(pairId: string): RelayWaiter | undefined {
    const waiter = this.#waiters.get(pairId);
    if (waiter === undefined) return undefined;
    clearTimeout(waiter.timer);
    this.#waiters.delete(pairId);
    return waiter;
  }

  #nowMs(): number {
    return this.#context.hub.clock.monotonicMs();
  }
}
