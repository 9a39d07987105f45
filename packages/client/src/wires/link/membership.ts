import { CodecError } from '@confab/wire';
import {
  type ControlMessage,
  decodeAttributed,
  decodeControl,
  decodeTyping,
  EphemeralKind,
  type Joined,
  LeftReason,
  type LinkEndpoint,
  type LinkEntry,
  LinkErrorCode,
  type LinkEvent,
} from '@confab/wire/link';
import { ClientError } from '../../errors.ts';
import type { CloseReason, SessionEvent } from '../../session.ts';
import type { Posts } from './posts.ts';
import { isPassing, LinkRefusal } from './refusals.ts';
import { LinkRequests } from './requests.ts';
import { LinkRoom } from './room.ts';

/** A room that could not be joined again is tried again after so long, ms. */
const REJOIN_MS = 1000;
/** Time for the answer to LEAVE, ms. */
const LEAVE_MS = 2000;

export interface MembershipOptions {
  readonly user: string;
  readonly outboxId: Uint8Array;
  /** Events before one came in that are asked for. */
  readonly history: number;
  readonly answerTimeoutMs: number;
  readonly posts: Posts;
  /** The session's state machine; another one after a session was begun anew. */
  readonly endpoint: () => LinkEndpoint;
  /** Whether the server has taken our device key for the owner of our name. */
  readonly isVerified: () => boolean;
  /** Put a record on a channel. @returns whether the channel is full now */
  readonly send: (channel: number, record: Uint8Array) => boolean;
  readonly emit: (event: SessionEvent) => void;
  readonly later: (delayMs: number, task: () => void) => void;
  readonly isOpen: () => boolean;
  /** The membership is over, and cannot be had again. */
  readonly onOver: (reason: CloseReason, text: string) => void;
}

export interface Wanted {
  readonly room: string;
  readonly entry: LinkEntry;
  readonly password: string;
}

