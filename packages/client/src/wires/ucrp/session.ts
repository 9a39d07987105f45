import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { CodecError, encodeUtf8 } from '@confab/wire';
import {
  decodeDelivery,
  encodeUcrpRequest,
  UCRP_LEAVE,
  UCRP_REGISTER,
  type UcrpDelivery,
  ucrpMessageBytesMax,
} from '@confab/wire/ucrp';
import { ClientError } from '../../errors.ts';
import { SendWindow } from '../../send-window.ts';
import type { SendOptions, SendReceipt } from '../../session.ts';
import { noticeOf, SessionBase, sessionClosed, unreachableReason } from '../../session-base.ts';
import { Outstanding } from './outstanding.ts';

/** When the registration is sent again after opening, ms: it has no answer, and a lost one would leave us deaf. */
const REGISTER_AGAIN_AT_MS = [150, 600];
/** How often it is repeated after that, ms: keeps a NAT's mapping open, and moves us when our address changed. */
const REGISTER_EVERY_MS = 20_000;
/** Leaving has no answer either, so it is said more than once, this far apart. ms */
const LEAVE_COPIES = 3;
const LEAVE_GAP_MS = 20;
/** Messages that may wait for confirmation at the same time; further ones wait for their turn. */
const WINDOW = 32;
/** What `encodeChatString` can carry in one datagram besides the sender's name. */
const DATAGRAM_BYTES_MAX = 4096;

export interface UcrpSessionOptions {
  readonly serverAddress: string;
  readonly udpPort: number;
  readonly room: string;
  readonly user: string;
  readonly token: string;
  readonly role: 'host' | 'member';
  readonly host: string | undefined;
  readonly dialect: 'string' | 'object';
  /** The server sends our own messages back to us. */
  readonly hasEcho: boolean;
  /** The server tells of joins and leaves, as lines from `system`. */
  readonly hasNotices: boolean;
  readonly sendTimeoutMs: number;
  readonly eventsMax: number;
}

/** UCRP from a member's side. */
export class UcrpSession extends SessionBase {
  readonly scheme = 'ucrp';
  readonly room: string;
  readonly user: string;
  readonly role: 'host' | 'member';
  readonly host: string | undefined;
  readonly messageBytesMax: number;
  readonly isConfirming: boolean;
  readonly localAddress: string;
  readonly #options: UcrpSessionOptions;
  readonly #socket: Socket;
  readonly #outstanding = new Outstanding();
  readonly #window = new SendWindow(WINDOW);

