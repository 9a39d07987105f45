import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { encodeHandshake, HandshakeDecoder, type Hello, LINK_VERSION, LinkErrorCode } from '@confab/wire/link';
import { type Refusal, refusal } from './codes.ts';

/** Time for a refused client to read why, ms. */
const FAREWELL_MS = 2000;

export interface GreetingOptions {
  /** The TCP connection, from its first moment on. */
  readonly socket: Socket;
  /** For TLS and HELLO together, ms. */
  readonly timeoutMs: number;
  /** HELLO is whole. The TLS socket is paused, and nothing came behind it. */
  readonly onHello: (greeting: Greeting, hello: Hello, socket: TLSSocket) => void;
  /** What came is not the beginning of this wire. */
  readonly onUnreadable: () => void;
  /** It no longer counts as unfinished. */
  readonly onFinished: (greeting: Greeting) => void;
}

/** A connection that has not said who it is: from its acceptance until WELCOME, REFUSE or the end. */
export class Greeting {
  readonly #options: GreetingOptions;
  readonly #decoder = new HandshakeDecoder();
  readonly #deadline: NodeJS.Timeout;
  #socket: TLSSocket | undefined;
  #isFinished = false;
  #heard: Uint8Array = new Uint8Array(0);

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.#deadline = setTimeout(() => this.destroy(), options.timeoutMs);
    options.socket.once('close', () => this.finish());
  }

  /** The TLS handshake is done. */
  secured(socket: TLSSocket): void {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.finish());
    socket.on('data', this.#onData);
  }

  /** End it without a word. */
  destroy(): void {
    this.finish();
    this.#socket?.destroy();
    this.#options.socket.destroy();
  }

  /** Say why not, and end it. */
  refuse({ code, text }: Refusal): void {
    const socket = this.#socket;
    this.finish();
    if (socket === undefined || socket.destroyed) return;
    socket.end(encodeHandshake({ type: 'refuse', code, text }));
    // What it still sends is for nobody, but a reset would take the answer with it.
    socket.resume();
    const farewell = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => clearTimeout(farewell));
  }

  /** It is a session now, or over. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    clearTimeout(this.#deadline);
    this.#socket?.off('data', this.#onData);
    this.#options.onFinished(this);
  }

  /** HELLO as it came; no longer than a handshake frame may be, and a chunk. */
  get heard(): Uint8Array {
    return this.#heard;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#heard = this.#heard.length === 0 ? chunk : Buffer.concat([this.#heard, chunk]);
    const { frame, rest, error } = this.#decoder.push(chunk);
    if (error === undefined && frame === undefined) return;
    const socket = this.#socket!;
    socket.off('data', this.#onData);
    socket.pause();
    if (frame?.type === 'hello' && rest?.length === 0) {
      this.#options.onHello(this, frame, socket);
      return;
    }
    this.#options.onUnreadable();
    if (frame?.type === 'other-version' && frame.frame === 'hello') {
      const why = `Version ${frame.version} is not spoken here; ${LINK_VERSION} is`;
      this.refuse(refusal(LinkErrorCode.VERSION_NOT_SPOKEN, why));
    } else if (frame?.type === 'hello') {
      this.refuse(refusal(LinkErrorCode.PROTOCOL_ERROR, 'Nothing may follow HELLO before WELCOME'));
    } else {
      this.destroy();
    }
  };
}