/**
 * The room that a session is in: joined, joined again with its cursor on each session that is begun anew, changed for
 * another one, left. Hears the control channel and the room's.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #requests: LinkRequests | undefined;
  #room: LinkRoom | undefined;
  /** What to join on the first session, when there was none to begin with. */
  #wanted: Wanted | undefined;
  #lastChannel = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get room(): LinkRoom | undefined {
    return this.#room;
  }

  /** On the session of now. @throws {ClientError} CONNECT_FAILED: there was none yet */
  get requests(): LinkRequests {
    if (this.#requests !== undefined) return this.#requests;
    throw new ClientError('CONNECT_FAILED', 'Cannot ask the server: it was not reached yet');
  }

  /** Of the room. @throws {ClientError} CONNECT_FAILED: none was joined yet */
  get channel(): number {
    if (this.#room !== undefined) return this.#room.channel;
    throw new ClientError('CONNECT_FAILED', 'Cannot ask the server: the room was not joined yet');
  }

  /** Join this room as soon as there is a session. */
  want(wanted: Wanted): void {
    this.#wanted = wanted;
  }

  /** A session that the server knows nothing of: the first one, or after a restart. */
  begin(): void {
    this.#requests?.failAll('the connection was lost');
    this.#requests = new LinkRequests((record) => void this.#options.send(0, record));
    this.#lastChannel = 0;
    this.#options.posts.closed();
    if (this.#room !== undefined || this.#wanted !== undefined) void this.#rejoin(this.#requests);
  }

  /** Join a room; the one before it is left once that is done. */
  async enter(wanted: Wanted, signal?: AbortSignal): Promise<void> {
    await this.#ask(wanted, undefined, signal);
  }

  async leave(): Promise<void> {
    if (this.#room !== undefined) await this.#leaveChannel(this.#room.channel);
  }

  /** Nobody is answered any more. */
  release(): void {
    this.#requests?.failAll('the session is over');
  }

  handle(event: LinkEvent): void {
    switch (event.type) {
      case 'record':
        this.#hear(event.channel, event.number, event.body);
        break;
      case 'skipped':
        if (event.channel === this.#room?.channel) this.#room.skipped(event.first, event.last);
        break;
      case 'drained':
        if (event.channel === this.#room?.channel) this.#options.posts.drained();
        break;
      case 'ephemeral':
        if (event.channel === this.#room?.channel) this.#overhear(event.kind, event.body);
        break;
      default:
      // The rest is not about rooms.
    }
  }

  /** Said and forgotten; what cannot be read, or is of another kind, is not worth a word. */
  #overhear(kind: number, bytes: Uint8Array): void {
    if (kind !== EphemeralKind.TYPING) return;
    try {
      const { user, body } = decodeAttributed(bytes);
      this.#options.emit({ type: 'typing', user, isTyping: decodeTyping(body) });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
    }
  }

  /** Join the room again, or for the first time, until it works or is refused for good. */
  async #rejoin(requests: LinkRequests): Promise<void> {
    const { isOpen, onOver, later } = this.#options;
    const room = this.#room;
    const isLeft = (): boolean => requests !== this.#requests || !isOpen() || room !== this.#room;
    try {
      if (room === undefined) {
        await this.#ask(this.#wanted!, undefined);
        return;
      }
      const entry = room.joined.isHosted ? 'join-only' : 'join-or-make';
      await this.#ask({ room: room.name, entry, password: room.password }, room);
    } catch (error) {
      // A later session tries by itself.
      if (isLeft()) return;
      if (error instanceof LinkRefusal && !isPassing(error.wireCode)) {
        const gone: number[] = [LinkErrorCode.ROOM_CLOSED, LinkErrorCode.ROOM_NOT_FOUND];
        onOver(gone.includes(error.wireCode) && room !== undefined ? 'room-closed' : 'lost', error.message);
        return;
      }
      later(REJOIN_MS, () => {
        if (!isLeft()) void this.#rejoin(requests);
      });
    }
  }

  async #ask(wanted: Wanted, rejoins: LinkRoom | undefined, signal?: AbortSignal): Promise<void> {
    const { room, entry, password } = wanted;
    const { history, outboxId, answerTimeoutMs } = this.#options;
    this.#lastChannel += 1;
    const channel = this.#lastChannel;
    const place = rejoins === undefined ? { token: '', history } : { token: rejoins.joined.token };
    await this.requests.ask(
      (request) => ({
        type: 'join',
        request,
        channel,
        entry,
        room,
        password,
        outboxId,
        ...place,
        ...(rejoins === undefined ? {} : { cursor: rejoins.cursor }),
      }),
      {
        action: `Cannot join room ${JSON.stringify(room)}`,
        timeoutMs: answerTimeoutMs,
        signal,
        onAnswer: (answer) => {
          if (answer.type === 'joined') this.#joined(answer, password, rejoins);
        },
      },
    );
  }

  #joined(joined: Joined, password: string, rejoins: LinkRoom | undefined): void {
    const { endpoint, user, isVerified, emit, posts } = this.#options;
    endpoint().openChannel(joined.channel, { sendFrom: 1, receiveFrom: joined.first });
    const old = this.#room;
    if (rejoins !== undefined) rejoins.reopened(joined);
    else {
      const host = { user, isVerified: isVerified(), emit, seen: (post: number, seq: number) => posts.seen(post, seq) };
      this.#room = new LinkRoom(host, joined, password);
      if (old !== undefined || this.#wanted !== undefined) emit({ type: 'entered', room: joined.room });
      this.#wanted = undefined;
      if (old !== undefined) {
        posts.closed();
        void this.#leaveChannel(old.channel);
      }
    }
    posts.opened(joined.room);
  }

  async #leaveChannel(channel: number): Promise<void> {
    const leaving = this.requests.ask((request) => ({ type: 'leave', request, channel }), {
      action: 'Cannot leave the room',
      timeoutMs: LEAVE_MS,
    });
    // Gone already, or the server is: then it forgets us by itself.
    await leaving.catch(() => {});
  }

  #hear(channel: number, number: number, body: Uint8Array): void {
    try {
      if (channel === 0) this.#control(decodeControl(body));
      else if (channel === this.#room?.channel) this.#room.receive(number, body);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#options.onOver('lost', `The server broke the protocol: ${error.message}`);
    }
  }

  #control(message: ReturnType<typeof decodeControl>): void {
    const { posts } = this.#options;
    switch (message.type) {
      case 'joined':
      case 'failed':
      case 'room-list':
      case 'user-list':
      case 'found':
      case 'key-list':
        this.requests.answer(message.request, message);
        break;
      case 'left':
        this.#left(message);
        break;
      case 'accepted':
        if (message.channel !== this.#room?.channel) break;
        posts.accepted(message.post, message.number, message.number < this.#room.next);
        break;
      case 'refused':
        // A server that stops takes them when it is there again.
        if (message.channel !== this.#room?.channel || message.code === LinkErrorCode.SERVER_CLOSING) break;
        posts.refused(message.post, new LinkRefusal(message.code, 'Cannot send', message.text));
        break;
      default:
      // Of a later version, or what only a client says.
    }
  }

  #left(message: Extract<ControlMessage, { type: 'left' }>): void {
    const { request, channel, reason, text } = message;
    if (request !== 0) this.requests.answer(request, message);
    if (channel !== this.#room?.channel) {
      this.#options.endpoint().closeChannel(channel);
      return;
    }
    if (request !== 0) return;
    if (reason === LeftReason.ROOM_CLOSED) this.#options.onOver('room-closed', text);
    else this.#options.onOver('lost', `The server has ended the membership: ${text}`);
  }
}
