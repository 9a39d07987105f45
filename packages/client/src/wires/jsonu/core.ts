import { CodecError, encodeUtf8 } from '@confab/wire';
import {
  decodeJsonEvent,
  encodeJsonRequest,
  type JsonEvent,
  type JsonRequest,
  jsonErrorTexts,
  jsonTexts,
} from '@confab/wire/json';
import { ClientError, type ClientErrorCode } from '../../errors.ts';
import type { MessageEvent, NoticeEvent } from '../../session.ts';
import { leftOutText, noticeOf } from '../../session-base.ts';
import { Arrivals, type Broadcast } from './arrivals.ts';
import { Asking, type SettleAnswer } from './asking.ts';
import { Nudges } from './nudges.ts';
import { Retries, type RetriesOptions } from './retries.ts';

/** Between repetitions of the join that shows the server that we are there, and us that it still knows us, ms. */
const KEEPALIVE_MS = 60_000;
/** The same while the server does not answer, ms. */
const KEEPALIVE_LOST_MS = 5000;
/** Own messages that may not have come back yet. */
const OWN_MAX = 256;

export const UNCERTAIN_TEXT = 'Message delivery uncertain (no ACK)';

/** What the server says when it refuses a join; other errors may pass by themselves, so the join goes on being sent. */
const joinRefusals: Readonly<Record<string, ClientErrorCode>> = {
  [jsonErrorTexts.invalidRoomName]: 'ROOM_NAME_INVALID',
  [jsonErrorTexts.invalidUserName]: 'USER_NAME_INVALID',
  [jsonErrorTexts.incorrectPassword]: 'UNAUTHORIZED',
  [jsonErrorTexts.roomFull]: 'ROOM_FULL',
  [jsonTexts.roomClosed]: 'ROOM_NOT_FOUND',
  [jsonErrorTexts.serverError]: 'SERVER_ERROR',
};

/** What can be asked about the room. */
export type AskedQuestion = Extract<JsonRequest, { type: 'who' | 'search' }>;
export type Settle = (error?: ClientError) => void;

export interface CoreHandlers {
  transmit(datagram: Uint8Array): void;
  show(event: MessageEvent | NoticeEvent): void;
  /** Something came from the server. */
  reachable(): void;
  /** The server does not answer, or says that it goes. */
  unreachable(reason: string): void;
  roomClosed(text: string): void;
}

export interface CoreOptions extends RetriesOptions {
  readonly user: string;
  /** Where ids begin. A server that remembers another program at this address should not take us for it. */
  readonly firstId: number;
  readonly handlers: CoreHandlers;
}

interface Entering {
  readonly id: number;
  readonly room: string;
  readonly password: string | undefined;
  readonly settle: Settle;
}

/**
 * A member's side of JSON datagrams, without socket and timers: sends until acknowledged, acknowledges, shows each line
 * once, joins again when the server has forgotten us. Time is an argument, in ms on one clock.
 */