  /** Open the data path: bind a socket and register it. */
  static async open(options: UcrpSessionOptions): Promise<UcrpSession> {
    const socket = createSocket(isIPv6(options.serverAddress) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(error);
      });
      // Connected: only the server's datagrams come in, and the system tells us when nobody listens there.
      socket.connect(options.udpPort, options.serverAddress, () => {
        socket.removeAllListeners('error');
        resolve();
      });
    });
    return new UcrpSession(options, socket);
  }

  private constructor(options: UcrpSessionOptions, socket: Socket) {
    super(options.eventsMax);
    this.#options = options;
    this.#socket = socket;
    this.room = options.room;
    this.user = options.user;
    this.role = options.role;
    this.host = options.host;
    this.isConfirming = options.hasEcho;
    this.messageBytesMax = ucrpMessageBytesMax('compact', options.room, options.token);
    const { address, port } = socket.address();
    this.localAddress = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.on('error', (error) => this.noteUnreachable(unreachableReason(error)));
    if (options.dialect === 'string') this.#keepRegistered();
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    const body = this.#judge(text);
    await this.#window.enter(signal);
    try {
      // While it waited for its turn the session may have ended, or the caller have lost patience.
      signal?.throwIfAborted();
      this.requireOpen();
      if (!this.isConfirming) {
        await this.#transmit(body);
        return { status: 'sent' };
      }
      await this.#transmitAndConfirm(text, body, signal);
      return { status: 'accepted' };
    } finally {
      this.#window.leave();
    }
  }

  protected async sayFarewell(): Promise<void> {
    if (this.#options.dialect !== 'string') return;
    const farewell = encodeUtf8(UCRP_LEAVE);
    for (let copy = 0; copy < LEAVE_COPIES; copy += 1) {
      if (copy > 0) await new Promise((resolve) => setTimeout(resolve, LEAVE_GAP_MS));
      await this.#transmit(farewell);
    }
  }

  protected release(): void {
    this.#socket.close();
    this.#outstanding.failAll(sessionClosed());
  }

  #judge(text: string): Uint8Array {
    this.requireOpen();
    let body: Uint8Array;
    try {
      body = encodeUtf8(text);
    } catch (cause) {
      throw new ClientError('MESSAGE_RESERVED', 'Cannot send: the text is not well-formed Unicode', { cause });
    }
    if (body.length > this.messageBytesMax) {
      throw new ClientError(
        'MESSAGE_TOO_LONG',
        `Cannot send: ${body.length} bytes exceed ${this.messageBytesMax} (a UCRP datagram holds 4096 with room and token)`,
      );
    }
    if (this.#options.dialect === 'string' && (text === UCRP_REGISTER || text === UCRP_LEAVE)) {
      throw new ClientError('MESSAGE_RESERVED', `Cannot send: "${text}" is a command on this wire`);
    }
    return body;
  }

  async #transmitAndConfirm(text: string, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const cameBack = Promise.withResolvers<void>();
    // It may fail before anybody waits for it, which is no fault.
    cameBack.promise.catch(() => {});
    const isLong = 1 + encodeUtf8(this.user).length + body.length > this.#pieceBytesMax();
    const message = this.#outstanding.add(text, isLong, { confirm: cameBack.resolve, fail: cameBack.reject });
    const timer = setTimeout(() => {
      const { sendTimeoutMs } = this.#options;
      cameBack.reject(new ClientError('SEND_UNCERTAIN', `Not confirmed within ${sendTimeoutMs} ms; it may be lost`));
    }, this.#options.sendTimeoutMs);
    const abort = (): void => cameBack.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#transmit(body);
      await cameBack.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#outstanding.drop(message);
    }
  }

  /** Bytes after which the server cuts a message into several datagrams. */
  #pieceBytesMax(): number {
    return this.#options.dialect === 'object' ? 255 : DATAGRAM_BYTES_MAX;
  }

  #transmit(message: Uint8Array): Promise<void> {
    const { room, token } = this.#options;
    const datagram = encodeUcrpRequest({ layout: 'compact', room, token, message });
    return new Promise((resolve) => {
      // An error here (nobody listening, network down) is a lost datagram: the confirmation will not come.
      this.#socket.send(datagram, (error) => {
        if (error !== null && error !== undefined) this.noteUnreachable(unreachableReason(error));
        resolve();
      });
    });
  }

  #receive(datagram: Uint8Array): void {
    let delivery: UcrpDelivery;
    try {
      delivery = decodeDelivery(this.#options.dialect === 'object' ? 'typed' : 'string', datagram);
    } catch (error) {
      if (error instanceof CodecError) return;
      throw error;
    }
    this.noteReachable();
    switch (delivery.kind) {
      case 'closed':
        this.end('room-closed', 'The host has left; the room is closed');
        return;
      case 'chat':
        this.#hearChat(delivery.user, delivery.text);
        return;
      case 'system':
        this.#hearSystem(delivery.text);
        return;
      case 'join':
      case 'leave': {
        const change = delivery.kind === 'join' ? 'joined' : 'left';
        this.queue.push({ type: 'notice', text: delivery.text, member: { user: delivery.user, change } });
      }
    }
  }

  #hearChat(user: string, text: string): void {
    if (this.#options.dialect === 'string' && user === 'system') {
      this.#hearSystem(text);
      return;
    }
    const own = user === this.user && this.isConfirming ? this.#outstanding.match(text) : undefined;
    this.queue.push({ type: 'message', user, text, isOwn: own !== undefined });
  }

  #hearSystem(text: string): void {
    this.queue.push(this.#options.hasNotices ? noticeOf(text) : { type: 'notice', text });
    // The object dialect has no datagram for the end of a room, only this line.
    if (text === OBJECT_ROOM_CLOSED && this.#options.dialect === 'object') this.end('room-closed', text);
  }

  #keepRegistered(): void {
    const register = (): void => void this.#transmit(encodeUtf8(UCRP_REGISTER));
    register();
    for (const delayMs of REGISTER_AGAIN_AT_MS) this.later(delayMs, register);
    this.every(REGISTER_EVERY_MS, register);
  }
}

/** The line with which a Confab server ends a room for the object dialect (docs/wires/ucrp.md). */
const OBJECT_ROOM_CLOSED = 'Room closed: the host has left';
