import type { BridgeMode, BridgePacket, SealedFrame } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { EventQueue } from '../../event-queue.ts';
import type { MissedEvent, SendOptions, SendReceipt } from '../../session.ts';
import { sessionClosed } from '../../session-base.ts';
import type { Conversation, ConversationEnd } from './conversation.ts';
import { hostPort } from './dial.ts';
import type { BridgeEnd, BridgeEvent, BridgeState } from './events.ts';
import { type Introduced, Introductions } from './introductions.ts';
import type { PathKind, PeerLinkTimes } from './peer-link.ts';
import { PlainConversation } from './plain-conversation.ts';
import { reach } from './reach.ts';
import { type Found, Rendezvous } from './rendezvous.ts';
import type { BridgeTransport, TransportHandlers } from './transport.ts';

/** Opens the sockets of a client, which hands over what to do with what comes in. */
export type OpenTransport = (handlers: TransportHandlers) => Promise<BridgeTransport>;

export interface BridgeClientSettings {
  readonly path: 'any' | 'direct' | 'relay';
  readonly isPlain: boolean;
  readonly isSealedOnly: boolean;
  readonly isFree: boolean;
  readonly timeoutMs: number;
  readonly eventsMax: number;
  readonly holdMs: number | undefined;
  readonly times: PeerLinkTimes | undefined;
}

/** An introduction older than this is asked for anew before it is used, ms: the other one must be told again. */
const STALE_MS = 4000;

/** One client of a rendezvous: register, find somebody, talk to them directly. One conversation at a time. */
export class BridgeClient implements AsyncDisposable {
  readonly #settings: BridgeClientSettings;
  readonly #transport: BridgeTransport;
  readonly #rendezvous: Rendezvous;
  readonly #introductions = new Introductions();
  readonly #queue: EventQueue<BridgeEvent>;
  #state: BridgeState = 'idle';
  #id = '';
  #found: { readonly whom: Found; readonly atMs: number } | undefined;
  #conversation: Conversation | undefined;
  /** Of a sealed conversation: how it came about. */
  #introduced: Introduced | undefined;
  /** Whether the conversation is open and was told of. */
  #isAnnounced = false;
  /** Whoever waits for the conversation to open. */
  #opening: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;

