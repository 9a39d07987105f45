import type { BridgeExtra, BridgePacket, BridgePeer } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { BridgeIdentity } from './identity.ts';
import type { BridgeTransport } from './transport.ts';

/** Somebody that the server told us of. */
export interface Found extends BridgePeer {
  /** Of a Confab client that knows of us as well. */
  readonly introduction: Introduction | undefined;
}

export interface Introduction {
  readonly pair: string;
  readonly key: string;
  /** The address that the server saw, `ip:port`. */
  readonly seen: string | undefined;
  readonly isRelayed: boolean;
}

export interface RendezvousOptions {
  readonly transport: BridgeTransport;
  /** Keep to what every program of this wire knows. */
  readonly isPlain: boolean;
  /** For one answer, ms. */
  readonly timeoutMs: number;
  /** Somebody was told of us. */
  readonly onIntroduction: (found: Found) => void;
  /** The server has forgotten us, and does not take us back. */
  readonly onForgotten: (reason: string) => void;
}

/** UDP mode: a question is asked so many times, within … */
const ATTEMPTS = 4;
/** … this, ms. */
const UDP_TIMEOUT_MS = 4000;
/** UDP mode: how often a client that waits says so, ms: keeps a NAT's mapping open. */
const WAIT_EVERY_MS = 15_000;
/** TCP mode: the server holds such a question for a minute; ms. */
const WAIT_TIMEOUT_MS = 75_000;
/** After a question that had no answer, ms. */
const RETRY_MS = 2000;
/** How often it is asked whom an unknown sealed frame may be from, ms. */
const NEWS_EVERY_MS = 1000;

