import type { BridgePacket, SealedFrame } from '@confab/wire/bridge';
import { ClientError } from '../../errors.ts';
import { sessionClosed } from '../../session-base.ts';
import type { Conversation, ConversationEnd, ConversationHandlers } from './conversation.ts';
import type { BridgeEvent } from './events.ts';
import { type Introduced, Introductions } from './introductions.ts';
import type { PathKind, PeerLinkTimes } from './peer-link.ts';
import { PlainConversation } from './plain-conversation.ts';
import { reach } from './reach.ts';
import type { Found, Rendezvous } from './rendezvous.ts';
import type { BridgeTransport, TransportHandlers } from './transport.ts';

export interface TalkSettings {
  readonly path: 'any' | 'direct' | 'relay';
  readonly isSealedOnly: boolean;
  readonly isFree: boolean;
  readonly timeoutMs: number;
  readonly holdMs: number | undefined;
  readonly times: PeerLinkTimes | undefined;
}

export interface TalksOptions {
  readonly transport: BridgeTransport;
  readonly rendezvous: Rendezvous;
  readonly settings: TalkSettings;
  /** The id under which we talk. */
  readonly ownId: () => string;
  readonly push: (event: BridgeEvent) => void;
  /** A conversation is open. */
  readonly onBegun: () => void;
  /** There is no conversation any more, or the attempt at one has failed. */
  readonly onOver: () => void;
}

/** The present conversation, of which there is one at most, and the ways in which one comes about: we find them, they find us. */
export class Talks implements TransportHandlers {
  readonly #options: TalksOptions;
  readonly #introductions = new Introductions();
  #conversation: Conversation | undefined;
  /** Of a sealed conversation: how it came about. */
  #introduced: Introduced | undefined;
  /** Whether the conversation is open and was told of. */
  #isAnnounced = false;
  /** We want to talk to somebody: whoever waits for the conversation to open. */
  #opening: PromiseWithResolvers<void> | undefined;

  constructor(options: TalksOptions) {
    this.#options = options;
  }

  /** The open one. */
  get current(): Conversation | undefined {
    return this.#isAnnounced ? this.#conversation : undefined;
  }

  /** A new registration begins, with a new key. */
  forgetIntroductions(): void {
    this.drop();
    this.#introductions.clear();
  }

