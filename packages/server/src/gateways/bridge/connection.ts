import type { Socket } from 'node:net';
import type { CodecError } from '@confab/wire';
import { type BridgePacket, BridgeStreamDecoder, encodeBridgePacket } from '@confab/wire/bridge';
import type { WireStats } from '../../stats.ts';
import type { Tap } from '../../tap.ts';
import type { Source } from './source.ts';

/** Time for a client to take its answer and close, ms. */
const FAREWELL_MS = 5000;

export interface BridgeConnectionOptions {
  readonly socket: Socket;
  readonly source: Source;
  /** `ip:port`, for traces. */
  readonly peer: string;
  readonly requestTimeoutMs: number;
  readonly stats: WireStats;
  readonly tap: Tap;
  /** Its packet is whole. Without one: unreadable, or nothing at all was sent before the close. */
  readonly onPacket: (connection: BridgeConnection, packet: BridgePacket | undefined, error?: CodecError) => void;
  /** It is no longer unfinished: its packet is answered, it is kept for a reason, or it is closed. */
  readonly onFinished: (connection: BridgeConnection) => void;
}

/** One connection of TCP mode: one packet, its answer, close; unless it is held, or becomes one end of a relay. */
export class BridgeConnection {
  readonly source: Source;
  readonly #options: BridgeConnectionOptions;
  readonly #decoder = new BridgeStreamDecoder();
  #deadline: NodeJS.Timeout | undefined;
  #isReading = true;

  constructor(options: BridgeConnectionOptions) {
    this.#options = options;
    this.source = options.source;
    const { socket, requestTimeoutMs } = options;
    socket.setNoDelay(true);
    this.#deadline = setTimeout(() => this.destroy(), requestTimeoutMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    // A reset by a client that has read enough is normal; whatever else happens ends only this connection.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#isReading = false;
      clearTimeout(this.#deadline);
      options.onFinished(this);
      options.tap.end('bridge', options.peer);
    });
  }

  get socket(): Socket {
    return this.#options.socket;
  }

  /** Answer, then close. */
  answer(packet: BridgePacket): void {
    this.write(packet);
    this.end();
  }

  write(packet: BridgePacket): void {
    const { socket, stats, tap, peer } = this.#options;
    if (socket.destroyed) return;
    const bytes = encodeBridgePacket(packet, 'tcp');
    stats.sent += 1;
    stats.sentBytes += bytes.length;
    tap.watcher?.({ wire: 'bridge', direction: 'out', peer, bytes });
    socket.write(bytes);
  }

  /** Close, without losing what was written; what the peer still sends is thrown away. */
  end(): void {
    const { socket } = this.#options;
    this.#isReading = false;
    clearTimeout(this.#deadline);
    if (socket.destroyed) return;
    socket.resume();
    socket.end();
    this.#deadline = setTimeout(() => socket.destroy(), FAREWELL_MS);
  }

  /** Keep it open: it has said what it wants, and waits. */
  hold(): void {
    clearTimeout(this.#deadline);
    this.#options.onFinished(this);
  }

  /** Let go of the socket: what comes on it is somebody else's from now on. */
  release(): Socket {
    const { socket } = this.#options;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    this.hold();
    return socket;
  }

  destroy(): void {
    this.#options.socket.destroy();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const { tap, peer } = this.#options;
    if (!this.#isReading) return;
    tap.watcher?.({ wire: 'bridge', direction: 'in', peer, bytes: chunk });
    const { frames, error } = this.#decoder.push(chunk);
    if (frames[0] !== undefined || error !== undefined) this.#take(frames[0], error);
  };

  readonly #onEnd = (): void => {
    if (this.#isReading) {
      const { frames, error } = this.#decoder.end();
      if (frames[0] !== undefined || error !== undefined) this.#take(frames[0], error);
    }
    // Whoever has said all and was not answered gets nothing more.
    this.end();
  };

  #take(packet: BridgePacket | undefined, error: CodecError | undefined): void {
    this.#isReading = false;
    this.#options.stats.received += 1;
    this.#options.onPacket(this, packet, error);
  }
}
