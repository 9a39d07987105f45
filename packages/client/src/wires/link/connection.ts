import type { TLSSocket } from 'node:tls';
import { addressText, LinkDriver, LinkLoop, nodeLinkCrypto } from '@confab/link';
import {
  type LinkEndpoint,
  LinkErrorCode,
  type LinkEvent,
  type LinkReadout,
  LinkSession,
  type LinkTuning,
  type PathMode,
  type PathReason,
  type Welcome,
} from '@confab/wire/link';
import { reconnectDelayMs } from './backoff.ts';
import { DATAGRAM_BYTES_MAX, type Dialled, type DialOptions, dial } from './dial.ts';
import { LocalSocket } from './local-socket.ts';
import { NOTHING_MEASURED } from './nothing-measured.ts';
import { isPassing, isTemporary, LinkRefusal } from './refusals.ts';

/** How often it is looked whether any path works, ms. */
const CHECK_MS = 500;
/** A server that was never reached is tried for so long, s: as long as servers keep memberships by default. */
const FIRST_CONNECTION_S = 86_400;
/** How long a goodbye may take, ms. */
const FAREWELL_MS = 2000;

export interface LinkConnectionOptions {
  /** How to connect; `ticket` and `signal` are the connection's own. */
  readonly dialling: Omit<DialOptions, 'ticket' | 'signal' | 'wantsUdp' | 'onTrusted'>;
  readonly mode: PathMode;
  readonly tuning?: Partial<LinkTuning> | undefined;
  /** 0–1, for back-off. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** A session that the server knows nothing of yet: rooms are to be joined. Called once more whenever one is begun anew. */
  readonly onBegin: (welcome: Welcome) => void;
  /** Everything the session tells but its end. */
  readonly onEvent: (event: LinkEvent) => void;
  readonly onReachable: (isReachable: boolean, reason: string) => void;
  /** Gone, and cannot be had again. Not called after `close`. */
  readonly onLost: (reason: string) => void;
}

/**
 * A session's paths: one TLS connection after another and one UDP socket, for one `LinkSession` after another. What is lost
 * is connected anew, for as long as the server keeps the membership.
 */
export class LinkConnection {
  readonly #options: LinkConnectionOptions;
  readonly #loop = new LinkLoop();
  readonly #stop = new AbortController();
  readonly #check: NodeJS.Timeout;
  #driver: LinkDriver | undefined;
  #socket: TLSSocket | undefined;
  #local: LocalSocket | undefined;
  #welcome: Welcome | undefined;
  /** Undefined: the next connection begins a session anew. */
  #ticket: Uint8Array | undefined;
  #attempts = 0;
  /** Since when there was no connection, monotonic ms. */
  #outageSinceMs = 0;
  /** Since when the server was not reached on any path, monotonic ms. */
  #downSinceMs: number | undefined;
  #redialTimer: NodeJS.Timeout | undefined;
  #isRedialling = false;
  #lastReason = 'the connection was closed';
  #pathReason: PathReason | undefined;

  /** @param first undefined: the server could not be reached yet, see `beginOffline` */
  constructor(first: Dialled | undefined, options: LinkConnectionOptions) {
    this.#options = options;
    this.#check = setInterval(() => this.#checkReach(), CHECK_MS);
    if (first !== undefined) this.#begin(first);
  }

  /** The state machine; there is one from the first connection on. */
  get endpoint(): LinkEndpoint {
    return this.#driver!.endpoint;
  }

  /** What the server said last; undefined: it was not reached yet. */
  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  get readout(): LinkReadout {
    return this.#driver?.endpoint.readout ?? NOTHING_MEASURED;
  }

  /** Why the path in use was taken; undefined: it is the first one of the session. */
  get pathReason(): PathReason | undefined {
    return this.#pathReason;
  }

  /** Begin without the server: connect when it can be reached. @param reason why it cannot */
  beginOffline(reason: string): void {
    this.#lastReason = reason;
    this.#outageSinceMs = this.nowMs;
    this.#checkReach();
    this.#redialSoon();
  }

  /** Monotonic ms, the clock of the read-out. */
  get nowMs(): number {
    return this.#loop.clock.monotonicMs();
  }

  /** Whether the server can be reached on a path, as far as is known. */
  get isUp(): boolean {
    const driver = this.#driver;
    if (driver === undefined || driver.isEnded) return false;
    return driver.hasStream || driver.endpoint.readout.paths.udp === 'up';
  }

  /** The endpoint was given something. */
  wake(): void {
    this.#driver?.wake();
  }

  /** As when the machine has come into another network. */
  replaceSocket(): void {
    this.#local?.replace();
  }

  /** Say goodbye and let go; fulfils when that is written, or after {@link FAREWELL_MS}. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#halt();
    if (socket === undefined || socket.destroyed) return;
    const closed = Promise.withResolvers<void>();
    socket.once('close', () => closed.resolve());
    this.#driver?.close(LinkErrorCode.NO_ERROR, 'goodbye');
    const timer = setTimeout(closed.resolve, FAREWELL_MS);
    await closed.promise;
    clearTimeout(timer);
  }

  /** Let go at once. */
  end(): void {
    this.#halt();
    this.#driver?.end();
    this.#local?.close();
    this.#loop.close();
  }

