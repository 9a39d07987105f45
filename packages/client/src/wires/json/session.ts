import { CodecError, encodeUtf8 } from '@confab/wire';
import {
  decodeJsonEvent,
  encodeJsonRequest,
  JSON_SYSTEM_ROOM,
  type JsonEvent,
  jsonErrorTexts,
  jsonTexts,
} from '@confab/wire/json';
import { ClientError } from '../../errors.ts';
import { SendWindow } from '../../send-window.ts';
import type { JoinOptions, NoticeEvent, SearchOptions, SearchPage, SendOptions, SendReceipt } from '../../session.ts';
import { leftOutText, noticeOf, SessionBase } from '../../session-base.ts';
import { withSignal } from '../../with-signal.ts';
import type { JsonChannel } from './channel.ts';
import { pageOf } from './found.ts';
import { isStillInRoom } from './refusals.ts';
import { Requests } from './requests.ts';

/** Messages that may wait for confirmation at the same time; further ones wait for their turn. */
const WINDOW = 32;
/** Longest message, bytes of UTF-8. */
const MESSAGE_BYTES_MAX = 4096;

export interface JsonSessionOptions {
  readonly scheme: string;
  readonly channel: JsonChannel;
  readonly user: string;
  /** Wait for the answer to a join or to a list of rooms, ms. */
  readonly answerTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly eventsMax: number;
}

/** A room that is being joined. */
interface Entering {
  readonly room: string;
  /** The highest number known before: our own join has a higher one, those of the past have not. */
  readonly beforeSeq: number;
  /** Back to a room that we were in: what was heard before is passed over. */
  readonly heardSeq: number | undefined;
}

/** JSON lines or WebSocket, from a member's side (docs/wires/json-lines.md). */
export class JsonSession extends SessionBase {
  readonly scheme: string;
  readonly user: string;
  readonly role = 'member';
  readonly host = undefined;
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly isConfirming = true;
  readonly localAddress: string;
  override readonly abilities = new Set(['join', 'rooms', 'users', 'search'] as const);
  readonly #options: JsonSessionOptions;
  readonly #channel: JsonChannel;
  readonly #window = new SendWindow(WINDOW);
  readonly #requests: Requests;
  readonly #greeted = Promise.withResolvers<void>();
  #room = '';
  /** False from the refusal of another room until we are back. */
  #isInRoom = false;
  #password: string | undefined;
  #entering: Entering | undefined;
  /** Settles when the move to another room under way, if any, is over. Never rejects. */
  #move: Promise<unknown> = Promise.resolve();
  /** The highest number that the server has told us … */
  #counter = 0;
  /** … and that of a line of the room we are in. */
  #roomSeq = 0;
  /** Names that the newest list had no place for. */
  #leftOut = 0;

  constructor(options: JsonSessionOptions) {
    super(options.eventsMax);
    this.#options = options;
    this.#channel = options.channel;
    this.scheme = options.scheme;
    this.user = options.user;
    this.localAddress = options.channel.localAddress;
    this.#requests = new Requests((line) => options.channel.send(line));
    this.#greeted.promise.catch(() => {});
    options.channel.listen({
      onText: (text) => this.#receive(text),
      onEnd: (reason) => this.#lose(`The connection to the server is gone: ${reason}`),
    });
  }

  get room(): string {
    return this.#room;
  }

