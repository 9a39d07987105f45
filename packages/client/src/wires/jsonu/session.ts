import type { Socket } from 'node:dgram';
import { encodeUtf8 } from '@confab/wire';
import { localAddressOf } from '../../datagram-socket.ts';
import { ClientError } from '../../errors.ts';
import { SendWindow } from '../../send-window.ts';
import type {
  JoinOptions,
  SearchOptions,
  SearchPage,
  SendOptions,
  SendReceipt,
  SessionAbility,
} from '../../session.ts';
import { SessionBase, sessionClosed, unreachableReason } from '../../session-base.ts';
import { pageOf } from '../json/found.ts';
import type { Answer } from './asking.ts';
import { type AskedQuestion, JsonuCore, type Settle } from './core.ts';

/** Longest message that servers of this wire take, bytes of UTF-8. */
const MESSAGE_BYTES_MAX = 4096;
/** How long leaving waits for its acknowledgement, ms. */
const LEAVE_TIMEOUT_MS = 1500;
/** Ids begin anywhere up to this: see `CoreOptions.firstId`. */
const IDS_START_MAX = 2 ** 40;

export interface JsonuSessionOptions {
  readonly user: string;
  readonly baseDelayMs: number;
  readonly maxRetries: number;
  readonly eventsMax: number;
}

/** JSON datagrams from a member's side: the core, on a socket and on timers. */
export class JsonuSession extends SessionBase {
  readonly scheme = 'jsonu';
  readonly user: string;
  readonly role = 'member';
  readonly host = undefined;
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly isConfirming = true;
  override readonly abilities: ReadonlySet<SessionAbility> = new Set<SessionAbility>(['join', 'users', 'search']);
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #core: JsonuCore;
  /** One message under way at a time: one that is sent again never overtakes, or is overtaken. */
  readonly #window = new SendWindow(1);
  readonly #stops = new Set<(error: ClientError) => void>();
  #endFarewell: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** @param socket connected to the server; the session closes it */
  constructor(socket: Socket, options: JsonuSessionOptions) {
    super(options.eventsMax);
    this.user = options.user;
    this.#socket = socket;
    this.localAddress = localAddressOf(socket);
    this.#core = new JsonuCore({
      ...options,
      firstId: 1 + Math.floor(Math.random() * IDS_START_MAX),
      handlers: {
        transmit: (datagram) => this.#transmit(datagram),
        show: (event) => this.queue.push(event),
        reachable: () => this.noteReachable(),
        unreachable: (reason) => this.noteUnreachable(reason),
        roomClosed: (text) => this.end('room-closed', text),
      },
    });
    socket.on('message', (datagram) => {
      this.#core.receive(performance.now(), datagram);
      this.#wind();
    });
    socket.on('error', (error) => this.#refused(error));
  }

  get room(): string {
    return this.#core.room;
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.#judge(text);
    await this.#window.enter(signal);
    try {
      // While it waited for its turn the session may have ended, or the caller have lost patience.
      signal?.throwIfAborted();
      this.requireOpen();
      await this.#settled((settle) => this.#core.send(performance.now(), text, settle), signal);
      return { status: 'accepted' };
    } finally {
      this.#window.leave();
    }
  }

  override async join(room: string, { password, signal }: JoinOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.requireOpen();
    await this.#window.enter(signal);
    try {
      signal?.throwIfAborted();
      this.requireOpen();
      await this.#settled((settle) => this.#core.join(performance.now(), room, password, settle), signal);
    } finally {
      this.#window.leave();
    }
  }

  override async users({ signal }: SendOptions = {}): Promise<string[]> {
    const answer = await this.#ask({ type: 'who' }, signal);
    return answer.type === 'users' ? [...answer.users] : [];
  }

  override async search(query: string, { before, limit, signal }: SearchOptions = {}): Promise<SearchPage> {
    const bounds = { ...(before === undefined ? {} : { before }), ...(limit === undefined ? {} : { limit }) };
    const answer = await this.#ask({ type: 'search', query, ...bounds }, signal);
    return answer.type === 'found' ? pageOf(answer) : { messages: [], before: undefined, unsearched: 0 };
  }

  protected async sayFarewell(): Promise<void> {
    if (this.room === '') {
      // A join may be on its way; nobody waits for what becomes of it.
      this.#core.leave(performance.now(), () => {});
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LEAVE_TIMEOUT_MS);
    this.#endFarewell = resolve;
    this.#core.leave(performance.now(), resolve);
    this.#wind();
    await promise;
    clearTimeout(timer);
  }

  protected release(): void {
    this.#core.end();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.NEGATIVE_INFINITY;
    this.#socket.close();
    for (const stop of this.#stops) stop(sessionClosed());
  }

  async #ask(asked: AskedQuestion, signal: AbortSignal | undefined): Promise<Answer> {
    signal?.throwIfAborted();
    this.requireOpen();
    await this.#window.enter(signal);
    try {
      signal?.throwIfAborted();
      this.requireOpen();
      const { promise, resolve } = Promise.withResolvers<Answer>();
      const ask = (settle: Settle): (() => void) =>
        this.#core.ask(performance.now(), asked, (result) => {
          if (result instanceof ClientError) {
            settle(result);
            return;
          }
          resolve(result);
          settle();
        });
      await this.#settled(ask, signal);
      return await promise;
    } finally {
      this.#window.leave();
    }
  }

  #judge(text: string): void {
    this.requireOpen();
    if (!text.isWellFormed()) {
      throw new ClientError('MESSAGE_RESERVED', 'Cannot send: the text is not well-formed Unicode');
    }
    const { length } = encodeUtf8(text);
    if (length > MESSAGE_BYTES_MAX) {
      throw new ClientError('MESSAGE_TOO_LONG', `Cannot send: ${length} bytes exceed ${MESSAGE_BYTES_MAX}`);
    }
  }

  /** Ask the core for something, and wait for how it ends. */
  async #settled(ask: (settle: Settle) => () => void, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopWaiting = ask((error) => (error === undefined ? resolve() : reject(error)));
    const abort = (): void => {
      stopWaiting();
      reject(signal?.reason);
    };
    this.#stops.add(reject);
    signal?.addEventListener('abort', abort, { once: true });
    this.#wind();
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#stops.delete(reject);
    }
  }

  #transmit(datagram: Uint8Array): void {
    if (this.status === 'closed') return;
    this.#socket.send(datagram, (error) => {
      // A lost datagram: it is sent again.
      if (error !== null && error !== undefined) this.#refused(error);
    });
  }

  #refused(error: Error): void {
    if (this.status === 'closed') return;
    // Nobody is there to be told that we leave.
    this.#endFarewell?.();
    this.#core.refused(performance.now(), unreachableReason(error));
    this.#wind();
  }

  /** Set the timer to when the core has something to do. */
  #wind(): void {
    const atMs = this.#core.nextTimeoutMs();
    if (atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#core.onTimeout(performance.now());
        if (this.status !== 'closed') this.#wind();
      },
      Math.max(0, Math.ceil(atMs - performance.now())),
    );
  }
}
