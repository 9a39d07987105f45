import type { Socket } from 'node:net';
import type { Config } from '@confab/config';
import { JsonRequestDecoder, type JsonRequestLine, jsonErrorTexts } from '@confab/wire/json';
import { hostPort } from '../../address.ts';
import type { WireStats } from '../../stats.ts';
import { NO_LANE, type StreamWriter } from '../../streams/writer.ts';
import type { Tap } from '../../tap.ts';
import { framed, type JsonFraming } from '../json-framing.ts';
import type { JsonInput } from '../json-input.ts';
import type { JsonSession } from '../json-session.ts';
import type { JsonSessions } from '../json-sessions.ts';
import type { JsonTransport } from '../json-transport.ts';

/** Time for the peer to take what was written last and close, ms. */
const FAREWELL_MS = 5000;

/** The wire's name in statistics and traces. */
export const WIRE = 'json-lines';

/** What all connections of a gateway share. */
export interface LinesShared {
  readonly config: Config['jsonLines'];
  readonly stats: WireStats;
  readonly tap: Tap;
  readonly writer: StreamWriter;
  /** The connection is gone. */
  readonly onClosed: (connection: LinesConnection) => void;
}

const LINE_FEED = 0x0a;

/** What stands for a JSON object on this wire: the text and a line feed. */
export const lineFraming: JsonFraming = {
  sizeOf: (textBytes) => textBytes + 1,
  open: (_into, at) => at,
  close: (into, at) => {
    into[at] = LINE_FEED;
    return at + 1;
  },
};

/**
 * One TCP connection: bytes to requests, and what the session says to lines. A server holds many that say nothing, so
 * handlers, options and what is seldom needed are not made for each of them.
 */
export class LinesConnection implements JsonTransport {
  /** IP address of the peer. */
  readonly address: string;
  readonly #shared: LinesShared;
  readonly #socket: LinkedSocket;
  readonly #decoder = new JsonRequestDecoder();
  /** What the writer knows the socket by. */
  #lane: number;
  #session: JsonSession | undefined;
  /** Runs while an unfinished line is held. */
  #deadline: NodeJS.Timeout | undefined;
  /** Whether the socket's time-out runs: since something had to wait that the peer did not take. */
  #isTimed = false;
  #isHeld = false;
  #isOver = false;

