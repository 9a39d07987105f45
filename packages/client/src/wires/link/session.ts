import { EphemeralKind, encodeTyping, type LinkEvent } from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import { EventKind } from '../../event-kind.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { OutboxView } from '../../outbox/view.ts';
import type {
  JoinOptions,
  LinkStatus,
  OwnKey,
  SearchOptions,
  SearchPage,
  SendOptions,
  SendReceipt,
  SessionAbility,
} from '../../session.ts';
import { SessionBase } from '../../session-base.ts';
import { withSignal } from '../../with-signal.ts';
import { LinkConnection, type LinkConnectionOptions } from './connection.ts';
import type { Dialled } from './dial.ts';

import { listRooms, listUsers, ownKeys } from './lists.ts';
import { Membership, type Wanted } from './membership.ts';
import { Posts } from './posts.ts';
import { searchOverLink } from './search.ts';
import { bodyOf, linkText } from './texts.ts';

/** Longest message as long as the server has not said what it takes, bytes: what servers take by default. */
const MESSAGE_BYTES_MAX = 4096;
/** When leaving: time for what is under way, ms. */
const FAREWELL_MS = 2000;

export interface LinkSessionParameters {
  /** Undefined: the server could not be reached; `offline` says what is to be done when it can. */
  readonly first: Dialled | undefined;
  readonly offline?: { readonly wanted: Wanted; readonly reason: string } | undefined;
  readonly connection: Omit<LinkConnectionOptions, 'onBegin' | 'onEvent' | 'onReachable' | 'onLost'>;
  readonly outbox: Outbox;
  /** Whether to close the outbox with the session. */
  readonly isOutboxOurs: boolean;
  readonly answerTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly eventsMax: number;
  readonly history: number;
  readonly readoutIntervalMs: number;
}

/** A user in a room over link. */
export class LinkChatSession extends SessionBase {
  readonly scheme = 'confab';
  readonly user: string;
  readonly isConfirming = true;
  readonly localAddress: string;
  override readonly abilities: ReadonlySet<SessionAbility> = new Set<SessionAbility>([
    'join',
    'rooms',
    'users',
    'edit',
    'withdraw',
    'react',
    'typing',
    'keys',
    'search',
  ]);
  readonly #options: LinkSessionParameters;
  readonly #connection: LinkConnection;
  readonly #posts: Posts;
  readonly #membership: Membership;

