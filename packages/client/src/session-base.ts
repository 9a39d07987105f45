import { ClientError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { OutboxView } from './outbox/view.ts';
import type {
  ClosedEvent,
  CloseReason,
  JoinOptions,
  LinkStatus,
  NoticeEvent,
  OwnKey,
  SearchOptions,
  SearchPage,
  SendOptions,
  SendReceipt,
  Session,
  SessionAbility,
  SessionEvent,
} from './session.ts';

/** What is the same for the sessions of all wires: events, their end, timers, and saying no to what a wire cannot do. */
export abstract class SessionBase implements Session {
  abstract readonly scheme: string;
  abstract readonly room: string;
  abstract readonly user: string;
  abstract readonly role: 'host' | 'member';
  abstract readonly host: string | undefined;
  abstract readonly localAddress: string;
  abstract readonly messageBytesMax: number;
  abstract readonly isConfirming: boolean;
  readonly abilities: ReadonlySet<SessionAbility> = new Set();
  readonly closed: Promise<ClosedEvent>;
  protected readonly queue: EventQueue<SessionEvent>;
  readonly #timers = new Set<NodeJS.Timeout>();
  #status: Session['status'] = 'open';
  #isReachable = true;
  #leaving: Promise<void> | undefined;
  #resolveClosed!: (event: ClosedEvent) => void;

  constructor(eventsMax: number) {
    this.queue = new EventQueue(eventsMax);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  abstract send(text: string, options?: SendOptions): Promise<SendReceipt>;

  /** Tell the server that we leave, as far as the wire can. The session is `closing` by now. */
  protected abstract sayFarewell(): Promise<void>;

  /** Let go of sockets and of whoever waits. Called once. */
  protected abstract release(): void;

  get outbox(): OutboxView | undefined {
    return undefined;
  }

  get link(): LinkStatus | undefined {
    return undefined;
  }

  get status(): Session['status'] {
    return this.#status;
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  events(options: SendOptions = {}): AsyncIterableIterator<SessionEvent> {
    return this.queue.read(options.signal);
  }

  join(_room: string, _options?: JoinOptions): Promise<void> {
    return Promise.reject(this.#unsupported('go to another room'));
  }

  rooms(_options?: SendOptions): Promise<string[]> {
    return Promise.reject(this.#unsupported('list rooms'));
  }

  users(_options?: SendOptions): Promise<string[]> {
    return Promise.reject(this.#unsupported('tell who is here'));
  }

  edit(_seq: number, _text: string, _options?: SendOptions): Promise<SendReceipt> {
    return Promise.reject(this.#unsupported('edit'));
  }

  withdraw(_seq: number, _options?: SendOptions): Promise<SendReceipt> {
    return Promise.reject(this.#unsupported('withdraw'));
  }

  react(_seq: number, _text: string, _options?: SendOptions): Promise<SendReceipt> {
    return Promise.reject(this.#unsupported('react'));
  }

  /** Nobody is told, where the wire has no word for it. */
  typing(_isTyping: boolean): void {}

  keys(_options?: SendOptions): Promise<OwnKey[]> {
    return Promise.reject(this.#unsupported('tell the keys of a name'));
  }

  addKey(_key: string, _options?: SendOptions): Promise<OwnKey[]> {
    return Promise.reject(this.#unsupported('add a key'));
  }

  removeKey(_key: string, _options?: SendOptions): Promise<OwnKey[]> {
    return Promise.reject(this.#unsupported('remove a key'));
  }

  search(_query: string, _options?: SearchOptions): Promise<SearchPage> {
    return Promise.reject(this.#unsupported('search'));
  }

  async leave({ signal }: SendOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#leaving ??= this.#leave();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#leaving, aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  /** The session is over. Repeated calls do nothing. */
  protected end(reason: CloseReason, text: string): void {
    if (this.#status === 'closed') return;
    this.#status = 'closed';
    this.#stopTimers();
    this.release();
    const event: ClosedEvent = { type: 'closed', reason, text };
    this.queue.end(event);
    this.#resolveClosed(event);
  }

  /** @throws {ClientError} SESSION_CLOSED unless the session is open */
  protected requireOpen(): void {
    if (this.#status !== 'open') throw sessionClosed();
  }

  /** Something came from the server. */
  protected noteReachable(): void {
    if (this.#isReachable) return;
    this.#isReachable = true;
    this.queue.push({ type: 'reachability', isReachable: true, text: 'The server answers again' });
  }

  /** The server cannot be reached, for now. Said once until something comes from it again. */
  protected noteUnreachable(reason: string): void {
    if (!this.#isReachable || this.#status !== 'open') return;
    this.#isReachable = false;
    this.queue.push({ type: 'reachability', isReachable: false, text: `The server cannot be reached: ${reason}` });
  }

  /** Run a task later, unless the session is left before. */
  protected later(delayMs: number, task: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  /** Run a task again and again, until the session is left. */
  protected every(intervalMs: number, task: () => void): void {
    this.#timers.add(setInterval(task, intervalMs));
  }

  async #leave(): Promise<void> {
    if (this.#status !== 'open') return;
    this.#status = 'closing';
    this.#stopTimers();
    await this.sayFarewell();
    this.end('left', 'You have left the room');
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #unsupported(what: string): ClientError {
    return new ClientError('NOT_SUPPORTED', `Cannot ${what}: ${this.scheme}:// has no way to`);
  }
}

export function sessionClosed(): ClientError {
  return new ClientError('SESSION_CLOSED', 'Cannot send: the session is over');
}

/** Why a socket's error means that a server cannot be reached, in a few words. */
export function unreachableReason(error: Error): string {
  return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? 'nothing listens there' : error.message;
}

/** What is said of a list that lacks names, for it would be too long for its wire. */
export function leftOutText(count: number): string {
  return `The list is not whole: ${count} more ${count === 1 ? 'name has' : 'names have'} no place in it`;
}

const MEMBERSHIP_NOTICE = /^(.+) (joined|left)$/s;
/** What servers say when a hosted room ends; it only looks like somebody's leave. */
const ROOM_CLOSED = 'Room closed: the host has left';

/** What a server's line says, where the wire has only text for it. */
export function noticeOf(text: string): NoticeEvent {
  const match = MEMBERSHIP_NOTICE.exec(text);
  if (match === null || text === ROOM_CLOSED) return { type: 'notice', text };
  return { type: 'notice', text, member: { user: match[1]!, change: match[2] === 'joined' ? 'joined' : 'left' } };
}
