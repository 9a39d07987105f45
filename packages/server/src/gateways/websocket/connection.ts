import type { Socket } from 'node:net';
import { jsonErrorTexts, plainMessageOf } from '@confab/wire/json';
import type { WebSocket } from 'ws';
import type { WireStats } from '../../stats.ts';
import { NO_LANE, type StreamWriter } from '../../streams/writer.ts';
import type { Tap } from '../../tap.ts';
import type { JsonInput } from '../json-input.ts';
import type { JsonSession } from '../json-session.ts';
import type { JsonSessions } from '../json-sessions.ts';
import type { JsonTransport } from '../json-transport.ts';
import { frameOf, payloadsOf } from './frame.ts';

/** Time for the peer to take what was written last and close, ms. */
const FAREWELL_MS = 5000;

/** Close code "try again later" (IANA's registry of RFC 6455 §11.7): we have said why. */
const CLOSE_LATER = 1013;
/** Close code "normal closure" (RFC 6455 §7.4.1). */
const CLOSE_NORMAL = 1000;

/** The wire's name in statistics and traces. */
export const WIRE = 'websocket';

export interface WebSocketConnectionOptions {
  readonly webSocket: WebSocket;
  /** The socket under it. */
  readonly socket: Socket;
  /** The peer's IP address … */
  readonly address: string;
  /** … and with its port, `ip:port`. */
  readonly peer: string;
  /** Unsent bytes at which nothing more is written. */
  readonly sendBufferBytes: number;
  readonly stats: WireStats;
  readonly tap: Tap;
  readonly writer: StreamWriter;
}

/** One WebSocket connection: text frames to requests, and what the session says to text frames. */
export class WebSocketConnection implements JsonTransport {
  readonly address: string;
  readonly #options: WebSocketConnectionOptions;
  /** With compression the library must see every frame, for it compresses them one after the other, in its own time. */
  readonly #isCompressed: boolean;
  /** What the writer knows the socket by. */
  #lane: number;
  #session: JsonSession | undefined;
  /** What came and has not been handed to the session; it is, before anything else happens. */
  #inputs: JsonInput[] = [];
  /** The messages at the end of it. */
  #bodies: Uint8Array[] | undefined;
  #isHeld = false;
  #isOver = false;
  /** Whether anything came since the last probe … */
  #isHeard = true;
  /** … and what was there to be sent at that time, and had been. */
  #backlog = 0;
  #sentBytes = 0;