  constructor(options: LinkSessionParameters) {
    super(options.eventsMax);
    this.#options = options;
    const { first, connection, outbox, readoutIntervalMs } = options;
    this.user = connection.dialling.user;
    this.localAddress = first === undefined ? '' : addressOf(first);
    this.#posts = new Posts({
      outbox,
      send: (record) => this.#send(this.#membership.room!.channel, record),
      emit: (event) => this.queue.push(event),
      later: (delayMs, task) => void this.later(delayMs, task),
    });
    this.#membership = new Membership({
      user: this.user,
      outboxId: outbox.id,
      history: options.history,
      answerTimeoutMs: options.answerTimeoutMs,
      posts: this.#posts,
      endpoint: () => this.#connection.endpoint,
      isVerified: () => this.#connection.welcome?.isVerified === true,
      send: (channel, record) => this.#send(channel, record),
      emit: (event) => this.queue.push(event),
      later: (delayMs, task) => void this.later(delayMs, task),
      isOpen: () => this.status === 'open',
      onOver: (reason, text) => this.end(reason, text),
    });
    this.#connection = new LinkConnection(first, {
      ...connection,
      onBegin: () => this.#membership.begin(),
      onEvent: (event) => this.#handle(event),
      onReachable: (isReachable, reason) => this.#reachable(isReachable, reason),
      onLost: (reason) => this.end('lost', `The connection is lost: ${reason}`),
    });
    this.every(readoutIntervalMs, () => this.#tellLink(false));
    if (options.offline !== undefined) {
      this.#membership.want(options.offline.wanted);
      this.#connection.beginOffline(options.offline.reason);
    }
  }

  get room(): string {
    return this.#membership.room?.name ?? this.#options.offline?.wanted.room ?? '';
  }

  get role(): 'host' | 'member' {
    return this.#membership.room?.joined.isHost === true ? 'host' : 'member';
  }

  get host(): string | undefined {
    return this.#membership.room?.joined.host || undefined;
  }

  get messageBytesMax(): number {
    return this.#connection.welcome?.messageBytesMax ?? MESSAGE_BYTES_MAX;
  }

  override get outbox(): OutboxView {
    return this.#posts;
  }

  override get link(): LinkStatus {
    const { readout, pathReason: reason } = this.#connection;
    const { confirmedMs } = readout;
    const confirmedAgoMs = confirmedMs === undefined ? undefined : Math.max(0, this.#connection.nowMs - confirmedMs);
    const isVerified = this.#connection.welcome?.isVerified === true;
    return { ...readout, confirmedAgoMs, reason, isVerified };
  }

  /** For tests and for programs that know of a change of network before the system tells. */
  replaceSocket(): void {
    this.#connection.replaceSocket();
  }

  /** Join the first room. */
  async enter(wanted: Wanted, signal?: AbortSignal): Promise<void> {
    await this.#membership.enter(wanted, signal);
  }

  send(text: string, options: SendOptions = {}): Promise<SendReceipt> {
    return this.#post(EventKind.MESSAGE, undefined, text, options);
  }

  override edit(seq: number, text: string, options: SendOptions = {}): Promise<SendReceipt> {
    return this.#post(EventKind.EDIT, seq, text, options);
  }

  override withdraw(seq: number, options: SendOptions = {}): Promise<SendReceipt> {
    return this.#post(EventKind.DELETE, seq, '', options);
  }

  override react(seq: number, text: string, options: SendOptions = {}): Promise<SendReceipt> {
    return this.#post(EventKind.REACTION, seq, text, options);
  }

  override typing(isTyping: boolean): void {
    const { room } = this.#membership;
    if (room === undefined || this.status !== 'open' || !this.#connection.isUp) return;
    this.#connection.endpoint.sendEphemeral(room.channel, EphemeralKind.TYPING, encodeTyping(isTyping));
    this.#connection.wake();
  }

  async #post(kind: number, target: number | undefined, text: string, { signal }: SendOptions): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.requireOpen();
    if (target !== undefined && !(Number.isSafeInteger(target) && target > 0)) {
      throw new RangeError(`Cannot send: ${target} is no number of a message`);
    }
    const body = bodyOf(text, this.messageBytesMax);
    const { accepted } = this.#posts.add({ room: this.room, kind, target, body });
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { sendTimeoutMs } = this.#options;
    const timer = setTimeout(() => {
      const text = `Not confirmed within ${sendTimeoutMs} ms; it is kept and sent again`;
      reject(new ClientError('SEND_UNCERTAIN', `Cannot send: ${text}`));
    }, sendTimeoutMs);
    try {
      const seq = await withSignal(Promise.race([accepted, late]), signal);
      return { status: 'accepted', seq };
    } finally {
      clearTimeout(timer);
    }
  }

  override async join(room: string, { password = '', signal }: JoinOptions = {}): Promise<void> {
    this.requireOpen();
    if (room === this.room) return;
    await this.#membership.enter({ room, entry: 'join-or-make', password }, signal);
  }

  override async rooms({ signal }: SendOptions = {}): Promise<string[]> {
    this.requireOpen();
    return listRooms(this.#membership.requests, this.#asking(signal));
  }

  override async users({ signal }: SendOptions = {}): Promise<string[]> {
    this.requireOpen();
    const { requests, channel } = this.#membership;
    return listUsers(requests, channel, this.#asking(signal));
  }

  override async keys({ signal }: SendOptions = {}): Promise<OwnKey[]> {
    this.requireOpen();
    return ownKeys(this.#membership.requests, undefined, this.#asking(signal));
  }

  override async addKey(key: string, { signal }: SendOptions = {}): Promise<OwnKey[]> {
    this.requireOpen();
    return ownKeys(this.#membership.requests, { type: 'add-key', key }, this.#asking(signal));
  }

  override async removeKey(key: string, { signal }: SendOptions = {}): Promise<OwnKey[]> {
    this.requireOpen();
    return ownKeys(this.#membership.requests, { type: 'remove-key', key }, this.#asking(signal));
  }

  #asking(signal: AbortSignal | undefined) {
    return { timeoutMs: this.#options.answerTimeoutMs, signal };
  }

  override async search(query: string, { before, limit, signal }: SearchOptions = {}): Promise<SearchPage> {
    this.requireOpen();
    const { requests, channel } = this.#membership;
    return searchOverLink(requests, channel, query, {
      before,
      limit,
      signal,
      timeoutMs: this.#options.answerTimeoutMs,
    });
  }

  protected async sayFarewell(): Promise<void> {
    const { room } = this.#membership;
    if (room !== undefined && this.#connection.isUp) {
      // LEAVE is on another channel than what was said just before.
      await this.#posts.settled(room.name, FAREWELL_MS);
      await this.#membership.leave();
    }
    await this.#connection.close();
  }

  protected release(): void {
    this.#connection.end();
    this.#membership.release();
    this.#posts.release('Cannot send: the session is over; the message is kept in the outbox');
    if (this.#options.isOutboxOurs) this.#options.outbox.close();
  }

  #send(channel: number, record: Uint8Array): boolean {
    const { isFull } = this.#connection.endpoint.send(channel, record);
    this.#connection.wake();
    return isFull;
  }

  #handle(event: LinkEvent): void {
    if (this.status === 'closed') return;
    if (event.type === 'path') this.#tellLink(true);
    else this.#membership.handle(event);
  }

  #reachable(isReachable: boolean, reason: string): void {
    if (isReachable) this.noteReachable();
    else this.noteUnreachable(reason);
    this.#posts.reachable(isReachable);
    this.#tellLink(true);
  }

  #tellLink(isChange: boolean): void {
    if (this.status !== 'open') return;
    const status = this.link;
    this.queue.push({ type: 'link', isChange, status, text: linkText(status) });
  }
}

function addressOf({ socket }: Dialled): string {
  const { localAddress = '', localPort } = socket;
  return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}
