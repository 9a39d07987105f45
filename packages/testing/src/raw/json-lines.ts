/** JSON lines as a client written from docs/wires/json-lines.md alone would speak it: nothing of Confab is imported. */
import { connect, type Socket } from 'node:net';
import { within } from './wait.ts';

export interface LinesOptions {
  /** Source address. */
  readonly localAddress?: string;
  /** Do not read before `proceed`, so that what the server writes piles up. */
  readonly isStalled?: boolean;
}

/** One TCP connection, line by line. */
export class RawLines {
  readonly socket: Socket;
  /** Lines that came and were not asked for yet, without their line feeds. */
  readonly #lines: string[] = [];
  readonly #ended: Promise<'closed' | 'reset'>;
  #rest = '';
  #isOver = false;
  #wake: () => void = () => {};

  /** The connection is there; the greeting may not have come. */
  static async connect(port: number, { localAddress, isStalled }: LinesOptions = {}): Promise<RawLines> {
    const local = localAddress === undefined ? {} : { localAddress };
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, ...local });
    if (isStalled === true) socket.pause();
    const opened = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const lines = new RawLines(socket);
    await within(opened, 'a connection for JSON lines');
    return lines;
  }

  /** … and the greeting has come and gone. */
  static async open(port: number, options: LinesOptions = {}): Promise<RawLines> {
    const lines = await RawLines.connect(port, options);
    await lines.next();
    return lines;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    const isPaused = socket.isPaused();
    socket.on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    });
    if (isPaused) socket.pause();
    this.#ended = new Promise((resolve) => {
      socket.on('error', () => resolve('reset'));
      socket.on('close', () => {
        this.#isOver = true;
        resolve('closed');
        this.#wake();
      });
    });
  }

  /** The next line, as it came. */
  async next(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#isOver) throw new Error('The connection ended where a line was expected');
      const arrival = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(arrival, 'a line from the server');
    }
  }

  /** The next so many lines. */
  async take(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.next());
    return lines;
  }

  /** Lines up to the first that holds this text, that one included. */
  async until(text: string): Promise<string[]> {
    const lines: string[] = [];
    do lines.push(await this.next());
    while (!lines.at(-1)!.includes(text));
    return lines;
  }

  /** A request, as Python's `json.dumps` or anybody else would write it. */
  say(request: object | string): void {
    this.write(`${typeof request === 'string' ? request : JSON.stringify(request)}\n`);
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Enter a room; what comes up to one's own join is passed over. */
  async join(room: string, user: string): Promise<void> {
    this.say({ type: 'join', room, user });
    await this.until(JSON.stringify(`${user} joined`));
  }

  /** All lines that are left when the server has ended the connection, and how it did. */
  async ended(): Promise<{ readonly lines: readonly string[]; readonly end: 'closed' | 'reset' }> {
    const end = await within(this.#ended, 'the server to end the connection');
    return { lines: this.#lines.splice(0), end };
  }

  proceed(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }
}
