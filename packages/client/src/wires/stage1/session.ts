import type { Socket } from 'node:dgram';
import { CodecError, encodeUtf8 } from '@confab/wire';
import {
  decodeStage1,
  encodeStage1,
  type Stage1Datagram,
  Stage1Type,
  stage1MessageBytesMax,
} from '@confab/wire/stage1';
import { localAddressOf } from '../../datagram-socket.ts';
import { ClientError } from '../../errors.ts';
import type { NoticeEvent, SendOptions, SendReceipt } from '../../session.ts';
import { SessionBase, sessionClosed, unreachableReason } from '../../session-base.ts';
import { Presence } from './presence.ts';

/** A disconnect has no answer, so it is said more than once, this far apart, ms. */
const FAREWELL_COPIES = 3;
const FAREWELL_GAP_MS = 20;

const EMPTY = new Uint8Array(0);
const bodies = new TextDecoder('utf-8', { ignoreBOM: true });

export interface Stage1SessionOptions {
  readonly room: string;
  readonly user: string;
  readonly eventsMax: number;
}

/** Stage 1 broadcast chat from a user's side, in the typed layout. Nothing is confirmed on this wire. */
export class Stage1Session extends SessionBase {
  readonly scheme = 'stage1';
  readonly room: string;
  readonly user: string;
  readonly role = 'member';
  readonly host = undefined;
  readonly messageBytesMax: number;
  readonly isConfirming = false;
  readonly localAddress: string;
  readonly #socket: Socket;
  readonly #presence: Presence;
  readonly #entered = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param socket connected to the server; the session closes it
   * @throws {ClientError} USER_NAME_INVALID: more than 255 bytes, empty, or the server's own
   */
  constructor(socket: Socket, { room, user, eventsMax }: Stage1SessionOptions) {
    super(eventsMax);
    this.room = room;
    this.user = user;
    this.messageBytesMax = stage1MessageBytesMax('typed', user);
    this.#socket = socket;
    this.localAddress = localAddressOf(socket);
    this.#entered.promise.catch(() => {});
    this.#presence = new Presence({
      transmit: (type) => void this.#transmit(type, EMPTY),
      entered: (isAgain) => {
        this.#entered.resolve();
        if (isAgain) this.queue.push({ type: 'notice', text: 'You have joined again' });
      },
      reachable: () => this.noteReachable(),
      unreachable: (reason) => this.noteUnreachable(reason),
    });
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.on('error', (error) => this.#refused(error));
  }

  /** Whether the server has answered, though perhaps not let us in. */
  get isAnswered(): boolean {
    return this.#presence.isAnswered;
  }

  /** Fulfils when there is a sign that we are in. Rejects with the signal's reason. */
  async enter(signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#entered.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#presence.start(performance.now());
    this.#wind();
    try {
      await this.#entered.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    this.requireOpen();
    if (!text.isWellFormed()) {
      throw new ClientError('MESSAGE_RESERVED', 'Cannot send: the text is not well-formed Unicode');
    }
    const body = encodeUtf8(text);
    if (body.length > this.messageBytesMax) {
      throw new ClientError(
        'MESSAGE_TOO_LONG',
        `Cannot send: ${body.length} bytes exceed ${this.messageBytesMax} (a stage 1 datagram holds 4096 with the user name)`,
      );
    }
    await this.#transmit(Stage1Type.CHAT, body);
    return { status: 'sent' };
  }

  protected async sayFarewell(): Promise<void> {
    for (let copy = 0; copy < FAREWELL_COPIES; copy += 1) {
      if (copy > 0) await new Promise((resolve) => setTimeout(resolve, FAREWELL_GAP_MS));
      await this.#transmit(Stage1Type.DISCONNECT, EMPTY);
    }
  }

  protected release(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
    this.#entered.reject(sessionClosed());
  }

  #transmit(type: Stage1Type, message: Uint8Array): Promise<void> {
    if (this.status === 'closed') return Promise.resolve();
    const datagram = encodeStage1({ layout: 'typed', type, user: this.user, message });
    return new Promise((resolve) => {
      // An error here (nobody listening, network down) is a lost datagram.
      this.#socket.send(datagram, (error) => {
        if (error !== null && error !== undefined) this.#refused(error);
        resolve();
      });
    });
  }

  #receive(datagram: Uint8Array): void {
    let heard: Stage1Datagram;
    try {
      heard = decodeStage1(datagram, 'typed');
    } catch (error) {
      if (error instanceof CodecError) return;
      throw error;
    }
    const text = bodies.decode(heard.message);
    const nowMs = performance.now();
    if (heard.type === Stage1Type.CHAT) {
      this.#presence.heardChat(nowMs);
      this.queue.push({ type: 'message', user: heard.user, text, isOwn: false });
    } else if (heard.type === Stage1Type.SYSTEM && this.#presence.heardSystem(nowMs, text)) {
      this.queue.push(noticeOfStage1(text));
    }
    this.#wind();
  }

  #refused(error: Error): void {
    if (this.status === 'closed') return;
    const reason = unreachableReason(error);
    // Nobody waits for a server that is not there; one that was may come back.
    if (this.#presence.state === 'entering') {
      this.#entered.reject(new ClientError('CONNECT_FAILED', `Cannot connect: ${reason}`, { cause: error }));
    }
    this.#presence.refused(performance.now(), reason);
    this.#wind();
  }

  /** Set the timer to when there is something to do. Leaving stops it. */
  #wind(): void {
    clearTimeout(this.#timer);
    if (this.status !== 'open') return;
    const delayMs = Math.ceil(this.#presence.nextTimeoutMs() - performance.now());
    this.#timer = setTimeout(
      () => {
        this.#presence.onTimeout(performance.now());
        this.#wind();
      },
      Math.min(Math.max(0, delayMs), 0x7fff_ffff),
    );
  }
}

const JOINED = /^🎉 (.+) has joined the chat$/su;
const LEFT = /^👋 (.+) has left the chat\.\.\.$/su;

/** What a server's line says, where it tells of somebody's coming or going. */
export function noticeOfStage1(text: string): NoticeEvent {
  const joined = JOINED.exec(text)?.[1];
  if (joined !== undefined) return { type: 'notice', text, member: { user: joined, change: 'joined' } };
  const left = LEFT.exec(text)?.[1];
  return left === undefined
    ? { type: 'notice', text }
    : { type: 'notice', text, member: { user: left, change: 'left' } };
}