/** A client's dealings with the server. */
export class Rendezvous {
  readonly #options: RendezvousOptions;
  #identity = new BridgeIdentity();
  #id: string | undefined;
  #token: string | undefined;
  #registration: AbortController | undefined;
  #newsAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: RendezvousOptions) {
    this.#options = options;
  }

  /** The key pair of the present registration. */
  get identity(): BridgeIdentity {
    return this.#identity;
  }

  get id(): string | undefined {
    return this.#id;
  }

  /** Whether the server is one of Confab's, and knows us. */
  get hasExtension(): boolean {
    return this.#token !== undefined;
  }

  /** @throws {ClientError} ID_TAKEN, CONNECT_FAILED, CONNECT_TIMEOUT, PROTOCOL_BROKEN; or the signal's reason */
  async register(clientId: string, signal?: AbortSignal): Promise<void> {
    this.forget();
    this.#identity = new BridgeIdentity();
    const token = await this.#register(clientId, signal);
    this.#id = clientId;
    this.#token = token;
    this.#registration = new AbortController();
    if (token !== undefined) void this.#wait(this.#registration.signal);
  }

  /**
   * Ask for somebody to talk to; undefined: nobody is there yet.
   * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT; or the signal's reason
   */
  async bridge(wanted?: string, signal?: AbortSignal): Promise<Found | undefined> {
    const extra = this.#token === undefined ? undefined : { token: this.#token, ...(wanted && { peer: wanted }) };
    const answer = await this.#ask({ type: 'BRIDGE', clientId: this.#id!, ...(extra && { extra }) }, signal);
    if (answer?.type !== 'BRIDGEACK') throw noAnswer();
    return foundOf(answer);
  }

  /** Tell the server that we talk: it forgets both. */
  async chat(peerId: string): Promise<void> {
    const clientId1 = this.#id;
    if (clientId1 === undefined) return;
    const packet = { type: 'CHAT', to: 'server', clientId1, clientId2: peerId, ...this.#extra() } as const;
    this.forget();
    await this.#options.transport.tell(packet);
  }

  /** Tell the server that we are gone. Never rejects. */
  async quit(): Promise<void> {
    const clientId = this.#id;
    if (clientId === undefined) return;
    const packet = { type: 'QUIT', clientId, ...this.#extra() } as const;
    this.forget();
    const { transport } = this.#options;
    if (transport.mode === 'tcp') await transport.tell(packet);
    else await transport.ask(packet, { timeoutMs: 1000, attempts: 2 }).catch(() => {});
  }

  /** What the relay of a pair is asked for with; undefined: there is none. */
  relayRequest(pair: string): BridgePacket | undefined {
    if (this.#id === undefined || this.#token === undefined) return undefined;
    return { type: 'RELAY', clientId: this.#id, extra: { token: this.#token, pair } };
  }

  /** A sealed frame came of a pair that we were not told of. */
  askNews(): void {
    const nowMs = performance.now();
    if (this.#token === undefined || nowMs - this.#newsAtMs < NEWS_EVERY_MS) return;
    this.#newsAtMs = nowMs;
    // In TCP mode such a question is under way already; a new one takes its place.
    void this.#askForNews(this.#token, NEWS_EVERY_MS, this.#registration?.signal).catch(() => {});
  }

  /** We are registered no more. */
  forget(): void {
    this.#registration?.abort();
    this.#registration = undefined;
    this.#id = undefined;
    this.#token = undefined;
  }

  /** @returns The token of a Confab server. */
  async #register(clientId: string, signal?: AbortSignal): Promise<string | undefined> {
    const { transport, isPlain } = this.#options;
    const plain = { type: 'REGISTER', clientId, ip: transport.ip, port: transport.port } as const;
    let answer: BridgePacket | undefined;
    if (!isPlain) answer = await this.#ask({ ...plain, extra: { key: this.#identity.publicKey } }, signal);
    // A server that does not pass over lines it does not know.
    answer ??= await this.#ask(plain, signal, 1);
    if (answer?.type === 'REGNACK') {
      throw new ClientError('ID_TAKEN', `Cannot register as ${JSON.stringify(clientId)}: the id is taken`);
    }
    if (answer?.type !== 'REGACK') throw noAnswer();
    return answer.extra?.token;
  }

  /** Until we are registered no more, hear of those who were told of us. */
  async #wait(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#token !== undefined) {
      let pauseMs = this.#options.transport.mode === 'udp' ? WAIT_EVERY_MS : 0;
      try {
        const startMs = performance.now();
        const isKnown = await this.#askForNews(this.#token, WAIT_TIMEOUT_MS, signal);
        if (isKnown === undefined) pauseMs = RETRY_MS;
        else if (!isKnown) await this.#registerAgain(signal);
        // An answer that comes at once, again and again, must not keep both busy.
        else if (pauseMs === 0 && performance.now() - startMs < RETRY_MS) pauseMs = RETRY_MS;
      } catch {
        pauseMs = RETRY_MS;
      }
      await pause(pauseMs, signal);
    }
  }

  /** @returns Whether the server knows us; undefined: no answer. */
  async #askForNews(token: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean | undefined> {
    const { transport } = this.#options;
    const packet = { type: 'BRIDGE', clientId: this.#id!, extra: { token, isWaiting: true } } as const;
    const answer = await transport.ask(packet, {
      timeoutMs: transport.mode === 'udp' ? UDP_TIMEOUT_MS : timeoutMs,
      attempts: ATTEMPTS,
      signal,
    });
    if (signal?.aborted || answer?.type !== 'BRIDGEACK') return undefined;
    const found = foundOf(answer);
    if (found?.introduction !== undefined) this.#options.onIntroduction(found);
    return answer.extra !== undefined;
  }

  async #registerAgain(signal: AbortSignal): Promise<void> {
    const clientId = this.#id;
    if (clientId === undefined) return;
    try {
      const token = await this.#register(clientId, signal);
      if (signal.aborted) return;
      this.#token = token;
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'ID_TAKEN') throw error;
      this.forget();
      this.#options.onForgotten('somebody else has taken the id');
    }
  }

  #extra(): { extra?: BridgeExtra } {
    return this.#token === undefined ? {} : { extra: { token: this.#token } };
  }

  #ask(packet: BridgePacket, signal?: AbortSignal, attempts = ATTEMPTS): Promise<BridgePacket | undefined> {
    const { transport, timeoutMs } = this.#options;
    return transport.ask(packet, {
      timeoutMs: transport.mode === 'udp' ? Math.min(UDP_TIMEOUT_MS, timeoutMs) : timeoutMs,
      // A server that knows no keys refuses a repeated registration, and counts repeated questions.
      attempts: this.#token !== undefined || packet.type === 'REGISTER' ? attempts : 1,
      signal,
    });
  }
}

/** Whom a BRIDGEACK tells of. */
export function foundOf({ peer, extra }: BridgePacket & { type: 'BRIDGEACK' }): Found | undefined {
  if (peer === undefined) return undefined;
  const { key, pair, seen, isRelayed } = extra ?? {};
  const introduction =
    key === undefined || pair === undefined ? undefined : { key, pair, seen, isRelayed: isRelayed ?? false };
  return { ...peer, introduction };
}

function noAnswer(): ClientError {
  return new ClientError(
    'CONNECT_TIMEOUT',
    'The server does not answer; it ignores an address for a while that has sent it many packets without a chat',
  );
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
