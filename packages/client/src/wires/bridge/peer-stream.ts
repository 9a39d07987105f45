import type { Socket } from 'node:net';
import {
  type BridgePacket,
  BridgeStreamDecoder,
  SEALED_MAGIC,
  type SealedFrame,
  SealedStreamDecoder,
} from '@confab/wire/bridge';
import { hostPort } from './dial.ts';

/** Whoever connects and says nothing that can be read is let go after so long, ms. */
const FIRST_WORD_MS = 30_000;
/** At the end: time for the other one to read what was said, ms. */
const FAREWELL_MS = 1000;

export interface PeerStreamHandlers {
  onPlain(packet: BridgePacket): void;
  onSealed(frame: SealedFrame): void;
  /** Called once. */
  onClosed(): void;
}

/** A connection to a peer. Its first byte tells whether it is sealed. */
export class PeerStream {
  /** `ip:port`. */
  readonly peer: string;
  readonly #socket: Socket;
  readonly #handlers: PeerStreamHandlers;
  readonly #timer: NodeJS.Timeout;
  #plain: BridgeStreamDecoder | undefined;
  #sealed: SealedStreamDecoder | undefined;
  #isInUse = false;

  constructor(socket: Socket, handlers: PeerStreamHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.peer = hostPort((socket.remoteAddress ?? '').replace(/^::ffff:(?=.*\.)/, ''), socket.remotePort ?? 0);
    this.#timer = setTimeout(() => {
      if (!this.#isInUse) socket.destroy();
    }, FIRST_WORD_MS);
    socket.setKeepAlive(true, FIRST_WORD_MS);
    socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    socket.on('end', () => {
      for (const packet of this.#plain?.end().frames ?? []) handlers.onPlain(packet);
      socket.end();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(this.#timer);
      handlers.onClosed();
    });
    socket.resume();
  }

  /** Whether something was written to it: it is worth keeping. */
  get isInUse(): boolean {
    return this.#isInUse;
  }

  write(bytes: Uint8Array): void {
    this.#isInUse = true;
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Fulfils when it is closed; what was written goes out first. */
  close(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.end();
    return closed;
  }

  #read(chunk: Uint8Array): void {
    if (this.#plain === undefined && this.#sealed === undefined) {
      if (chunk[0] === SEALED_MAGIC) this.#sealed = new SealedStreamDecoder();
      else this.#plain = new BridgeStreamDecoder();
    }
    const plain = this.#plain?.push(chunk);
    for (const packet of plain?.frames ?? []) this.#handlers.onPlain(packet);
    const sealed = this.#sealed?.push(chunk);
    for (const frame of sealed?.frames ?? []) this.#handlers.onSealed(frame);
    if ((plain?.error ?? sealed?.error) !== undefined) this.#socket.destroy();
  }
}