export class JsonuCore {
  readonly #options: CoreOptions;
  readonly #handlers: CoreHandlers;
  readonly #retries: Retries;
  readonly #arrivals: Arrivals;
  readonly #asking: Asking;
  #nextId: number;
  /** The time of the call under way. */
  #now = 0;
  #room = '';
  #password: string | undefined;
  #entering: Entering | undefined;
  #message: { readonly id: number; readonly settle: Settle } | undefined;
  /** Texts that this session sent and that have not come back. */
  #own: string[] = [];
  #keepaliveMs = Number.POSITIVE_INFINITY;
  #isLost = false;
  /** While nothing has come from the room: say again that we acknowledge, so that the server sends it again. */
  readonly #nudges: Nudges;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#handlers = options.handlers;
    this.#retries = new Retries(options);
    this.#asking = new Asking(this.#retries);
    this.#nudges = new Nudges(options, () => this.#nudge());
    this.#arrivals = new Arrivals(options.user, (event, isHistory) => this.#show(event, isHistory));
    this.#nextId = options.firstId;
  }

  get room(): string {
    return this.#room;
  }

  /** Enter a room. One at a time; `settle` hears how it ended. Returns what takes it back. */
  join(nowMs: number, room: string, password: string | undefined, settle: Settle): () => void {
    this.#now = nowMs;
    if (room !== this.#room) this.#arrivals.forget();
    this.#arrivals.enter();
    const entering: Entering = { id: this.#takeId(), room, password, settle };
    this.#entering = entering;
    const request = this.#encodeJoin(room, password, entering.id);
    const transmit = (): void => {
      this.#handlers.transmit(request);
      this.#nudge();
    };
    this.#retries.start(nowMs, entering.id, transmit, (outcome) => {
      if (this.#entering !== entering) return;
      if (outcome === 'acked') this.#entered(entering);
      else
        this.#refuseEntering(new ClientError('CONNECT_TIMEOUT', `Cannot join room ${JSON.stringify(room)}: no answer`));
    });
    return () => {
      this.#retries.drop(entering.id);
      if (this.#entering === entering) this.#entering = undefined;
      this.#arrivals.end();
    };
  }

  /** Say something. One at a time, so that a repeated message never overtakes. Returns what stops the waiting. */
  send(nowMs: number, text: string, settle: Settle): () => void {
    const id = this.#takeId();
    const message = { id, settle };
    this.#message = message;
    this.#own.push(text);
    if (this.#own.length > OWN_MAX) this.#own.shift();
    const request = this.#encode({ type: 'message', text, id });
    this.#retries.start(
      nowMs,
      id,
      () => this.#handlers.transmit(request),
      (outcome) => {
        if (outcome === 'acked') this.#settleMessage();
        else this.#settleMessage(new ClientError('SEND_UNCERTAIN', UNCERTAIN_TEXT));
      },
    );
    return () => {
      this.#retries.drop(id);
      if (this.#message === message) this.#message = undefined;
    };
  }

  /**
   * Ask about the room. One question at a time. Returns what stops the waiting.
   * @throws {ClientError} REFUSED: it is too long
   */
  ask(nowMs: number, asked: AskedQuestion, settle: SettleAnswer): () => void {
    const id = this.#takeId();
    const request = this.#encode({ ...asked, id });
    return this.#asking.start(nowMs, { type: asked.type, id, settle }, () => this.#handlers.transmit(request));
  }

  leave(nowMs: number, settle: () => void): void {
    this.#keepaliveMs = Number.POSITIVE_INFINITY;
    const id = this.#takeId();
    const request = this.#encode({ type: 'leave', id });
    this.#retries.start(nowMs, id, () => this.#handlers.transmit(request), settle);
  }

  /** The session is over: nobody is told of anything any more. */
  end(): void {
    this.#arrivals.end();
    this.#entering = undefined;
    this.#message = undefined;
  }

  receive(nowMs: number, datagram: Uint8Array): void {
    this.#now = nowMs;
    let event: JsonEvent;
    try {
      event = decodeJsonEvent(datagram);
    } catch (error) {
      if (error instanceof CodecError) return;
      throw error;
    }
    this.#isLost = false;
    this.#handlers.reachable();
    this.#keepaliveMs = Math.min(this.#keepaliveMs, nowMs + KEEPALIVE_MS);
    switch (event.type) {
      case 'ack':
        this.#retries.acked(event.id);
        return;
      case 'users':
        if (this.#asking.answered(event) && event.more !== undefined) {
          this.#handlers.show({ type: 'notice', text: leftOutText(event.more) });
        }
        return;
      case 'found':
        this.#asking.answered(event);
        return;
      case 'message':
      case 'system':
        this.#hear(nowMs, event);
        return;
      case 'error':
        this.#hearError(nowMs, event.text);
        return;
      default:
      // A list of rooms, which nobody asked for, or a type of a later version.
    }
  }

  nextTimeoutMs(): number {
    const parts = [this.#retries, this.#arrivals, this.#nudges].map((part) => part.nextTimeoutMs());
    return Math.min(this.#keepaliveMs, ...parts);
  }

  onTimeout(nowMs: number): void {
    this.#now = nowMs;
    this.#retries.onTimeout(nowMs);
    this.#arrivals.onTimeout(nowMs);
    this.#nudges.onTimeout(nowMs);
    if (nowMs >= this.#keepaliveMs) this.#keepAlive(nowMs);
  }

  /** The system says that nobody listens there. */
  refused(nowMs: number, reason: string): void {
    if (this.#room === '') {
      this.#refuseEntering(new ClientError('CONNECT_FAILED', `Cannot connect: ${reason}`));
      return;
    }
    this.#lose(nowMs, reason);
  }

  #entered({ room, password, settle }: Entering): void {
    const nowMs = this.#now;
    this.#entering = undefined;
    this.#room = room;
    this.#password = password;
    this.#arrivals.entered(nowMs);
    this.#keepaliveMs = nowMs + KEEPALIVE_MS;
    this.#nudges.start(nowMs);
    settle();
  }

  #refuseEntering(error: ClientError): void {
    const entering = this.#entering;
    if (entering === undefined) return;
    this.#entering = undefined;
    this.#retries.drop(entering.id);
    this.#arrivals.end();
    entering.settle(error);
  }

  #settleMessage(error?: ClientError): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    this.#retries.drop(message.id);
    message.settle(error);
  }

  #hear(nowMs: number, event: Broadcast): void {
    this.#handlers.transmit(this.#encode({ type: 'ack', seq: event.seq }));
    this.#nudges.stop();
    // Of a room that one has left.
    if (event.room !== this.#room && event.room !== this.#entering?.room) return;
    if (event.type === 'system' && event.text === jsonErrorTexts.serverClosing) {
      this.#lose(nowMs, 'it is shutting down');
      return;
    }
    this.#arrivals.receive(nowMs, event);
    if (event.type === 'system' && event.text === jsonTexts.roomClosed && event.room === this.#room) {
      this.#arrivals.end();
      this.#handlers.roomClosed(event.text);
    }
  }

  #hearError(nowMs: number, text: string): void {
    if (this.#asking.isRefusal(text)) return;
    const refusal = joinRefusals[text];
    if (this.#entering !== undefined && refusal !== undefined) {
      const { room } = this.#entering;
      this.#refuseEntering(new ClientError(refusal, `Cannot join room ${JSON.stringify(room)}: ${text}`));
    } else if (text === jsonErrorTexts.joinFirst) {
      if (this.#room !== '' && this.#entering === undefined) this.#joinAgain(nowMs);
    } else if (text === jsonErrorTexts.messageTooLong && this.#message !== undefined) {
      this.#settleMessage(new ClientError('MESSAGE_TOO_LONG', `Cannot send: ${text}`));
    } else if (text !== jsonErrorTexts.tooManyRequests && text !== jsonErrorTexts.serverBusy) {
      // Those two pass, and what was refused is sent again by then.
      this.#handlers.show({ type: 'notice', text });
    }
  }

  /** The server has forgotten us: it was started anew, or could not be reached for long. */
  #joinAgain(nowMs: number): void {
    this.join(nowMs, this.#room, this.#password, (error) => {
      if (error === undefined) {
        this.#handlers.show({ type: 'notice', text: 'The server had lost this session; it has joined again' });
        // What it refused meanwhile.
        this.#retries.restart(this.#now);
      } else {
        this.#lose(this.#now, error.message);
      }
    });
  }

  /** A join that changes nothing is only acknowledged; to a server that has forgotten us it is a join. */
  #keepAlive(nowMs: number): void {
    this.#keepaliveMs = nowMs + (this.#isLost ? KEEPALIVE_LOST_MS : KEEPALIVE_MS);
    if (this.#entering !== undefined) return;
    const id = this.#takeId();
    const request = this.#encodeJoin(this.#room, this.#password, id);
    const transmit = (): void => {
      this.#handlers.transmit(request);
      this.#nudge();
    };
    this.#retries.start(nowMs, id, transmit, (outcome) => {
      if (outcome === 'silent') this.#lose(this.#now, 'it does not answer');
    });
  }

  #lose(nowMs: number, reason: string): void {
    this.#handlers.unreachable(reason);
    if (this.#isLost || this.#keepaliveMs === Number.POSITIVE_INFINITY) return;
    this.#isLost = true;
    this.#keepaliveMs = Math.min(this.#keepaliveMs, nowMs + KEEPALIVE_LOST_MS);
  }

  /** Acknowledges nothing, and so says that this client acknowledges. */
  #nudge(): void {
    this.#handlers.transmit(this.#encode({ type: 'ack', seq: 0 }));
  }

  #show(event: Broadcast, isHistory: boolean | undefined): void {
    const { text, seq } = event;
    if (event.type === 'system') {
      this.#handlers.show({ ...noticeOf(text), seq, ...(isHistory === false ? {} : { isHistory: true }) });
      return;
    }
    const isOwn = isHistory !== true && this.#isOwn(event);
    const past = (isHistory ?? !isOwn) ? { isHistory: true } : {};
    this.#handlers.show({ type: 'message', user: event.user, text, isOwn, seq, ...past });
  }

  #isOwn({ user, text }: Broadcast & { type: 'message' }): boolean {
    const index = user === this.#options.user ? this.#own.indexOf(text) : -1;
    if (index < 0) return false;
    this.#own.splice(index, 1);
    return true;
  }

  #encodeJoin(room: string, password: string | undefined, id: number): Uint8Array {
    const { user } = this.#options;
    return this.#encode({ type: 'join', room, user, id, ...(password === undefined ? {} : { password }) });
  }

  #encode(request: JsonRequest): Uint8Array {
    return encodeUtf8(encodeJsonRequest(request));
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }
}
