import { type BridgePacket, bridgeTextBytesMax, encodeBridgePacket } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import type { SendReceipt } from '../../session.ts';
import { sessionClosed } from '../../session-base.ts';
import type { Conversation, ConversationHandlers } from './conversation.ts';
import type { BridgeTransport } from './transport.ts';
import { HELD_LINES_MAX, Turns } from './turns.ts';

/** Between the opening and the first line, in TCP mode: a peer that reads once for each must find them apart. ms */
const OPENING_GAP_MS = 200;
/** A line that waits for an answer goes out after so long all the same, ms. */
export const HOLD_MS = 10_000;

export interface PlainOptions {
  readonly transport: BridgeTransport;
  readonly path: string;
  readonly ownId: string;
  readonly peerId: string;
  /** Whether it is we who open. */
  readonly isOpener: boolean;
  /** Do not wait for answers. */
  readonly isFree: boolean;
  readonly holdMs?: number | undefined;
  readonly handlers: ConversationHandlers;
}

interface HeldLine {
  readonly text: string;
  readonly resolve: (receipt: SendReceipt) => void;
  readonly reject: (error: unknown) => void;
}

/** The conversation that any program of this wire knows: readable by all on the way, and confirmed by nobody. */
export class PlainConversation implements Conversation {
  readonly peerId: string;
  readonly isSealed = false;
  readonly code = undefined;
  readonly textBytesMax: number;
  readonly #options: PlainOptions;
  readonly #turns: Turns;
  readonly #held: HeldLine[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** How many waiting lines the client was told of. */
  #heldTold = 0;
  #isOpening = false;
  #isClosed = false;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.peerId = options.peerId;
    this.textBytesMax = bridgeTextBytesMax(options.ownId);
    const { transport, isOpener, isFree } = options;
    // Each datagram is read by itself.
    this.#turns = new Turns(isOpener, isFree || transport.mode === 'udp');
    if (isOpener) {
      this.#transmit({ type: 'CHAT', to: 'peer', clientId: options.ownId });
      if (transport.mode === 'tcp') {
        this.#isOpening = true;
        this.#timer = setTimeout(() => {
          this.#isOpening = false;
          this.#timer = undefined;
          this.#flush();
        }, OPENING_GAP_MS);
      }
    }
  }

  get isOpen(): boolean {
    return !this.#isClosed;
  }

  async send(text: string, signal?: AbortSignal): Promise<SendReceipt> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw sessionClosed();
    if (this.#held.length >= HELD_LINES_MAX) {
      throw new ClientError('SEND_UNCERTAIN', `Not sent: ${HELD_LINES_MAX} lines wait for an answer already`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<SendReceipt>();
    const line = { text, resolve, reject };
    this.#held.push(line);
    const abort = (): void => {
      const at = this.#held.indexOf(line);
      if (at === -1) return;
      this.#held.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#flush();
    return promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  hearPlain(path: string, packet: BridgePacket): boolean {
    if (path !== this.#options.path || this.#isClosed) return false;
    if (packet.type === 'QUIT') {
      this.#end('peer-left');
    } else if (packet.type === 'CHAT' && packet.to === 'peer' && packet.text !== undefined) {
      this.#turns.hear();
      this.#options.handlers.onLine(packet.text);
      this.#flush();
    }
    return true;
  }

  hearSealed(): boolean {
    return false;
  }

  pathOpened(): void {}

  pathClosed(path: string): void {
    if (path === this.#options.path) this.#end('lost');
  }

  close(): void {
    if (this.#isClosed) return;
    this.#transmit({ type: 'QUIT' });
    this.#release();
    this.#options.transport.closePath(this.#options.path);
  }

  #flush(): void {
    if (this.#isOpening || this.#isClosed) return;
    while (this.#held.length > 0 && this.#turns.maySpeak) this.#say(this.#held.shift()!);
    if (this.#held.length > this.#heldTold) this.#options.handlers.onHeld(this.#held.length);
    this.#heldTold = this.#held.length;
    if (this.#held.length === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      // Perhaps it listens, and does not speak.
      if (this.#held.length > 0) this.#say(this.#held.shift()!);
      this.#flush();
    }, this.#options.holdMs ?? HOLD_MS);
  }

  #say({ text, resolve }: HeldLine): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#turns.speak();
    this.#transmit({ type: 'CHAT', to: 'peer', clientId: this.#options.ownId, text });
    resolve({ status: 'sent' });
  }

  #transmit(packet: BridgePacket): void {
    const { transport, path } = this.#options;
    transport.send(path, encodeBridgePacket(packet, transport.mode));
  }

  #end(reason: 'peer-left' | 'lost'): void {
    if (this.#isClosed) return;
    this.#release();
    this.#options.transport.closePath(this.#options.path);
    this.#options.handlers.onEnd(reason);
  }

  #release(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { reject } of this.#held.splice(0)) reject(sessionClosed());
  }
}
