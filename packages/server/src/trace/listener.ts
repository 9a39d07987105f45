import { createServer, type Server, type Socket } from 'node:net';
import { listenError } from '../address.ts';
import type { Tap, TappedBytes } from '../tap.ts';
import { Masking } from './masking.ts';

/** Never anything else: what passes here is everybody's conversation. */
const LOOPBACK = '127.0.0.1';
const WATCHERS_MAX = 8;
/** What may wait for a watcher that is slow, bytes; further records are lost to it. */
const WAITING_BYTES_MAX = 4_194_304;

export interface TraceOptions {
  readonly tap: Tap;
  readonly port: number;
  /** Show tokens and passwords. */
  readonly secrets: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
}

/**
 * Shows what passes the plaintext sockets to whoever connects, one JSON object a line:
 *
 *     {"confab":"trace","version":1,"secrets":false}
 *     {"time":"2026-01-01T00:00:00.000Z","wire":"ucrp","direction":"in","peer":"127.0.0.1:5000","bytes":"BQJsb2Ji…"}
 *     {"lost":12}
 *
 * `bytes` is base64; `"end":true` stands in a record of a stream that is over; `lost` counts records that this watcher was
 * too slow for. Nothing that a watcher sends is looked at, and nothing that it does is felt by the wires.
 */
export class TraceListener {
  readonly port: number;
  readonly #server: Server;
  readonly #options: TraceOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #masking = new Masking();
  readonly #onTapped = (tapped: TappedBytes): void => this.#show(tapped);
  #secrets: boolean;

  /** @throws {ServerError} PORT_BUSY, PORT_FORBIDDEN, LISTEN_FAILED */
  static async open(options: TraceOptions): Promise<TraceListener> {
    const server = createServer({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(listenError(cause, 'tcp', LOOPBACK, options.port, 'trace.tcp_port')));
      server.listen({ host: LOOPBACK, port: options.port, exclusive: true }, resolve);
    });
    return new TraceListener(server, options);
  }

  private constructor(server: Server, options: TraceOptions) {
    this.#server = server;
    this.#options = options;
    this.#secrets = options.secrets;
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : options.port;
    // Running out of file descriptors costs the watcher that came, not the server.
    server.removeAllListeners('error').on('error', () => {});
    server.on('connection', (socket) => this.#accept(socket));
    // From the beginning, watched or not: a secret may be on its way in pieces when somebody begins to watch.
    options.tap.watcher = this.#onTapped;
  }

  /** Show tokens and passwords from now on, or mask them. */
  showSecrets(secrets: boolean): void {
    this.#secrets = secrets;
  }

  async close(): Promise<void> {
    const { tap } = this.#options;
    if (tap.watcher === this.#onTapped) tap.watcher = undefined;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const watcher of this.#watchers) watcher.close();
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#watchers.size >= WATCHERS_MAX) {
      socket.on('error', () => {});
      socket.end(`${JSON.stringify({ error: `${WATCHERS_MAX} watch already; end one of them` })}\n`);
      socket.resume();
      return;
    }
    const watcher = new Watcher(socket, () => this.#watchers.delete(watcher));
    this.#watchers.add(watcher);
    watcher.show({ confab: 'trace', version: 1, secrets: this.#secrets });
  }

  #show(tapped: TappedBytes): void {
    // Shown or not, it is followed, so that masking may begin in the middle of a stream.
    const masked = this.#masking.mask(tapped);
    const bytes = this.#secrets ? tapped.bytes : masked;
    if (this.#watchers.size === 0) return;
    const { wire, direction, peer, isEnd } = tapped;
    const record = {
      time: new Date(this.#options.wallMs()).toISOString(),
      wire,
      direction,
      peer,
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
      ...(isEnd === true ? { end: true } : {}),
    };
    const line = `${JSON.stringify(record)}\n`;
    for (const watcher of this.#watchers) watcher.showLine(line);
  }
}

class Watcher {
  readonly #socket: Socket;
  #lost = 0;

  constructor(socket: Socket, onClosed: () => void) {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('close', onClosed);
    socket.on('drain', () => this.#tellLost());
    socket.resume();
  }

  show(record: object): void {
    this.showLine(`${JSON.stringify(record)}\n`);
  }

  showLine(line: string): void {
    if (this.#socket.writableLength > WAITING_BYTES_MAX) {
      this.#lost += 1;
      return;
    }
    this.#tellLost();
    this.#socket.write(line);
  }

  close(): void {
    this.#socket.destroy();
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#socket.write(`${JSON.stringify({ lost })}\n`);
  }
}
