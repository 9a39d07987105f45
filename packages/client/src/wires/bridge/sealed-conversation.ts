import { randomBytes } from 'node:crypto';
import { SEALED_TEXT_BYTES_MAX, type SealedFrame } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { SendWindow } from '../../send-window.ts';
import type { SendReceipt } from '../../session.ts';
import { sessionClosed } from '../../session-base.ts';
import type { Conversation, ConversationEnd, ConversationHandlers } from './conversation.ts';
import { type PathKind, PeerLink, type PeerLinkTimes } from './peer-link.ts';
import type { Sealer } from './sealer.ts';
import type { BridgeTransport } from './transport.ts';

/** Lines that are not acknowledged at the same time; further ones wait for their turn. */
const WINDOW = 64;

export interface SealedOptions {
  readonly transport: BridgeTransport;
  readonly sealer: Sealer;
  readonly code: string;
  readonly peerId: string;
  readonly times?: PeerLinkTimes | undefined;
  readonly handlers: ConversationHandlers & {
    /** No direct path works; open the relay, where that is possible. */
    onRelayWanted(): void;
  };
}

/** Two Confab clients: sealed, each line once and in order, over whichever path works. */
export class SealedConversation implements Conversation {
  readonly peerId: string;
  readonly isSealed = true;
  readonly code: string;
  readonly textBytesMax = SEALED_TEXT_BYTES_MAX;
  readonly #options: SealedOptions;
  readonly #link: PeerLink;
  readonly #window = new SendWindow(WINDOW);
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>();
  readonly #paths = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SealedOptions) {
    this.#options = options;
    this.peerId = options.peerId;
    this.code = options.code;
    this.#link = new PeerLink(performance.now(), options.sealer, randomBytes, options.times);
    this.#schedule();
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  async send(text: string, signal?: AbortSignal): Promise<SendReceipt> {
    await this.#window.enter(signal);
    try {
      if (this.#isClosed) throw sessionClosed();
      const acked = Promise.withResolvers<void>();
      const id = this.#link.send(performance.now(), text);
      this.#waiting.set(id, acked);
      this.#pump();
      const abort = (): void => acked.reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await acked.promise;
      } finally {
        signal?.removeEventListener('abort', abort);
        this.#waiting.delete(id);
      }
      return { status: 'accepted' };
    } finally {
      this.#window.leave();
    }
  }

  hearPlain(): boolean {
    return false;
  }

  hearSealed(path: string, kind: PathKind, frame: SealedFrame): boolean {
    const isGenuine = this.#link.receive(performance.now(), path, kind, frame);
    if (isGenuine) this.#paths.add(path);
    this.#pump();
    return isGenuine;
  }

  pathOpened(path: string, kind: PathKind): void {
    if (this.#isClosed) {
      // It took too long.
      this.#options.transport.closePath(path);
      return;
    }
    this.#paths.add(path);
    this.#link.addPath(performance.now(), path, kind);
    this.#pump();
  }

  pathClosed(path: string): void {
    if (!this.#paths.delete(path)) return;
    this.#link.removePath(performance.now(), path);
    this.#pump();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#link.close();
    this.#transmit();
    this.#release();
  }

  /** Do what the link wants done. */
  #pump(): void {
    if (this.#isClosed) return;
    this.#transmit();
    const { handlers } = this.#options;
    for (let event = this.#link.pollEvent(); event !== undefined; event = this.#link.pollEvent()) {
      switch (event.type) {
        case 'path':
          handlers.onPath(event.kind, event.path);
          break;
        case 'relay-wanted':
          handlers.onRelayWanted();
          break;
        case 'line':
          handlers.onLine(event.text);
          break;
        case 'acked':
          for (const id of event.ids) this.#waiting.get(id)?.resolve();
          break;
        case 'closed':
          this.#release();
          handlers.onEnd(endOf(event.reason));
          return;
      }
      // A handler may have closed us.
      if (this.#isClosed) return;
    }
    this.#transmit();
    this.#schedule();
  }

  #transmit(): void {
    for (let frame = this.#link.pollFrame(); frame !== undefined; frame = this.#link.pollFrame()) {
      this.#options.transport.send(frame.path, frame.bytes);
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const dueMs = this.#link.nextTimeoutMs();
    if (dueMs === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#link.onTimeout(performance.now());
        this.#pump();
      },
      Math.max(1, dueMs - performance.now()),
    );
  }

  #release(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const path of this.#paths) this.#options.transport.closePath(path);
    const error = new ClientError('SEND_UNCERTAIN', 'Not confirmed before the conversation ended; it may be lost');
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

function endOf(reason: 'bye' | 'lost' | 'no-path'): ConversationEnd {
  return reason === 'bye' ? 'peer-left' : reason;
}