  /**
   * Enter the first room, which is made unless it `mustExist`.
   * @throws {ClientError} ROOM_NOT_FOUND, and what the server refused with
   */
  async enter(
    room: string,
    { password, mustExist, signal }: { password: string | undefined; mustExist: boolean; signal: AbortSignal },
  ): Promise<void> {
    await withSignal(this.#greeted.promise, signal);
    if (mustExist && !(await this.#ask('rooms', signal)).includes(room) && this.#leftOut === 0) {
      throw new ClientError('ROOM_NOT_FOUND', `Cannot join room ${JSON.stringify(room)}: it does not exist`);
    }
    await this.#enter(room, password, { signal });
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.#judge(text);
    await this.#window.enter(signal);
    try {
      // What is said while one moves is said in the new room.
      await withSignal(this.#move, signal);
      this.requireOpen();
      await this.#requests.ask(
        { type: 'message', room: this.#room, text },
        { action: 'Cannot send', timeoutMs: this.#options.sendTimeoutMs, signal },
      );
      return { status: 'accepted' };
    } finally {
      this.#window.leave();
    }
  }

  override async join(room: string, { password, signal }: JoinOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    this.requireOpen();
    const move = this.#move.then(() => this.#moveTo(room, password, signal));
    this.#move = move.catch(() => {});
    await move;
  }

  override async rooms({ signal }: SendOptions = {}): Promise<string[]> {
    signal?.throwIfAborted();
    this.requireOpen();
    const names = await this.#ask('rooms', signal);
    this.#noteLeftOut();
    return names;
  }

  override async users({ signal }: SendOptions = {}): Promise<string[]> {
    signal?.throwIfAborted();
    this.requireOpen();
    // Of the new room, if one is on the way there.
    await withSignal(this.#move, signal);
    this.requireOpen();
    const names = await this.#ask('who', signal);
    this.#noteLeftOut();
    return names;
  }

  override async search(query: string, { before, limit, signal }: SearchOptions = {}): Promise<SearchPage> {
    signal?.throwIfAborted();
    this.requireOpen();
    await withSignal(this.#move, signal);
    this.requireOpen();
    const bounds = { ...(before === undefined ? {} : { before }), ...(limit === undefined ? {} : { limit }) };
    const request = { type: 'search', query, ...bounds } as const;
    const timeoutMs = this.#options.answerTimeoutMs;
    const answer = await this.#requests.ask(request, { action: 'Cannot search', timeoutMs, signal });
    return answer?.type === 'found' ? pageOf(answer) : { messages: [], before: undefined, unsearched: 0 };
  }

  protected async sayFarewell(): Promise<void> {
    this.#channel.send(encodeJsonRequest({ type: 'leave' }));
    await this.#channel.finish();
  }

  protected release(): void {
    this.#channel.destroy();
    this.#requests.failAll();
  }

  async #ask(type: 'rooms' | 'who', signal: AbortSignal | undefined): Promise<string[]> {
    this.requireOpen();
    const action = type === 'rooms' ? 'Cannot list rooms' : 'Cannot tell who is here';
    const answer = await this.#requests.ask({ type }, { action, timeoutMs: this.#options.answerTimeoutMs, signal });
    if (answer?.type === 'rooms') return [...answer.rooms];
    return answer?.type === 'users' ? [...answer.users] : [];
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

  async #moveTo(room: string, password: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    const [oldRoom, oldPassword] = [this.#room, this.#password];
    try {
      await this.#enter(room, password, { signal });
    } catch (error) {
      if (!(error instanceof ClientError) || this.status !== 'open' || this.#isInRoom) throw error;
      // The server has left the old room before it refused the new one: back to where we were.
      try {
        if (error.code === 'CONNECT_TIMEOUT') throw error;
        await this.#enter(oldRoom, oldPassword, { heardSeq: this.#roomSeq });
      } catch (cause) {
        this.#lose(`Cannot go back to room ${JSON.stringify(oldRoom)}: ${(cause as Error).message}`);
      }
      throw error;
    }
  }

  async #enter(
    room: string,
    password: string | undefined,
    { signal, heardSeq }: { signal?: AbortSignal | undefined; heardSeq?: number },
  ): Promise<void> {
    this.requireOpen();
    const request = { type: 'join', room, user: this.user, ...(password ? { password } : {}) } as const;
    const action = `Cannot join room ${JSON.stringify(room)}`;
    await this.#requests.ask(request, {
      action,
      timeoutMs: this.#options.answerTimeoutMs,
      signal,
      onPlaced: () => {
        this.#entering = { room, beforeSeq: this.#counter, heardSeq };
      },
    });
    this.#password = password;
  }

  #receive(text: string): void {
    let event: JsonEvent;
    try {
      event = decodeJsonEvent(text);
    } catch (error) {
      // Not for us, whoever made it.
      if (error instanceof CodecError) return;
      throw error;
    }
    switch (event.type) {
      case 'message':
        this.#hearMessage(event);
        break;
      case 'system':
        this.#hearSystem(event);
        break;
      case 'rooms':
        if (this.#requests.oldest?.request.type !== 'rooms') break;
        this.#leftOut = event.more ?? 0;
        this.#requests.shift()!.answer(event);
        break;
      case 'users':
        if (this.#requests.oldest?.request.type !== 'who') break;
        this.#leftOut = event.more ?? 0;
        this.#requests.shift()!.answer(event);
        break;
      case 'found':
        if (this.#requests.oldest?.request.type === 'search') this.#requests.shift()!.answer(event);
        break;
      case 'error':
        this.#hearError(event.text);
        break;
      case 'ack':
      case 'unknown':
        return;
    }
    if ('seq' in event && event.seq !== undefined) this.#counter = Math.max(this.#counter, event.seq);
  }

  #noteLeftOut(): void {
    if (this.#leftOut > 0) this.queue.push({ type: 'notice', text: leftOutText(this.#leftOut) });
  }

  #hearMessage({ room, user, text, seq }: Extract<JsonEvent, { type: 'message' }>): void {
    const past = this.#pastOf(room, seq);
    if (past === 'heard') return;
    this.#noteHeard(room, seq);
    const asked = this.#requests.oldest?.request;
    const isOwn = past === undefined && user === this.user && asked?.type === 'message' && asked.text === text;
    this.queue.push({ type: 'message', user, text, isOwn, seq, ...(past === 'new' ? { isHistory: true } : {}) });
    if (isOwn) this.#requests.shift()!.answer();
  }

  #hearSystem({ room, text, seq }: Extract<JsonEvent, { type: 'system' }>): void {
    if (room === JSON_SYSTEM_ROOM && this.#room === '' && this.#entering === undefined) {
      this.#counter = Math.max(this.#counter, seq);
      this.#greeted.resolve();
      return;
    }
    const past = this.#pastOf(room, seq);
    const entering = this.#entering;
    const isOwnJoin =
      entering !== undefined &&
      room === entering.room &&
      seq > entering.beforeSeq &&
      text === jsonTexts.joined(this.user) &&
      this.#requests.oldest?.request.type === 'join';
    if (isOwnJoin) {
      this.#room = room;
      this.#isInRoom = true;
      this.#roomSeq = seq;
      this.#entering = undefined;
      this.queue.push(noticeWith(text, { seq }));
      this.#requests.shift()!.answer();
      return;
    }
    if (past === 'heard') return;
    this.#noteHeard(room, seq);
    this.queue.push(noticeWith(text, past === 'new' ? { seq, isHistory: true } : { seq }));
    if (past === undefined && room === this.#room && text === jsonTexts.roomClosed) this.end('room-closed', text);
  }

  #hearError(text: string): void {
    const missed = MISSED.exec(text);
    if (missed !== null) {
      this.queue.push({ type: 'missed', count: Number(missed[1]) });
      return;
    }
    const pending = this.#requests.shift();
    if (pending === undefined) {
      this.queue.push({ type: 'notice', text });
      return;
    }
    if (pending.request.type === 'join') {
      this.#entering = undefined;
      this.#isInRoom &&= isStillInRoom(text);
      // Whoever asked for the other room would have led back to the old one.
      if (pending.isAbandoned && !this.#isInRoom) this.#lose(`The other room could not be joined: ${text}`);
    }
    pending.refuse(text);
  }

  /** What comes from a room before our own join there: *new* to us, or *heard* before, when we go back to it. */
  #pastOf(room: string, seq: number): 'new' | 'heard' | undefined {
    const entering = this.#entering;
    if (entering === undefined || room !== entering.room) return undefined;
    return entering.heardSeq !== undefined && seq <= entering.heardSeq ? 'heard' : 'new';
  }

  #noteHeard(room: string, seq: number): void {
    if (room === this.#room) this.#roomSeq = Math.max(this.#roomSeq, seq);
  }

  #lose(text: string): void {
    this.#greeted.reject(new ClientError('CONNECT_FAILED', text));
    this.end('lost', text);
  }
}

/** `Too slow: n events left out`. */
const MISSED = new RegExp(`^${jsonErrorTexts.eventsMissed(0).replace('0', '(\\d+)')}$`);

function noticeWith(text: string, more: Pick<NoticeEvent, 'seq' | 'isHistory'>): NoticeEvent {
  return { ...noticeOf(text), ...more };
}
