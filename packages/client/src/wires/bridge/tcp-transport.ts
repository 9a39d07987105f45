import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type BridgePacket, BridgeStreamDecoder, encodeBridgePacket } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { dialSocket } from './dial.ts';
import type { PathKind } from './peer-link.ts';
import { PeerStream } from './peer-stream.ts';
import { type AskOptions, type BridgeTransport, RELAY_PATH, type TransportHandlers } from './transport.ts';

/** Peers, or those who claim to be, connected at the same time; beyond it the oldest that is not in use goes. */
const STREAMS_MAX = 32;
/** Time for the server to read what has no answer, ms. */
const TELL_TIMEOUT_MS = 2000;

export interface TcpTransportOptions {
  readonly serverAddress: string;
  readonly serverPort: number;
  /** Where to listen for peers. */
  readonly listenHost: string | undefined;
  readonly listenPort: number;
  /** What peers are told to connect to. */
  readonly ip: string;
  readonly handlers: TransportHandlers;
}

/** TCP mode: a connection for each packet to the server; peers connect to each other's listeners. */
export class TcpTransport implements BridgeTransport {
  readonly mode = 'tcp';
  readonly ip: string;
  readonly port: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly #handlers: TransportHandlers;
  readonly #listener: Server;
  readonly #streams = new Map<string, PeerStream>();
  readonly #asking = new Set<Socket>();
  #count = 0;

  /** @throws {ClientError} CONNECT_FAILED: it cannot listen */
  static async open(options: TcpTransportOptions): Promise<TcpTransport> {
    const { listenHost, listenPort, serverAddress } = options;
    const host = listenHost ?? (isIPv6(serverAddress) ? '::' : '0.0.0.0');
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (cause) => {
        reject(
          new ClientError('CONNECT_FAILED', `Cannot listen on ${host} port ${listenPort}: ${cause.message}`, { cause }),
        );
      });
      listener.listen({ host, port: listenPort }, () => {
        listener.removeAllListeners('error');
        resolve();
      });
    });
    return new TcpTransport(options, listener);
  }

  private constructor(options: TcpTransportOptions, listener: Server) {
    this.#handlers = options.handlers;
    this.#listener = listener;
    this.ip = options.ip;
    this.serverAddress = options.serverAddress;
    this.serverPort = options.serverPort;
    const bound = listener.address();
    this.port = typeof bound === 'object' && bound !== null ? bound.port : options.listenPort;
    // Running out of file descriptors, say: costs the connection that came.
    listener.on('error', () => {});
    listener.on('connection', (socket) => this.#adopt(this.#newPath(), socket, 'direct'));
  }

  async ask(packet: BridgePacket, { timeoutMs, signal }: AskOptions): Promise<BridgePacket | undefined> {
    const socket = await this.#connectToServer(timeoutMs, signal);
    this.#asking.add(socket);
    const stop =
      signal === undefined ? AbortSignal.timeout(timeoutMs) : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const abort = (): void => void socket.destroy();
    stop.addEventListener('abort', abort, { once: true });
    try {
      socket.write(encodeBridgePacket(packet, 'tcp'));
      const answer = await readPacket(socket);
      signal?.throwIfAborted();
      return answer;
    } finally {
      stop.removeEventListener('abort', abort);
      this.#asking.delete(socket);
      socket.destroy();
    }
  }

  async tell(packet: BridgePacket): Promise<void> {
    try {
      const socket = await this.#connectToServer(TELL_TIMEOUT_MS, undefined);
      socket.setTimeout(TELL_TIMEOUT_MS, () => socket.destroy());
      socket.resume();
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        // The close ends the packet.
        socket.end(encodeBridgePacket(packet, 'tcp'));
      });
    } catch {
      // The server will forget us by itself.
    }
  }

  async dial(ip: string, port: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<string> {
    const socket = await dialSocket({ host: ip, port, ...options });
    const path = this.#newPath();
    this.#adopt(path, socket, 'direct');
    return path;
  }

  async openRelay(request: BridgePacket, { timeoutMs }: { timeoutMs: number }): Promise<string | undefined> {
    let socket: Socket | undefined;
    try {
      socket = await this.#connectToServer(timeoutMs, undefined);
      this.#asking.add(socket);
      socket.setTimeout(timeoutMs, () => socket?.destroy());
      socket.write(encodeBridgePacket(request, 'tcp'));
      const answer = await readPacket(socket);
      if (answer?.type !== 'RELAYACK') {
        socket.destroy();
        return undefined;
      }
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      this.#streams.get(RELAY_PATH)?.close();
      this.#adopt(RELAY_PATH, socket, 'relay');
      return RELAY_PATH;
    } catch {
      socket?.destroy();
      return undefined;
    } finally {
      if (socket !== undefined) this.#asking.delete(socket);
    }
  }

  send(path: string, bytes: Uint8Array): void {
    this.#streams.get(path)?.write(bytes);
  }

  describe(path: string): string {
    return this.#streams.get(path)?.peer ?? '';
  }

  closePath(path: string): void {
    this.#streams.get(path)?.close();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#asking) socket.destroy();
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
    await closed;
  }

  #newPath(): string {
    this.#count += 1;
    return `tcp#${this.#count}`;
  }

  #adopt(path: string, socket: Socket, kind: PathKind): void {
    if (this.#streams.size >= STREAMS_MAX) {
      const idle = [...this.#streams.values()].find((stream) => !stream.isInUse);
      if (idle === undefined) {
        socket.destroy();
        return;
      }
      idle.destroy();
    }
    const stream = new PeerStream(socket, {
      onPlain: (packet) => this.#handlers.onPlain(path, packet),
      onSealed: (frame) => this.#handlers.onSealed(path, kind, frame),
      onClosed: () => {
        if (this.#streams.get(path) === stream) this.#streams.delete(path);
        this.#handlers.onPathClosed(path);
      },
    });
    this.#streams.set(path, stream);
  }

  #connectToServer(timeoutMs: number, signal: AbortSignal | undefined): Promise<Socket> {
    return dialSocket({ host: this.serverAddress, port: this.serverPort, timeoutMs, signal });
  }
}

/**
 * The first packet on a connection; undefined: it was closed without one, or what came is none. What follows the packet is
 * left in the socket, which is paused.
 */
export function readPacket(socket: Socket): Promise<BridgePacket | undefined> {
  const decoder = new BridgeStreamDecoder();
  return new Promise((resolve) => {
    const settle = (packet: BridgePacket | undefined): void => {
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      socket.pause();
      resolve(packet);
    };
    const onData = (chunk: Uint8Array): void => {
      // By the byte, to know where the packet ends.
      for (let at = 0; at < chunk.length; at += 1) {
        const { frames, error } = decoder.push(chunk.subarray(at, at + 1));
        if (frames[0] === undefined && error === undefined) continue;
        settle(frames[0]);
        if (at + 1 < chunk.length) socket.unshift(chunk.subarray(at + 1));
        return;
      }
    };
    const onEnd = (): void => settle(decoder.end().frames[0]);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
  });
}