  constructor(options: WebSocketConnectionOptions) {
    this.address = options.address;
    this.#options = options;
    const { webSocket, socket, stats, writer } = options;
    this.#isCompressed = webSocket.extensions !== '';
    this.#lane = this.#isCompressed ? NO_LANE : writer.open(socket);
    webSocket.on('close', () => {
      this.#session?.closed();
      writer.close(socket, this.#lane);
      this.#lane = NO_LANE;
      options.tap.end(WIRE, options.peer);
    });
    // A frame that the protocol does not know, or one that is too long: the library has closed the connection.
    webSocket.on('error', () => stats.drop('unreadable'));
  }

  get lane(): number {
    return this.#lane;
  }

  /** Greet the peer and listen to it. */
  start(sessions: JsonSessions): void {
    const session = sessions.open(this);
    this.#session = session;
    const { webSocket, socket, tap, peer } = this.#options;
    webSocket.on('message', (data: Buffer, isBinary) => {
      this.#isHeard = true;
      if (this.#isOver) return;
      tap.watcher?.({ wire: WIRE, direction: 'in', peer, bytes: data });
      // What one read brought comes in one go, and is then said in one go.
      if (this.#inputs.length === 0) queueMicrotask(() => this.#receive());
      this.#takeFrame(data, isBinary);
    });
    const hear = (): void => {
      this.#isHeard = true;
    };
    webSocket.on('ping', hear);
    webSocket.on('pong', hear);
    socket.on('drain', () => this.#drained());
  }

  /** Stop reading; what was read is still answered. */
  hold(): void {
    this.#isHeld = true;
    this.regulate();
  }

  /** Ask whether the peer is still there. One that was asked before and has neither answered nor taken anything is not. */
  probe(): void {
    const { webSocket, socket, stats } = this.#options;
    const sentBytes = socket.bytesWritten - socket.writableLength;
    const isReading = this.#backlog > 0 && sentBytes > this.#sentBytes;
    // While we do not read, for a reason of our own, its answer cannot be heard.
    const isUnheard = this.#isHeld || this.#session?.isBusy === true;
    if (!this.#isHeard && !isReading && !isUnheard) {
      stats.drop('unsent');
      webSocket.terminate();
      return;
    }
    this.#isHeard = false;
    this.#backlog = webSocket.bufferedAmount;
    this.#sentBytes = sentBytes;
    if (!this.#isOver) webSocket.ping();
  }

  send(text: string): void {
    this.write(frameOf(text));
  }

  write(bytes: Uint8Array): boolean {
    const { webSocket, socket, stats, tap, peer, writer } = this.#options;
    if (this.#isOver || webSocket.readyState !== webSocket.OPEN) return true;
    stats.sent += 1;
    stats.sentBytes += bytes.length;
    if (tap.watcher !== undefined) {
      for (const payload of payloadsOf(bytes)) tap.watcher({ wire: WIRE, direction: 'out', peer, bytes: payload });
    }
    return this.#isCompressed ? this.#compress(bytes) : writer.write(socket, this.#lane, bytes);
  }

  writeRest(bytes: Uint8Array): boolean {
    const { socket } = this.#options;
    return !socket.writable || socket.write(bytes);
  }

  together(task: () => void): void {
    const { socket, writer } = this.#options;
    writer.together(socket, this.#lane, task);
  }

  regulate(): void {
    const { webSocket, socket } = this.#options;
    if (this.#isOver) return;
    const isFull = this.#isCompressed ? !this.#hasSpace : socket.writableNeedDrain;
    if (this.#isHeld || this.#session?.isBusy === true || isFull) webSocket.pause();
    else webSocket.resume();
  }

  end(text?: string): void {
    if (this.#isOver) return;
    if (text !== undefined) this.send(text);
    this.#isOver = true;
    const { webSocket } = this.#options;
    // Left while it was told to go: its "close" has come, and a time-out would only hold up the end of the process.
    if (webSocket.readyState === webSocket.CLOSED) return;
    webSocket.close(text === undefined ? CLOSE_NORMAL : CLOSE_LATER);
    // Its own close frame is awaited.
    webSocket.resume();
    const farewell = setTimeout(() => webSocket.terminate(), FAREWELL_MS);
    webSocket.once('close', () => clearTimeout(farewell));
  }

  /** Fulfils when the connection is gone: when the peer has closed it, too, or has not done so in time. */
  async finish(limitMs: number): Promise<void> {
    const { webSocket } = this.#options;
    if (webSocket.readyState === webSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
    this.end();
    const limit = setTimeout(() => webSocket.terminate(), limitMs);
    await closed;
    clearTimeout(limit);
  }

  get #hasSpace(): boolean {
    return this.#options.webSocket.bufferedAmount < this.#options.sendBufferBytes;
  }

  #receive(): void {
    const inputs = this.#inputs;
    this.#inputs = [];
    this.#bodies = undefined;
    if (!this.#isOver) this.#session?.receive(inputs);
  }

  #takeFrame(data: Buffer, isBinary: boolean): void {
    const inputs = this.#inputs;
    const body = isBinary ? undefined : plainMessageOf(data);
    if (body !== undefined) {
      if (this.#bodies === undefined) {
        this.#bodies = [];
        inputs.push({ kind: 'messages', bodies: this.#bodies });
      }
      this.#bodies.push(body);
      return;
    }
    this.#bodies = undefined;
    if (isBinary) inputs.push({ kind: 'refused', text: jsonErrorTexts.binaryFrame });
    else inputs.push({ kind: 'request', text: data.toString() });
  }

  #compress(bytes: Uint8Array): boolean {
    const { webSocket } = this.#options;
    for (const payload of payloadsOf(bytes)) webSocket.send(payload, { binary: false }, () => this.#drained());
    return this.#hasSpace;
  }

  #drained(): void {
    if (this.#isCompressed && !this.#hasSpace) return;
    this.#session?.drained();
    this.regulate();
  }
}
