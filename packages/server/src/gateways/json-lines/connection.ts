import type { Socket } from 'node:net';
import type { Config } from '@confab/config';
import { type JsonLine, JsonLineDecoder, jsonErrorTexts } from '@confab/wire/json';
import type { WireStats } from '../../stats.ts';
import type { StreamWriter } from '../../streams/writer.ts';
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

export interface LinesConnectionOptions {
  readonly socket: Socket;
  /** The peer's IP address … */
  readonly address: string;
  /** … and with its port, `ip:port`. */
  readonly peer: string;
  readonly config: Config['jsonLines'];
  readonly stats: WireStats;
  readonly tap: Tap;
  readonly writer: StreamWriter;
}

const LINE_FEED = 0x0a;

/** What stands for a JSON object on this wire: the text and a line feed. */
export const lineFraming: JsonFraming = {
  sizeOf: (textBytes) => textBytes + 1,
  write: (into, at, text, textBytes) => {
    into.write(text, at);
    into[at + textBytes] = LINE_FEED;
  },
};

/** One TCP connection: bytes to requests, and what the session says to lines. */
export class LinesConnection implements JsonTransport {
  readonly address: string;
  readonly #options: LinesConnectionOptions;
  readonly #decoder = new JsonLineDecoder();
  /** What the writer knows the socket by. */
  readonly #descriptor: number;
  #session: JsonSession | undefined;
  /** Runs while an unfinished line is held. */
  #deadline: NodeJS.Timeout | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(options: LinesConnectionOptions) {
    this.address = options.address;
    this.#options = options;
    const { socket, config } = options;
    this.#descriptor = options.writer.descriptorOf(socket);
    // Whatever happens to the socket ends only this connection.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(this.#deadline);
      this.#session?.closed();
      options.tap.end(WIRE, options.peer);
    });
    // Nothing read, nothing written and nothing taken by the peer for so long: harmless, unless it has something to take.
    socket.setTimeout(config.stalledTimeoutMs, () => {
      if (socket.writableLength === 0) return;
      options.stats.drop('unsent');
      socket.destroy();
    });
  }

  /** Greet the peer and listen to it. */
  start(sessions: JsonSessions): void {
    const session = sessions.open(this);
    this.#session = session;
    const { socket, tap, peer } = this.#options;
    socket.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      tap.watcher?.({ wire: WIRE, direction: 'in', peer, bytes: chunk });
      const { frames } = this.#decoder.push(chunk);
      this.#watchUnfinished(frames.length > 0);
      session.receive(frames.map(inputOf));
    });
    socket.on('end', () => {
      clearTimeout(this.#deadline);
      if (this.#isOver) return;
      session.receive(this.#decoder.end().frames.map(inputOf));
      session.endInput();
    });
    socket.on('drain', () => {
      session.drained();
      this.regulate();
    });
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
    const { socket, stats, tap, peer, writer } = this.#options;
    if (this.#isOver || !socket.writable) return true;
    stats.sent += 1;
    stats.sentBytes += bytes.length;
    tap.watcher?.({ wire: WIRE, direction: 'out', peer, bytes });
    return writer.write(socket, this.#descriptor, bytes);
  }

  together(task: () => void): void {
    const { socket } = this.#options;
    socket.cork();
    try {
      task();
    } finally {
      socket.uncork();
    }
  }

  regulate(): void {
    const { socket } = this.#options;
    if (this.#isOver) return;
    if (this.#isHeld || this.#session?.isBusy === true || socket.writableNeedDrain) socket.pause();
    else socket.resume();
  }

  end(text?: string): void {
    if (this.#isOver) return;
    if (text !== undefined) this.send(text);
    this.#isOver = true;
    clearTimeout(this.#deadline);
    const { socket } = this.#options;
    socket.end();
    // What still comes is thrown away: unread, it would turn our end into a reset, and the last words be lost.
    socket.resume();
    const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => clearTimeout(farewell));
  }

  /** Fulfils when the connection is gone: at once when all has gone out, or when the peer has not taken it in time. */
  async finish(limitMs: number): Promise<void> {
    const { socket } = this.#options;
    if (socket.closed) return;
    this.end();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const limit = setTimeout(() => socket.destroy(), limitMs);
    if (socket.writableFinished) socket.destroy();
    else socket.once('finish', () => socket.destroy());
    await closed;
    clearTimeout(limit);
  }

  /** A line that has begun must end in time. */
  #watchUnfinished(hasFinishedOne: boolean): void {
    const isUnfinished = this.#decoder.bufferedBytes > 0;
    if (isUnfinished && !hasFinishedOne && this.#deadline !== undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    if (!isUnfinished) return;
    this.#deadline = setTimeout(() => {
      this.#options.stats.drop('unreadable');
      this.#session?.dismiss(jsonErrorTexts.timedOut);
    }, this.#options.config.requestTimeoutMs);
  }
}

function inputOf(line: JsonLine): JsonInput {
  switch (line.kind) {
    case 'line':
      return { kind: 'request', text: line.text };
    case 'too-long':
      return { kind: 'refused', text: jsonErrorTexts.tooLong };
    case 'bad-utf8':
      return { kind: 'refused', text: jsonErrorTexts.invalidUtf8 };
  }
}
