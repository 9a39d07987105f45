import { createConnection, isIPv6, type Socket } from 'node:net';
import { JsonLineDecoder } from '@confab/wire/json';
import { ChannelInbox, type ChannelListener, FINISH_TIMEOUT_MS, type JsonChannel } from './channel.ts';

/** Silence after which the system asks whether the server is still there, ms. */
const KEEP_ALIVE_MS = 30_000;
/** Longest line that is taken, bytes: servers stay within 64 KiB; those that do not are read all the same. */
const LINE_BYTES_MAX = 1_048_576;

/** JSON lines over TCP. */
export class LinesChannel implements JsonChannel {
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #inbox = new ChannelInbox();

  /** @throws the socket's error, or the signal's reason */
  static async open(host: string, port: number, signal: AbortSignal): Promise<LinesChannel> {
    signal.throwIfAborted();
    const socket = createConnection({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    const abort = (): void => {
      socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('Aborted', { cause: signal.reason }));
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return new LinesChannel(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { localAddress = '', localPort } = socket;
    this.localAddress = isIPv6(localAddress) ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
    const decoder = new JsonLineDecoder({ lineBytesMax: LINE_BYTES_MAX });
    socket.on('data', (chunk: Buffer) => {
      // A line that cannot be read is passed over: those around it can.
      for (const line of decoder.push(chunk).frames) if (line.kind === 'line') this.#inbox.text(line.text);
    });
    let reason = 'the server closed the connection';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => this.#inbox.end(reason));
  }

  listen(listener: ChannelListener): void {
    this.#inbox.listen(listener);
  }

  send(text: string): void {
    if (this.#socket.writable) this.#socket.write(`${text}\n`);
  }

  async finish(): Promise<void> {
    this.#inbox.close();
    const socket = this.#socket;
    if (socket.closed) return;
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const timer = setTimeout(() => socket.destroy(), FINISH_TIMEOUT_MS);
    socket.end();
    await closed;
    clearTimeout(timer);
  }

  destroy(): void {
    this.#inbox.close();
    this.#socket.destroy();
  }
}