  /**
   * Begin to talk. Fulfils when the conversation is open.
   * @throws {ClientError} PEER_UNREACHABLE, PROTOCOL_BROKEN, REFUSED: it would not be sealed; or the signal's reason
   */
  async open(found: Found, signal: AbortSignal | undefined): Promise<void> {
    const { rendezvous, ownId } = this.#options;
    const introduced = this.#introductions.get(found, ownId(), rendezvous.identity);
    if (this.#isAnnounced) return;
    if (introduced === undefined) await this.#openPlain(found, signal);
    else await this.#openSealed(introduced, signal);
  }

  /** Let go of the conversation, whatever its state. Returns whether there was one. */
  leave(): boolean {
    const wasOpen = this.#isAnnounced;
    this.drop();
    this.#opening?.reject(sessionClosed());
    this.#opening = undefined;
    return wasOpen;
  }

  onServerPacket(packet: BridgePacket): void {
    if (packet.type !== 'BRIDGEACK' || packet.peer === undefined || packet.extra === undefined) return;
    const { key, pair, seen, isRelayed = false } = packet.extra;
    if (key === undefined || pair === undefined) return;
    this.hearIntroduction({ ...packet.peer, introduction: { key, pair, seen, isRelayed } });
  }

  /** Somebody was told of us and may be trying to reach us: try to reach them as well. */
  hearIntroduction(found: Found): void {
    if (this.#options.rendezvous.id === undefined || this.#isAnnounced) return;
    let introduced: Introduced | undefined;
    try {
      introduced = this.#introductions.get(found, this.#options.ownId(), this.#options.rendezvous.identity);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
    }
    if (introduced === undefined || introduced.isOver || introduced === this.#introduced) return;
    // Whom we are trying to reach ourselves comes first; of several introductions to one, the newest counts.
    if (this.#opening === undefined || this.#introduced?.found.clientId === found.clientId)
      this.#startSealed(introduced);
  }

  onPlain(path: string, packet: BridgePacket): void {
    if (this.#conversation?.hearPlain(path, packet)) return;
    const isOpening = packet.type === 'CHAT' && packet.to === 'peer';
    const isFree = !this.#isAnnounced && this.#opening === undefined;
    const isWelcome = isFree && this.#options.rendezvous.id !== undefined && !this.#options.settings.isSealedOnly;
    if (!isOpening || !isWelcome) {
      this.#options.transport.closePath(path);
      return;
    }
    this.#startPlain(path, packet.clientId, false);
    // In UDP mode the opening may have been lost.
    this.#conversation?.hearPlain(path, packet);
  }

  onSealed(path: string, kind: PathKind, frame: SealedFrame): void {
    if (kind === 'direct' && this.#options.settings.path === 'relay') return;
    if (kind === 'relay' && this.#options.settings.path === 'direct') return;
    if (this.#conversation?.hearSealed(path, kind, frame) || this.#isAnnounced) return;
    const introduced = this.#introductions.find(frame.pair);
    if (introduced === undefined) {
      this.#options.rendezvous.askNews();
    } else if (!introduced.isOver && introduced !== this.#introduced && this.#opening === undefined) {
      this.#startSealed(introduced);
      this.#conversation?.hearSealed(path, kind, frame);
    }
  }

  onPathClosed(path: string): void {
    this.#conversation?.pathClosed(path);
  }

  async #openPlain(found: Found, signal: AbortSignal | undefined): Promise<void> {
    if (this.#options.settings.isSealedOnly)
      throw refused(`chat: ${JSON.stringify(found.clientId)} cannot seal what is said`);
    this.drop();
    let path: string;
    try {
      path = await this.#options.transport.dial(found.ip, found.port, {
        timeoutMs: this.#options.settings.timeoutMs,
        signal,
      });
    } catch (cause) {
      signal?.throwIfAborted();
      this.#options.onOver();
      throw unreachable(found.clientId, (cause as Error).message, cause);
    }
    // While we were connecting, somebody else may have connected to us.
    if (this.#conversation?.isOpen) {
      this.#options.transport.closePath(path);
      return;
    }
    // Or we may have left.
    if (this.#options.rendezvous.id === undefined) {
      this.#options.transport.closePath(path);
      throw sessionClosed();
    }
    void this.#options.rendezvous.chat(found.clientId);
    this.#startPlain(path, found.clientId, true);
  }

  #startPlain(path: string, peerId: string, isOpener: boolean): void {
    this.drop();
    this.#conversation = new PlainConversation({
      transport: this.#options.transport,
      path,
      ownId: this.#options.ownId(),
      peerId,
      isOpener,
      isFree: this.#options.settings.isFree,
      holdMs: this.#options.settings.holdMs,
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
      this.drop();
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
    await this.#options.rendezvous.chat(peerId);
  }

  #startSealed(introduced: Introduced): void {
    this.drop();
    const { path, timeoutMs, times } = this.#options.settings;
    this.#conversation = reach({
      transport: this.#options.transport,
      introduced,
      path,
      relayRequest: this.#options.rendezvous.relayRequest(introduced.found.introduction.pair),
      timeoutMs,
      times,
      handlers: this.#handlers(introduced),
    });
    this.#introduced = introduced;
  }

  #handlers(introduced?: Introduced): ConversationHandlers {
    const { push, transport } = this.#options;
    return {
      onPath: (kind, path) => {
        if (this.#isAnnounced) push({ type: 'path', path: kind, address: transport.describe(path) });
        else this.#announce(kind, path);
      },
      onLine: (text) => push({ type: 'message', user: this.#conversation?.peerId ?? '', text }),
      onHeld: (count) => push({ type: 'held', count }),
      onEnd: (reason) => this.#ended(reason, introduced),
    };
  }

  #announce(kind: PathKind, path: string): void {
    const { push, transport, rendezvous, onBegun } = this.#options;
    const { peerId, isSealed, code } = this.#conversation!;
    this.#isAnnounced = true;
    onBegun();
    push({ type: 'chat', peerId, isSealed, path: kind, address: transport.describe(path), code });
    // Whoever found the other one tells the server, which then knows neither any more.
    if (this.#opening === undefined) rendezvous.forget();
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  #ended(reason: ConversationEnd, introduced: Introduced | undefined): void {
    const { push, onOver } = this.#options;
    const peerId = this.#conversation?.peerId ?? '';
    const wasOpen = this.#isAnnounced;
    // What was never open may be tried again; the rest is over.
    if (introduced !== undefined && reason !== 'no-path') introduced.isOver = true;
    this.#conversation = undefined;
    this.#introduced = undefined;
    this.#isAnnounced = false;
    this.#opening?.reject(
      unreachable(peerId, 'no path leads there; it may have gone, or something lets nothing through'),
    );
    this.#opening = undefined;
    if (wasOpen) {
      const name = JSON.stringify(peerId);
      const isLost = reason !== 'peer-left';
      const text = `${name} ${isLost ? 'cannot be reached any more' : 'has left the conversation'}`;
      push({ type: 'ended', reason: isLost ? 'lost' : 'peer-left', text });
    }
    onOver();
  }

  /** Let go of the conversation, whatever its state. */
  drop(): void {
    const conversation = this.#conversation;
    if (this.#isAnnounced && this.#introduced !== undefined) this.#introduced.isOver = true;
    this.#conversation = undefined;
    this.#introduced = undefined;
    this.#isAnnounced = false;
    conversation?.close();
  }
}

function refused(why: string): ClientError {
  return new ClientError('REFUSED', `Cannot ${why}`);
}

function unreachable(peerId: string, reason: string, cause?: unknown): ClientError {
  return new ClientError('PEER_UNREACHABLE', `Cannot talk to ${JSON.stringify(peerId)}: ${reason}`, { cause });
}
