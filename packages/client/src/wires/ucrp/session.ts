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
import { EventQueue } from '../../event-queue.ts';
import type { ClosedEvent, CloseReason, SendOptions, SendReceipt, Session, SessionEvent } from '../../session.ts';
import { Outstanding } from './outstanding.ts';

/** When the registration is sent after opening, ms: it has no answer, and a lost one would leave us deaf. */
const REGISTER_AT_MS = [0, 150, 600];
/** How often it is repeated after that, ms: keeps a NAT's mapping open, and moves us when our address changed. */
const REGISTER_EVERY_MS = 20_000;
/** Leaving has no answer either, so it is said more than once, this far apart. ms */
const LEAVE_COPIES = 3;
const LEAVE_GAP_MS = 20;
/** Messages that may wait for confirmation at the same time; further ones wait for their turn. */
const WINDOW = 32;
/** What `encodeChatString` can carry in one datagram besides the sender's name. */
const DATAGRAM_BYTES_MAX = 4096;

const NOTICE = /^(.+) (joined|left)$/s;

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
export class UcrpSession implements Session {
  readonly scheme = 'ucrp';
  readonly room: string;
  readonly user: string;
  readonly role: 'host' | 'member';
  readonly host: string | undefined;
  readonly messageBytesMax: number;
  readonly isConfirming: boolean;
  readonly closed: Promise<ClosedEvent>;
  readonly #options: UcrpSessionOptions;
  readonly #socket: Socket;
  readonly #queue: EventQueue<SessionEvent>;
  readonly #outstanding = new Outstanding();
  readonly #waiting: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #inWindow = 0;
  #localAddress = '';
  #status: Session['status'] = 'open';
  #isReachable = true;
  #resolveClosed!: (event: ClosedEvent) => void;
  #leaving: Promise<void> | undefined;

  /** Open the data path: bind a socket and register it. */
  static async open(options: UcrpSessionOptions): Promise<UcrpSession> {
    const socket = createSocket(isIPv6(options.serverAddress) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // Connected: only the server's datagrams come in, and the system tells us when nobody listens there.
      socket.connect(options.udpPort, options.serverAddress, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    return new UcrpSession(options, socket);
  }

  private constructor(options: UcrpSessionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.room = options.room;
    this.user = options.user;
    this.role = options.role;
    this.host = options.host;
    this.isConfirming = options.hasEcho;
    this.messageBytesMax = ucrpMessageBytesMax('compact', options.room, options.token);
    this.#queue = new EventQueue(options.eventsMax);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { address, port } = socket.address();
    this.#localAddress = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.on('error', (error) => this.#hearError(error));
    if (options.dialect === 'string') this.#keepRegistered();
  }

  get status(): Session['status'] {
    return this.#status;
  }

  get localAddress(): string {
    return this.#localAddress;
  }

  events(options: SendOptions = {}): AsyncIterableIterator<SessionEvent> {
    return this.#queue.read(options.signal);
  }

  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    signal?.throwIfAborted();
    const body = this.#judge(text);
    await this.#enterWindow(signal);
    try {
      // While it waited for its turn the session may have ended, or the caller have lost patience.
      signal?.throwIfAborted();
      if (this.#status !== 'open') throw sessionClosed();
      if (!this.isConfirming) {
        await this.#transmit(body);
        return { status: 'sent' };
      }
      await this.#transmitAndConfirm(text, body, signal);
      return { status: 'accepted' };
    } finally {
      this.#leaveWindow();
    }
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

  #judge(text: string): Uint8Array {
    if (this.#status !== 'open') throw sessionClosed();
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
        if (error !== null && error !== undefined) this.#hearError(error);
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
    this.#hearServer();
    switch (delivery.kind) {
      case 'closed':
        this.#end('room-closed', 'The host has left; the room is closed');
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
        this.#queue.push({ type: 'notice', text: delivery.text, member: { user: delivery.user, change } });
      }
    }
  }

  #hearChat(user: string, text: string): void {
    if (this.#options.dialect === 'string' && user === 'system') {
      this.#hearSystem(text);
      return;
    }
    const own = user === this.user && this.isConfirming ? this.#outstanding.match(text) : undefined;
    this.#queue.push({ type: 'message', user, text, isOwn: own !== undefined });
  }

  #hearSystem(text: string): void {
    const match = NOTICE.exec(text);
    if (match === null || !this.#options.hasNotices) {
      this.#queue.push({ type: 'notice', text });
      // The object dialect has no datagram for the end of a room, only this line.
      if (text === OBJECT_ROOM_CLOSED && this.#options.dialect === 'object') this.#end('room-closed', text);
      return;
    }
    const change = match[2] === 'joined' ? 'joined' : 'left';
    this.#queue.push({ type: 'notice', text, member: { user: match[1]!, change } });
  }

  #hearServer(): void {
    if (this.#isReachable) return;
    this.#isReachable = true;
    this.#queue.push({ type: 'reachability', isReachable: true, text: 'The server answers again' });
  }

  #hearError(error: Error): void {
    if (!this.#isReachable || this.#status !== 'open') return;
    this.#isReachable = false;
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ECONNREFUSED' ? 'nothing listens there' : error.message;
    this.#queue.push({ type: 'reachability', isReachable: false, text: `The server cannot be reached: ${reason}` });
  }

  #keepRegistered(): void {
    const register = (): void => void this.#transmit(encodeUtf8(UCRP_REGISTER));
    for (const delayMs of REGISTER_AT_MS) {
      if (delayMs === 0) register();
      else this.#later(delayMs, register);
    }
    const repeat = setInterval(register, REGISTER_EVERY_MS);
    this.#timers.add(repeat);
  }

  #later(delayMs: number, task: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, delayMs);
    this.#timers.add(timer);
  }

  async #leave(): Promise<void> {
    if (this.#status !== 'open') return;
    this.#status = 'closing';
    this.#stopTimers();
    if (this.#options.dialect === 'string') {
      const farewell = encodeUtf8(UCRP_LEAVE);
      for (let copy = 0; copy < LEAVE_COPIES; copy += 1) {
        if (copy > 0) await new Promise((resolve) => setTimeout(resolve, LEAVE_GAP_MS));
        await this.#transmit(farewell);
      }
    }
    this.#end('left', 'You have left the room');
  }

  #end(reason: CloseReason, text: string): void {
    if (this.#status === 'closed') return;
    this.#status = 'closed';
    this.#stopTimers();
    this.#socket.close();
    const event: ClosedEvent = { type: 'closed', reason, text };
    this.#queue.end(event);
    this.#resolveClosed(event);
    this.#outstanding.failAll(sessionClosed());
    for (const proceed of this.#waiting.splice(0)) proceed();
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #enterWindow(signal: AbortSignal | undefined): Promise<void> {
    if (this.#inWindow >= WINDOW) {
      await new Promise<void>((resolve, reject) => {
        const proceed = (): void => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const abort = (): void => {
          this.#waiting.splice(this.#waiting.indexOf(proceed), 1);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
        this.#waiting.push(proceed);
      });
    }
    this.#inWindow += 1;
  }

  #leaveWindow(): void {
    this.#inWindow -= 1;
    this.#waiting.shift()?.();
  }
}

/** The line with which a Confab server ends a room for the object dialect (docs/wires/ucrp.md). */
const OBJECT_ROOM_CLOSED = 'Room closed: the host has left';

function sessionClosed(): ClientError {
  return new ClientError('SESSION_CLOSED', 'Cannot send: the session is over');
}