  static async open(openTransport: OpenTransport, settings: BridgeClientSettings): Promise<BridgeClient> {
    let client: BridgeClient | undefined;
    const whenOpen = (hear: (own: BridgeClient) => void): void => {
      if (client !== undefined) hear(client);
    };
    const transport = await openTransport({
      onServerPacket: (packet) => whenOpen((own) => own.#hearServer(packet)),
      onPlain: (path, packet) => whenOpen((own) => own.#hearPlain(path, packet)),
      onSealed: (path, kind, frame) => whenOpen((own) => own.#hearSealed(path, kind, frame)),
      onPathClosed: (path) => whenOpen((own) => own.#conversation?.pathClosed(path)),
    });
    client = new BridgeClient(transport, settings);
    return client;
  }

  private constructor(transport: BridgeTransport, settings: BridgeClientSettings) {
    this.#settings = settings;
    this.#transport = transport;
    this.#queue = new EventQueue(settings.eventsMax);
    this.#rendezvous = new Rendezvous({
      transport,
      isPlain: settings.isPlain,
      timeoutMs: settings.timeoutMs,
      onIntroduction: (found) => this.#hearIntroduction(found),
      onForgotten: (reason) => {
        this.#queue.push({ type: 'notice', text: `Not registered any more: ${reason}` });
        if (this.#conversation === undefined) this.#setState('idle');
      },
    });
  }

  get mode(): BridgeMode {
    return this.#transport.mode;
  }

  get state(): BridgeState {
    return this.#state;
  }

  /** The id of the newest registration; empty before the first. */
  get id(): string {
    return this.#id;
  }

  /** Where peers find us, `ip:port`. */
  get localAddress(): string {
    return hostPort(this.#transport.ip, this.#transport.port);
  }

  get serverAddress(): string {
    return hostPort(this.#transport.serverAddress, this.#transport.serverPort);
  }

  /** Of the present conversation: with whom, … */
  get peerId(): string | undefined {
    return this.#isAnnounced ? this.#conversation?.peerId : undefined;
  }

  /** … whether it is sealed, and so confirmed, … */
  get isSealed(): boolean {
    return this.#conversation?.isSealed === true;
  }

  /** … and the longest line, bytes of UTF-8. */
  get textBytesMax(): number {
    return this.#conversation?.textBytesMax ?? 0;
  }

  /** What happens, in order, ending with a `closed` event. One reader at a time. */
  events(options: SendOptions = {}): AsyncIterableIterator<BridgeEvent | MissedEvent> {
    return this.#queue.read(options.signal);
  }

  /**
   * Become known to the server. Who was registered already is so under the new id only.
   * @throws {ClientError} ID_TAKEN, CONNECT_FAILED, CONNECT_TIMEOUT, REFUSED: in a conversation
   */
  async register(id: string, { signal }: SendOptions = {}): Promise<void> {
    this.#requireNoChat('register');
    await this.#rendezvous.quit();
    this.#introductions.clear();
    this.#setState('idle');
    await this.#rendezvous.register(id, signal);
    this.#id = id;
    if (this.#conversation === undefined) this.#setState('registered');
  }

  /**
   * Ask for somebody to talk to; undefined: nobody is there, and we wait to be found.
   * @param wanted The only one who will do; Confab's server knows how to look for one.
   * @throws {ClientError} CONNECT_FAILED, CONNECT_TIMEOUT, REFUSED: not registered, or in a conversation
   */
  async bridge(wanted?: string, { signal }: SendOptions = {}): Promise<Found | undefined> {
    this.#requireNoChat('bridge');
    if (this.#rendezvous.id === undefined) throw refused('bridge: register first');
    const found = await this.#rendezvous.bridge(wanted, signal);
    const isWanted = found !== undefined && (wanted === undefined || wanted === found.clientId);
    this.#found = isWanted ? { whom: found, atMs: performance.now() } : undefined;
    // Meanwhile somebody may have found us.
    if (!this.#isAnnounced) this.#setState(isWanted ? 'found' : 'waiting');
    return isWanted ? found : undefined;
  }

  /**
   * Begin to talk to whom `bridge` found. Fulfils when the conversation is open.
   * @throws {ClientError} PEER_UNREACHABLE, REFUSED: nobody was found, in a conversation, or it would not be sealed
   */
  async chat({ signal }: SendOptions = {}): Promise<void> {
    if (this.#isAnnounced) return;
    if (this.#found === undefined) throw refused('chat: nobody was found; bridge first');
    const { whom, atMs } = this.#found;
    const isStale = whom.introduction !== undefined && performance.now() - atMs > STALE_MS;
    const found = isStale ? ((await this.#rendezvous.bridge(whom.clientId, signal)) ?? whom) : whom;
    const introduced = this.#introductions.get(found, this.#id, this.#rendezvous.identity);
    if (this.#isAnnounced) return;
    if (introduced === undefined) await this.#openPlain(found, signal);
    else await this.#openSealed(introduced, signal);
  }

  /**
   * Say a line. *accepted*: the peer has it; *sent*: a plain conversation does not tell.
   * @throws {ClientError} MESSAGE_TOO_LONG, MESSAGE_RESERVED, SESSION_CLOSED: no conversation, SEND_UNCERTAIN
   */
  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    const conversation = this.#conversation;
    if (conversation === undefined || !this.#isAnnounced) throw sessionClosed();
    if (!text.isWellFormed())
      throw new ClientError('MESSAGE_RESERVED', 'Cannot send: the text is not well-formed Unicode');
    const line = text.replace(/\r\n?/g, '\n');
    const bytes = Buffer.byteLength(line);
    const bytesMax = conversation.textBytesMax;
    if (bytes > bytesMax) throw new ClientError('MESSAGE_TOO_LONG', `Cannot send: ${bytes} bytes exceed ${bytesMax}`);
    return conversation.send(line, signal);
  }

  /** End the conversation, or, if there is none, the registration. */
  async quit(): Promise<void> {
    const wasChatting = this.#isAnnounced;
    this.#drop();
    this.#opening?.reject(sessionClosed());
    this.#opening = undefined;
    if (wasChatting) this.#say('left', 'You have left the conversation');
    await this.#rendezvous.quit();
    this.#setState('idle');
  }

  /** Say goodbye to whoever is there and let go of the sockets. Repeated calls wait for the first. */
  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.quit();
      await this.#transport.close();
      this.#setState('closed');
      this.#queue.end({ type: 'closed' });
    })();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #openPlain(found: Found, signal: AbortSignal | undefined): Promise<void> {
    if (this.#settings.isSealedOnly) throw refused(`chat: ${JSON.stringify(found.clientId)} cannot seal what is said`);
    this.#drop();
    let path: string;
    try {
      path = await this.#transport.dial(found.ip, found.port, { timeoutMs: this.#settings.timeoutMs, signal });
    } catch (cause) {
      signal?.throwIfAborted();
      this.#setState(this.#rendezvous.id === undefined ? 'idle' : 'registered');
      throw unreachable(found.clientId, (cause as Error).message, cause);
    }
    // While we were connecting, somebody else may have connected to us.
    if (this.#conversation?.isOpen) {
      this.#transport.closePath(path);
      return;
    }
    void this.#rendezvous.chat(found.clientId);
    this.#startPlain(path, found.clientId, true);
  }

  #startPlain(path: string, peerId: string, isOpener: boolean): void {
    this.#drop();
    this.#conversation = new PlainConversation({
      transport: this.#transport,
      path,
      ownId: this.#id,
      peerId,
      isOpener,
      isFree: this.#settings.isFree,
      holdMs: this.#settings.holdMs,
      handlers: this.#handlers(),
    });
    this.#announce('direct', path);
  }

  async #openSealed(introduced: Introduced, signal: AbortSignal | undefined): Promise<void> {
    const peerId = introduced.found.clientId;
    if (this.#introduced !== introduced) this.#startSealed(introduced);
    this.#opening ??= Promise.withResolvers<void>();
    const { promise, reject } = this.#opening;
    const abort = (): void => {
      this.#drop();
      this.#opening = undefined;
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    // We were the ones who asked, so it is we who tell.
    await this.#rendezvous.chat(peerId);
  }

  #startSealed(introduced: Introduced): void {
    this.#drop();
    const { path, timeoutMs, times } = this.#settings;
    this.#conversation = reach({
      transport: this.#transport,
      introduced,
      path,
      relayRequest: this.#rendezvous.relayRequest(introduced.found.introduction.pair),
      timeoutMs,
      times,
      handlers: this.#handlers(introduced),
    });
    this.#introduced = introduced;
  }

  #handlers(introduced?: Introduced) {
    return {
      onPath: (kind: PathKind, path: string): void => {
        if (this.#isAnnounced) this.#queue.push({ type: 'path', path: kind, address: this.#transport.describe(path) });
        else this.#announce(kind, path);
      },
      onLine: (text: string): void => {
        const user = this.#conversation?.peerId ?? '';
        this.#queue.push({ type: 'message', user, text });
      },
      onHeld: (count: number): void => this.#queue.push({ type: 'held', count }),
      onEnd: (reason: ConversationEnd): void => this.#ended(reason, introduced),
    };
  }

  #announce(kind: PathKind, path: string): void {
    const conversation = this.#conversation!;
    this.#isAnnounced = true;
    this.#found = undefined;
    this.#setState('chatting');
    const { peerId, isSealed, code } = conversation;
    const address = this.#transport.describe(path);
    this.#queue.push({ type: 'chat', peerId, isSealed, path: kind, address, code });
    if (this.#opening === undefined) this.#rendezvous.forget();
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  #ended(reason: ConversationEnd, introduced: Introduced | undefined): void {
    const peerId = this.#conversation?.peerId ?? '';
    const wasAnnounced = this.#isAnnounced;
    // What was never open may be tried again; the rest is over.
    if (introduced !== undefined && reason !== 'no-path') introduced.isOver = true;
    this.#conversation = undefined;
    this.#introduced = undefined;
    this.#isAnnounced = false;
    const error = unreachable(peerId, 'no path leads there; it may have gone, or something lets nothing through');
    this.#opening?.reject(error);
    this.#opening = undefined;
    if (!wasAnnounced) {
      if (this.#state === 'found') this.#setState('registered');
      return;
    }
    const name = JSON.stringify(peerId);
    if (reason === 'peer-left') this.#say('peer-left', `${name} has left the conversation`);
    else this.#say('lost', `${name} cannot be reached any more`);
    this.#setState(this.#rendezvous.id === undefined ? 'idle' : 'registered');
  }

  #hearServer(packet: BridgePacket): void {
    if (packet.type !== 'BRIDGEACK' || packet.peer === undefined || packet.extra === undefined) return;
    const { key, pair, seen, isRelayed = false } = packet.extra;
    if (key === undefined || pair === undefined) return;
    this.#hearIntroduction({ ...packet.peer, introduction: { key, pair, seen, isRelayed } });
  }

  /** Somebody was told of us and may be trying to reach us: try to reach them as well. */
  #hearIntroduction(found: Found): void {
    if (this.#rendezvous.id === undefined || this.#isAnnounced) return;
    let introduced: Introduced | undefined;
    try {
      introduced = this.#introductions.get(found, this.#id, this.#rendezvous.identity);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
    }
    if (introduced === undefined || introduced.isOver || introduced === this.#introduced) return;
    // Whom we are trying to reach ourselves comes first; of several introductions to one, the newest counts.
    if (this.#opening === undefined || this.#introduced?.found.clientId === found.clientId)
      this.#startSealed(introduced);
  }

  #hearPlain(path: string, packet: BridgePacket): void {
    if (this.#conversation?.hearPlain(path, packet)) return;
    const isOpening = packet.type === 'CHAT' && packet.to === 'peer';
    const isFree = !this.#isAnnounced && this.#opening === undefined;
    const isWelcome = isFree && this.#rendezvous.id !== undefined && !this.#settings.isSealedOnly;
    if (!isOpening || !isWelcome) {
      this.#transport.closePath(path);
      return;
    }
    this.#startPlain(path, packet.clientId, false);
    // In UDP mode the opening may have been lost.
    this.#conversation?.hearPlain(path, packet);
  }

  #hearSealed(path: string, kind: PathKind, frame: SealedFrame): void {
    if (kind === 'direct' && this.#settings.path === 'relay') return;
    if (kind === 'relay' && this.#settings.path === 'direct') return;
    if (this.#conversation?.hearSealed(path, kind, frame) || this.#isAnnounced) return;
    const introduced = this.#introductions.find(frame.pair);
    if (introduced === undefined) {
      this.#rendezvous.askNews();
    } else if (!introduced.isOver && introduced !== this.#introduced && this.#opening === undefined) {
      this.#startSealed(introduced);
      this.#conversation?.hearSealed(path, kind, frame);
    }
  }

  /** Let go of the conversation, whatever its state. */
  #drop(): void {
    const conversation = this.#conversation;
    if (this.#isAnnounced && this.#introduced !== undefined) this.#introduced.isOver = true;
    this.#conversation = undefined;
    this.#introduced = undefined;
    this.#isAnnounced = false;
    conversation?.close();
  }

  #say(reason: BridgeEnd, text: string): void {
    this.#queue.push({ type: 'ended', reason, text });
  }

  #setState(state: BridgeState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#queue.push({ type: 'state', state });
  }

  #requireNoChat(what: string): void {
    if (this.#state === 'closed') throw sessionClosed();
    if (this.#isAnnounced) throw refused(`${what}: end the conversation first`);
  }
}

function refused(why: string): ClientError {
  return new ClientError('REFUSED', `Cannot ${why}`);
}

function unreachable(peerId: string, reason: string, cause?: unknown): ClientError {
  return new ClientError('PEER_UNREACHABLE', `Cannot talk to ${JSON.stringify(peerId)}: ${reason}`, { cause });
}
