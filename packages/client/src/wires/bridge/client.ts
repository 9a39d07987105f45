import type { BridgeMode } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { EventQueue } from '../../event-queue.ts';
import type { MissedEvent, SendOptions, SendReceipt } from '../../session.ts';
import { sessionClosed } from '../../session-base.ts';
import { hostPort } from './dial.ts';
import type { BridgeEvent, BridgeState } from './events.ts';
import { type Found, Rendezvous } from './rendezvous.ts';
import { type TalkSettings, Talks } from './talks.ts';
import type { BridgeTransport, TransportHandlers } from './transport.ts';

/** Opens the sockets of a client, which hands over what to do with what comes in. */
export type OpenTransport = (handlers: TransportHandlers) => Promise<BridgeTransport>;

export interface BridgeClientSettings extends TalkSettings {
  readonly isPlain: boolean;
  readonly eventsMax: number;
}

/** An introduction older than this is asked for anew before it is used, ms: the other one must be told again. */
const STALE_MS = 4000;

/** One client of a rendezvous: register, find somebody, talk to them directly. One conversation at a time. */
export class BridgeClient implements AsyncDisposable {
  readonly #transport: BridgeTransport;
  readonly #rendezvous: Rendezvous;
  readonly #talks: Talks;
  readonly #queue: EventQueue<BridgeEvent>;
  #state: BridgeState = 'idle';
  #id = '';
  #found: { readonly whom: Found; readonly atMs: number } | undefined;
  #closing: Promise<void> | undefined;

  static async open(openTransport: OpenTransport, settings: BridgeClientSettings): Promise<BridgeClient> {
    let talks: Talks | undefined;
    // Nobody knows us before there is somebody to hear them.
    const transport = await openTransport({
      onServerPacket: (packet) => talks?.onServerPacket(packet),
      onPlain: (path, packet) => talks?.onPlain(path, packet),
      onSealed: (path, kind, frame) => talks?.onSealed(path, kind, frame),
      onPathClosed: (path) => talks?.onPathClosed(path),
    });
    const client = new BridgeClient(transport, settings);
    talks = client.#talks;
    return client;
  }

  private constructor(transport: BridgeTransport, settings: BridgeClientSettings) {
    this.#transport = transport;
    this.#queue = new EventQueue(settings.eventsMax);
    this.#rendezvous = new Rendezvous({
      transport,
      isPlain: settings.isPlain,
      timeoutMs: settings.timeoutMs,
      onIntroduction: (found) => this.#talks.hearIntroduction(found),
      onForgotten: (reason) => {
        this.#queue.push({ type: 'notice', text: `Not registered any more: ${reason}` });
        this.#found = undefined;
        if (this.#talks.current === undefined) this.#setState('idle');
      },
    });
    this.#talks = new Talks({
      transport,
      rendezvous: this.#rendezvous,
      settings,
      ownId: () => this.#id,
      push: (event) => this.#queue.push(event),
      onBegun: () => {
        this.#found = undefined;
        this.#setState('chatting');
      },
      // Who waits to be found goes on waiting when somebody could not reach us.
      onOver: () => {
        if (this.#state !== 'waiting') this.#settle();
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
    return this.#talks.current?.peerId;
  }

  /** … whether it is sealed, and so confirmed, … */
  get isSealed(): boolean {
    return this.#talks.current?.isSealed === true;
  }

  /** … and the longest line, bytes of UTF-8. */
  get textBytesMax(): number {
    return this.#talks.current?.textBytesMax ?? 0;
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
    this.#talks.forgetIntroductions();
    this.#found = undefined;
    this.#setState('idle');
    // By it we are known from now on, whoever is faster: the answer, or somebody who finds us.
    this.#id = id;
    await this.#rendezvous.register(id, signal);
    if (this.#talks.current === undefined) this.#settle();
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
    if (this.#talks.current === undefined) this.#setState(isWanted ? 'found' : 'waiting');
    return isWanted ? found : undefined;
  }

  /**
   * Begin to talk to whom `bridge` found. Fulfils when the conversation is open.
   * @throws {ClientError} PEER_UNREACHABLE, REFUSED: nobody was found, in a conversation, or it would not be sealed
   */
  async chat({ signal }: SendOptions = {}): Promise<void> {
    if (this.#talks.current !== undefined) return;
    if (this.#found === undefined) throw refused('chat: nobody was found; bridge first');
    const { whom, atMs } = this.#found;
    const isStale = whom.introduction !== undefined && performance.now() - atMs > STALE_MS;
    const found = isStale ? ((await this.#rendezvous.bridge(whom.clientId, signal)) ?? whom) : whom;
    await this.#talks.open(found, signal);
  }

  /**
   * Say a line. *accepted*: the peer has it; *sent*: a plain conversation does not tell.
   * @throws {ClientError} MESSAGE_TOO_LONG, MESSAGE_RESERVED, SESSION_CLOSED: no conversation, SEND_UNCERTAIN
   */
  async send(text: string, { signal }: SendOptions = {}): Promise<SendReceipt> {
    const conversation = this.#talks.current;
    if (conversation === undefined) throw sessionClosed();
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
    const wasTalking = this.#talks.leave();
    if (wasTalking) this.#queue.push({ type: 'ended', reason: 'left', text: 'You have left the conversation' });
    await this.#rendezvous.quit();
    this.#found = undefined;
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

  #setState(state: BridgeState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#queue.push({ type: 'state', state });
  }

  /** Where we stand without a conversation. */
  #settle(): void {
    this.#setState(this.#rendezvous.id === undefined ? 'idle' : 'registered');
  }

  #requireNoChat(what: string): void {
    if (this.#state === 'closed') throw sessionClosed();
    if (this.#talks.current !== undefined) throw refused(`${what}: end the conversation first`);
  }
}

function refused(why: string): ClientError {
  return new ClientError('REFUSED', `Cannot ${why}`);
}
