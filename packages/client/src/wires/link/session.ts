import { CodecError } from '@confab/wire';
import {
  type ControlMessage,
  decodeControl,
  type Joined,
  LeftReason,
  type LinkEntry,
  LinkErrorCode,
  type LinkEvent,
  type PathReason,
} from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { Outbox } from '../../outbox/outbox.ts';
import type { OutboxView } from '../../outbox/view.ts';
import type {
  JoinOptions,
  LinkStatus,
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
import { EventKind } from './kinds.ts';
import { Posts } from './posts.ts';
import { isPassing, LinkRefusal } from './refusals.ts';
import { LinkRequests } from './requests.ts';
import { LinkRoom } from './room.ts';
import { searchOverLink } from './search.ts';
import { bodyOf, linkText } from './texts.ts';

/** A room that could not be joined again is tried again after so long, ms. */
const REJOIN_MS = 1000;
/** When leaving: time for what is under way, and for the server's answer, ms each. */
const FAREWELL_MS = 2000;

export interface LinkSessionParameters {
  readonly first: Dialled;
  readonly connection: Omit<LinkConnectionOptions, 'onBegin' | 'onEvent' | 'onDoubt' | 'onReachable' | 'onLost'>;
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
  override readonly abilities: ReadonlySet<SessionAbility> = new Set(['join', 'rooms', 'users', 'search']);
  readonly #options: LinkSessionParameters;
  readonly #connection: LinkConnection;
  readonly #posts: Posts;
  #requests!: LinkRequests;
  #room: LinkRoom | undefined;
  #lastChannel = 0;
  #pathReason: PathReason | undefined;

  constructor(options: LinkSessionParameters) {
    super(options.eventsMax);
    this.#options = options;
    const { first, connection, outbox, readoutIntervalMs } = options;
    this.user = connection.dialling.user;
    this.localAddress = addressOf(first);
    this.#posts = new Posts({
      outbox,
      send: (record) => this.#send(this.#room!.channel, record),
      emit: (event) => this.queue.push(event),
      later: (delayMs, task) => void this.later(delayMs, task),
    });
    this.#connection = new LinkConnection(first, {
      ...connection,
      onBegin: () => this.#begin(),
      onEvent: (event) => this.#handle(event),
      // The smallest request there is, for it is refused: no room is on the control channel.
      onDoubt: () => void this.#leaveChannel(0),
      onReachable: (isReachable, reason) => this.#reachable(isReachable, reason),
      onLost: (reason) => this.end('lost', `The connection is lost: ${reason}`),
    });
    this.every(readoutIntervalMs, () => this.#tellLink(false));
  }

  get room(): string {
    return this.#room?.name ?? '';
  }

  get role(): 'host' | 'member' {
    return this.#room?.joined.isHost === true ? 'host' : 'member';
  }

  get host(): string | undefined {
    return this.#room?.joined.host || undefined;
  }

  get messageBytesMax(): number {
    return this.#connection.welcome.messageBytesMax;
  }

  override get outbox(): OutboxView {
    return this.#posts;
  }

  override get link(): LinkStatus {
    const { readout } = this.#connection.endpoint;
    const { confirmedMs } = readout;
    const confirmedAgoMs = confirmedMs === undefined ? undefined : Math.max(0, this.#connection.nowMs - confirmedMs);
    const { isVerified } = this.#connection.welcome;
    return { ...readout, confirmedAgoMs, reason: this.#pathReason, isVerified };
  }

  /** For tests and for programs that know of a change of network before the system tells. */
  replaceSocket(): void {
    this.#connection.replaceSocket();
  }

  /** Join the first room. */
  async enter(room: string, entry: LinkEntry, options: JoinOptions): Promise<void> {
    const { password = '', signal } = options;
    await this.#ask({ room, entry, password }, signal);
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.requireOpen();
    const body = bodyOf(text, this.messageBytesMax);
    const { accepted } = this.#posts.add(this.room, EventKind.MESSAGE, body);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { sendTimeoutMs } = this.#options;
    const timer = setTimeout(() => {
      const text = `Not confirmed within ${sendTimeoutMs} ms; it is kept and sent again`;
      reject(new ClientError('SEND_UNCERTAIN', `Cannot send: ${text}`));
    }, sendTimeoutMs);
    try {
      await withSignal(Promise.race([accepted, late]), signal);
      return { status: 'accepted' };
    } finally {
      clearTimeout(timer);
    }
  }

  override async join(room: string, { password = '', signal }: JoinOptions = {}): Promise<void> {
    this.requireOpen();
    if (room === this.room) return;
    await this.#ask({ room, entry: 'join-or-make', password }, signal);
  }

  override async rooms({ signal }: SendOptions = {}): Promise<string[]> {
    this.requireOpen();
    const answer = await this.#requests.ask((request) => ({ type: 'rooms', request }), {
      action: 'Cannot list rooms',
      timeoutMs: this.#options.answerTimeoutMs,
      signal,
    });
    return answer.type === 'room-list' ? answer.rooms.map(({ room }) => room).sort() : [];
  }

  override async users({ signal }: SendOptions = {}): Promise<string[]> {
    this.requireOpen();
    const { channel } = this.#room!;
    const answer = await this.#requests.ask((request) => ({ type: 'users', request, channel }), {
      action: 'Cannot tell who is here',
      timeoutMs: this.#options.answerTimeoutMs,
      signal,
    });
    return answer.type === 'user-list' ? answer.users.map(({ user }) => user) : [];
  }

  override async search(query: string, { before, limit, signal }: SearchOptions = {}): Promise<SearchPage> {
    this.requireOpen();
    return searchOverLink(this.#requests, this.#room!.channel, query, {
      before,
      limit,
      signal,
      timeoutMs: this.#options.answerTimeoutMs,
    });
  }

  protected async sayFarewell(): Promise<void> {
    const room = this.#room;
    if (room !== undefined && this.#connection.isUp) {
      // LEAVE is on another channel than what was said just before.
      await this.#posts.settled(room.name, FAREWELL_MS);
      await this.#leaveChannel(room.channel);
    }
    await this.#connection.close();
  }

  protected release(): void {
    this.#connection.end();
    this.#requests.failAll('the session is over');
    this.#posts.release('Cannot send: the session is over; the message is kept in the outbox');
    if (this.#options.isOutboxOurs) this.#options.outbox.close();
  }

  /** A session that the server knows nothing of: the first one, or after a restart. */
  #begin(): void {
    this.#requests?.failAll('the connection was lost');
    this.#requests = new LinkRequests((record) => void this.#send(0, record));
    this.#lastChannel = 0;
    this.#posts.closed();
    if (this.#room !== undefined) void this.#rejoin(this.#room, this.#requests);
  }

  async #rejoin(room: LinkRoom, requests: LinkRequests): Promise<void> {
    const entry = room.joined.isHosted ? 'join-only' : 'join-or-make';
    try {
      await this.#ask({ room: room.name, entry, password: room.password, rejoins: room });
    } catch (error) {
      // A later session tries by itself.
      if (requests !== this.#requests || this.status !== 'open' || room !== this.#room) return;
      if (error instanceof LinkRefusal && !isPassing(error.wireCode)) {
        const gone: number[] = [LinkErrorCode.ROOM_CLOSED, LinkErrorCode.ROOM_NOT_FOUND];
        this.end(gone.includes(error.wireCode) ? 'room-closed' : 'lost', error.message);
        return;
      }
      this.later(REJOIN_MS, () => {
        if (requests === this.#requests && room === this.#room) void this.#rejoin(room, requests);
      });
    }
  }

  async #ask(
    wanted: { room: string; entry: LinkEntry; password: string; rejoins?: LinkRoom },
    signal?: AbortSignal,
  ): Promise<void> {
    const { room, entry, password, rejoins } = wanted;
    this.#lastChannel += 1;
    const channel = this.#lastChannel;
    const place =
      rejoins === undefined ? { token: '', history: this.#options.history } : { token: rejoins.joined.token };
    await this.#requests.ask(
      (request) => ({
        type: 'join',
        request,
        channel,
        entry,
        room,
        password,
        outboxId: this.#options.outbox.id,
        ...place,
        ...(rejoins === undefined ? {} : { cursor: rejoins.cursor }),
      }),
      {
        action: `Cannot join room ${JSON.stringify(room)}`,
        timeoutMs: this.#options.answerTimeoutMs,
        signal,
        onAnswer: (answer) => {
          if (answer.type === 'joined') this.#joined(answer, password, rejoins);
        },
      },
    );
  }

  #joined(joined: Joined, password: string, rejoins: LinkRoom | undefined): void {
    this.#connection.endpoint.openChannel(joined.channel, { sendFrom: 1, receiveFrom: joined.first });
    const old = this.#room;
    if (rejoins !== undefined) rejoins.reopened(joined);
    else {
      const { isVerified } = this.#connection.welcome;
      this.#room = new LinkRoom(
        {
          user: this.user,
          isVerified,
          emit: (event) => this.queue.push(event),
          seen: (post) => this.#posts.seen(post),
        },
        joined,
        password,
      );
      if (old !== undefined) {
        this.#posts.closed();
        void this.#leaveChannel(old.channel);
      }
    }
    this.#posts.opened(joined.room);
  }

  async #leaveChannel(channel: number): Promise<void> {
    const leaving = this.#requests.ask((request) => ({ type: 'leave', request, channel }), {
      action: 'Cannot leave the room',
      timeoutMs: FAREWELL_MS,
    });
    // Gone already, or the server is: then it forgets us by itself.
    await leaving.catch(() => {});
  }

  #send(channel: number, record: Uint8Array): boolean {
    const { isFull } = this.#connection.endpoint.send(channel, record);
    this.#connection.wake();
    return isFull;
  }

  #handle(event: LinkEvent): void {
    if (this.status === 'closed') return;
    switch (event.type) {
      case 'record':
        this.#hear(event.channel, event.number, event.body);
        break;
      case 'skipped':
        if (event.channel === this.#room?.channel) this.#room.skipped(event.first, event.last);
        break;
      case 'drained':
        if (event.channel === this.#room?.channel) this.#posts.drained();
        break;
      case 'path':
        this.#pathReason = event.reason;
        this.#tellLink(true);
        break;
      default:
      // Typing and presence have no events yet.
    }
  }

  #hear(channel: number, number: number, body: Uint8Array): void {
    try {
      if (channel === 0) this.#control(decodeControl(body));
      else if (channel === this.#room?.channel) this.#room.receive(number, body);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.end('lost', `The server broke the protocol: ${error.message}`);
    }
  }

  #control(message: ReturnType<typeof decodeControl>): void {
    switch (message.type) {
      case 'joined':
      case 'failed':
      case 'room-list':
      case 'user-list':
      case 'found':
        this.#requests.answer(message.request, message);
        break;
      case 'left':
        this.#left(message);
        break;
      case 'accepted':
        if (message.channel !== this.#room?.channel) break;
        this.#posts.accepted(message.post, message.number < this.#room.next);
        break;
      case 'refused':
        // A server that stops takes them when it is there again.
        if (message.channel !== this.#room?.channel || message.code === LinkErrorCode.SERVER_CLOSING) break;
        this.#posts.refused(message.post, new LinkRefusal(message.code, 'Cannot send', message.text));
        break;
      default:
      // Of a later version, or what only a client says.
    }
  }

  #left(message: Extract<ControlMessage, { type: 'left' }>): void {
    const { request, channel, reason, text } = message;
    if (request !== 0) this.#requests.answer(request, message);
    if (channel !== this.#room?.channel) {
      this.#connection.endpoint.closeChannel(channel);
      return;
    }
    if (request !== 0) return;
    if (reason === LeftReason.ROOM_CLOSED) this.end('room-closed', text);
    else this.end('lost', `The server has ended the membership: ${text}`);
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
