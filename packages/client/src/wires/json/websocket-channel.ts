import { ChannelInbox, type ChannelListener, FINISH_TIMEOUT_MS, type JsonChannel } from './channel.ts';

/** One JSON object in each text frame of a WebSocket, by the platform's own client (Node's or a browser's). */
export class WebSocketChannel implements JsonChannel {
  /** Not told by the platform. */
  readonly localAddress = '';
  readonly #socket: WebSocket;
  readonly #inbox = new ChannelInbox();
  readonly #closed: Promise<void>;

  /** @throws an error that says why not, or the signal's reason */
  static async open(endpoint: URL, signal: AbortSignal): Promise<WebSocketChannel> {
    signal.throwIfAborted();
    const socket = new WebSocket(endpoint);
    const channel = new WebSocketChannel(socket);
    const abort = (): void => socket.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.addEventListener('open', () => resolve());
        socket.addEventListener('error', (event) => reject(causeOf(event)));
        socket.addEventListener('close', () => reject(new Error('no WebSocket is offered there')));
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return channel;
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#inbox.text(data);
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => {
        const why = reason === '' ? '' : `: ${reason}`;
        this.#inbox.end(
          code === 1006 ? 'the connection broke off' : `the server closed the connection (${code}${why})`,
        );
        resolve();
      });
    });
  }

  listen(listener: ChannelListener): void {
    this.#inbox.listen(listener);
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  async finish(): Promise<void> {
    this.destroy();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, FINISH_TIMEOUT_MS);
    await Promise.race([this.#closed, late.promise]);
    clearTimeout(timer);
  }

  destroy(): void {
    this.#inbox.close();
    this.#socket.close();
  }
}

/** Browsers tell nothing of why; Node tells the cause. */
function causeOf(event: Event): Error {
  const { error } = event as Event & { error?: unknown };
  return error instanceof Error ? error : new Error('no WebSocket is offered there');
}