  constructor(socket: Socket, address: string, shared: LinesShared) {
    this.address = address;
    this.#shared = shared;
    this.#socket = socket;
    this.#lane = shared.writer.open(socket);
    this.#socket[CONNECTION] = this;
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get lane(): number {
    return this.#lane;
  }

  /** Greet the peer and listen to it. */
  start(sessions: JsonSessions): void {
    this.#session = sessions.open(this);
    const socket = this.#socket;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
  }

  /** The socket has closed. */
  closed(): void {
    clearTimeout(this.#deadline);
    this.#session?.closed();
    const { tap, writer, onClosed } = this.#shared;
    writer.close(this.#socket, this.#lane);
    this.#lane = NO_LANE;
    if (tap.watcher !== undefined) tap.end(WIRE, this.#peer);
    onClosed(this);
  }

  /** The peer says this. */
  hear(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#shared.tap.watcher?.({ wire: WIRE, direction: 'in', peer: this.#peer, bytes: chunk });
    const { frames } = this.#decoder.push(chunk);
    this.#watchUnfinished(frames.length > 0);
    this.#session?.receive(frames.map(inputOf));
  }

  /** The peer says nothing more. */
  heardAll(): void {
    clearTimeout(this.#deadline);
    if (this.#isOver) return;
    this.#session?.receive(this.#decoder.end().frames.map(inputOf));
    this.#session?.endInput();
  }

  /** The peer has taken what waited. */
  drained(): void {
    this.#session?.drained();
    this.regulate();
  }

  /** Stop reading; what was read is still answered. */
  hold(): void {
    this.#isHeld = true;
    clearTimeout(this.#deadline);
    this.regulate();
  }

  send(text: string): void {
    this.write(framed(lineFraming, text));
  }

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (this.#isOver || !socket.writable) return true;
    const { stats, tap, writer } = this.#shared;
    stats.sent += 1;
    stats.sentBytes += bytes.length;
    tap.watcher?.({ wire: WIRE, direction: 'out', peer: this.#peer, bytes });
    return this.#wrote(writer.write(socket, this.#lane, bytes));
  }

  writeRest(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    // Also of one that is just being ended: a line that has begun must end.
    if (!socket.writable) return true;
    return this.#wrote(socket.write(bytes));
  }

  together(task: () => void): void {
    this.#shared.writer.together(this.#socket, this.#lane, task);
  }

  regulate(): void {
    const socket = this.#socket;
    if (this.#isOver) return;
    if (this.#isHeld || this.#session?.isBusy === true || socket.writableNeedDrain) socket.pause();
    else socket.resume();
  }

  end(text?: string): void {
    if (this.#isOver) return;
    if (text !== undefined) this.send(text);
    this.#isOver = true;
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    // Left while it was told to go: its "close" has come, and a time-out would only hold up the end of the process.
    if (socket.closed) return;
    socket.end();
    // What still comes is thrown away: unread, it would turn our end into a reset, and the last words be lost.
    socket.resume();
    const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => clearTimeout(farewell));
  }

  /** Fulfils when the connection is gone: at once when all has gone out, or when the peer has not taken it in time. */
  async finish(limitMs: number): Promise<void> {
    const socket = this.#socket;
    if (socket.closed) return;
    this.end();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const limit = setTimeout(() => socket.destroy(), limitMs);
    if (socket.writableFinished) socket.destroy();
    else socket.once('finish', () => socket.destroy());
    await closed;
    clearTimeout(limit);
  }

  /** The peer's address and port. */
  get #peer(): string {
    return hostPort(this.address, this.#socket.remotePort ?? 0);
  }

  #wrote(hasRoom: boolean): boolean {
    if (!this.#isTimed && this.#socket.writableLength > 0) this.#watchUnsent();
    return hasRoom;
  }

  /** Nothing read, nothing written and nothing taken by the peer for so long, while there is something to take. */
  #watchUnsent(): void {
    const socket = this.#socket;
    this.#isTimed = true;
    socket.setTimeout(this.#shared.config.stalledTimeoutMs);
    socket.once('timeout', () => {
      this.#isTimed = false;
      socket.setTimeout(0);
      if (socket.writableLength === 0) return;
      this.#shared.stats.drop('unsent');
      socket.destroy();
    });
  }

  /** A line that has begun must end in time. */
  #watchUnfinished(hasFinishedOne: boolean): void {
    const isUnfinished = this.#decoder.bufferedBytes > 0;
    if (isUnfinished && !hasFinishedOne && this.#deadline !== undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    if (!isUnfinished) return;
    this.#deadline = setTimeout(() => {
      this.#shared.stats.drop('unreadable');
      this.#session?.dismiss(jsonErrorTexts.timedOut);
    }, this.#shared.config.requestTimeoutMs);
  }
}

/** The connection of a socket, for handlers that all sockets share. */
const CONNECTION = Symbol('connection');
interface LinkedSocket extends Socket {
  [CONNECTION]?: LinesConnection;
}

/** Whatever happens to the socket ends only this connection. */
function onError(this: LinkedSocket): void {
  this.destroy();
}

function onClose(this: LinkedSocket): void {
  this[CONNECTION]?.closed();
}

function onData(this: LinkedSocket, chunk: Buffer): void {
  this[CONNECTION]?.hear(chunk);
}

function onEnd(this: LinkedSocket): void {
  this[CONNECTION]?.heardAll();
}

function onDrain(this: LinkedSocket): void {
  this[CONNECTION]?.drained();
}

function inputOf(line: JsonRequestLine): JsonInput {
  switch (line.kind) {
    case 'messages':
      return line;
    case 'line':
      return { kind: 'request', text: line.text };
    case 'too-long':
      return { kind: 'refused', text: jsonErrorTexts.tooLong };
    case 'bad-utf8':
      return { kind: 'refused', text: jsonErrorTexts.invalidUtf8 };
  }
}