  #halt(): void {
    this.#stop.abort();
    clearInterval(this.#check);
    clearTimeout(this.#redialTimer);
  }

  #begin({ socket, exporters, welcome, early }: Dialled): void {
    const { mode, tuning, onBegin } = this.#options;
    this.#driver?.end();
    const hasDatagrams = mode !== 'tcp' && welcome.udpPort !== undefined;
    const peer = socket.remoteAddress ?? '';
    if (hasDatagrams && this.#local === undefined) {
      this.#local = new LocalSocket({
        peer,
        onDatagram: (bytes, from) => this.#driver?.receiveDatagram(bytes, from),
        onChange: (state) => this.#driver?.datagramSocket(state),
      });
    }
    const endpoint = new LinkSession({
      role: 'client',
      mode: hasDatagrams ? mode : 'tcp',
      crypto: nodeLinkCrypto,
      datagramSecret: hasDatagrams ? exporters.datagrams : undefined,
      connectionId: welcome.connectionId,
      datagramBytesMax: Math.min(DATAGRAM_BYTES_MAX, welcome.datagramBytesMax),
      peerAddress: hasDatagrams ? addressText(peer, welcome.udpPort!) : undefined,
      ...(tuning === undefined ? {} : { tuning }),
    });
    const driver = new LinkDriver({
      endpoint,
      loop: this.#loop,
      sendDatagram: (bytes, to) => this.#local?.send(bytes, to),
      onEvent: (event) => this.#handle(driver, event),
      onFault: (error) => this.#lose(`a fault of our own: ${error instanceof Error ? error.message : String(error)}`),
    });
    this.#driver = driver;
    this.#pathReason = undefined;
    this.#open(socket, welcome, early);
    onBegin(welcome);
    driver.wake();
  }

  #open(socket: TLSSocket, welcome: Welcome, early: Uint8Array): void {
    this.#welcome = welcome;
    this.#ticket = welcome.ticket;
    this.#socket = socket;
    this.#attempts = 0;
    socket.once('close', () => this.#streamClosed(socket));
    this.#driver!.openStream(socket, early);
    socket.resume();
    if (socket.destroyed) this.#streamClosed(socket);
    else this.#noteUp();
  }

  #streamClosed(socket: TLSSocket): void {
    if (this.#socket !== socket || this.#stop.signal.aborted) return;
    this.#socket = undefined;
    this.#outageSinceMs = this.nowMs;
    this.#lastReason = 'the connection was closed';
    this.#redialSoon();
    // The driver hears of it in the same turn, perhaps after us.
    setImmediate(() => this.#checkReach());
  }

  #redialSoon(): void {
    if (this.#stop.signal.aborted || this.#isRedialling) return;
    const random = (this.#options.random ?? Math.random)();
    const delayMs = reconnectDelayMs(this.#attempts, this.nowMs - this.#outageSinceMs, random);
    clearTimeout(this.#redialTimer);
    this.#redialTimer = setTimeout(() => void this.#redial(), delayMs);
  }

  async #redial(): Promise<void> {
    this.#isRedialling = true;
    this.#attempts += 1;
    try {
      const { signal } = this.#stop;
      const wantsUdp = this.#options.mode !== 'tcp';
      const dialled = await dial({ ...this.#options.dialling, wantsUdp, ticket: this.#ticket, signal });
      this.#isRedialling = false;
      if (signal.aborted) dialled.socket.destroy();
      else if (dialled.welcome.isResumed && this.#driver?.isEnded === false && this.#ticket !== undefined) {
        this.#open(dialled.socket, dialled.welcome, dialled.early);
      } else this.#begin(dialled);
    } catch (error) {
      this.#isRedialling = false;
      if (this.#stop.signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      if (!isTemporary(error)) {
        this.#lose(reason);
        return;
      }
      this.#lastReason = error instanceof LinkRefusal ? reason : reason.replace(/^Cannot connect to \S+: /, '');
      this.#checkReach();
      this.#redialSoon();
    }
  }

  #handle(driver: LinkDriver, event: LinkEvent): void {
    if (driver !== this.#driver || this.#stop.signal.aborted) return;
    if (event.type === 'stream-dead') {
      this.#lastReason = 'it does not answer';
      this.#socket?.destroy();
      return;
    }
    if (event.type !== 'closed') {
      if (event.type === 'path') this.#pathReason = event.reason;
      this.#options.onEvent(event);
      if (event.type === 'path') this.#checkReach();
      return;
    }
    this.#ticket = undefined;
    if (!event.byPeer || !isPassing(event.code)) {
      const text = event.text === '' ? `code ${event.code}` : event.text;
      this.#lose(event.byPeer ? `the server has ended the session: ${text}` : `the server broke the protocol: ${text}`);
      return;
    }
    this.#lastReason = event.text;
    this.#outageSinceMs = this.nowMs;
    if (this.#socket === undefined) this.#redialSoon();
    else this.#socket.destroy();
  }

  #checkReach(): void {
    if (this.#stop.signal.aborted) return;
    if (this.isUp) {
      this.#noteUp();
      return;
    }
    const nowMs = this.nowMs;
    if (this.#downSinceMs === undefined) {
      this.#downSinceMs = nowMs;
      this.#options.onReachable(false, this.#lastReason);
      return;
    }
    const { resumeWindowS } = this.#welcome ?? { resumeWindowS: FIRST_CONNECTION_S };
    if (nowMs - this.#downSinceMs > resumeWindowS * 1000) {
      this.#lose(`the server was away for longer than ${resumeWindowS} s`);
    }
  }

  #noteUp(): void {
    if (this.#downSinceMs === undefined) return;
    this.#downSinceMs = undefined;
    this.#options.onReachable(true, '');
  }

  #lose(reason: string): void {
    if (this.#stop.signal.aborted) return;
    this.#halt();
    this.#options.onLost(reason);
  }
}
