import type { ClientError } from './errors.ts';
import type { OutboxView } from './outbox/view.ts';
import type { ClosedEvent, LinkStatus, SessionEvent } from './session-events.ts';
import type { LinkOptions } from './wires/link/options.ts';

/** What a session did with a message, as far as its wire can tell. */
export interface SendReceipt {
  /**
   * *accepted*: the server has it, in its place in the room. *sent*: handed to the network by a wire that confirms nothing;
   * it may have been lost.
   */
  readonly status: 'accepted' | 'sent';
  /** Number of the message, where the wire tells: what `edit`, `withdraw` and `react` name it by. */
  readonly seq?: number;
}

export interface SendOptions {
  /** Stop waiting; the message may have gone out all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What a wire can do besides sending and leaving. */
export type SessionAbility = 'join' | 'rooms' | 'users' | 'edit' | 'withdraw' | 'react' | 'typing' | 'keys' | 'search';

/** A device key that one's own name belongs to. */
export interface OwnKey {
  /** Base64url, 43 characters: what `confab key` shows on the device. */
  readonly key: string;
  /** When the name became its own, ms since the Unix epoch. */
  readonly addedMs: number;
  /** When it was last used, to within a day, ms since the Unix epoch. */
  readonly usedMs: number;
  readonly isThisDevice: boolean;
}

export interface JoinOptions extends SendOptions {
  readonly password?: string | undefined;
}

export interface SearchOptions extends SendOptions {
  /** As the page before said, for older messages. */
  readonly before?: number | undefined;
  /** Messages at most; default: 20. The server may give fewer. */
  readonly limit?: number | undefined;
}

/** A message that was found. */
export interface FoundMessage {
  readonly user: string;
  /** As it is now. */
  readonly text: string;
  /** As of `MessageEvent`. */
  readonly seq: number;
  /** When it was said, by the server's clock, ms since the Unix epoch. */
  readonly timeMs: number;
  readonly isEdited: boolean;
  /** As of `MessageEvent`. */
  readonly isVerified?: boolean;
}

export interface SearchPage {
  /** Newest first. Fewer than asked for, possibly none, does not mean that there are no older ones. */
  readonly messages: readonly FoundMessage[];
  /** To be given for what is older; undefined: these were all. */
  readonly before: number | undefined;
  /** Events that the server has not indexed yet, so that messages may be missing. */
  readonly unsearched: number;
}

/** One user in one room over one wire. All wires give this same interface. */
export interface Session extends AsyncDisposable {
  /** Scheme of the wire, such as `ucrp`. */
  readonly scheme: string;
  /** The room one is in; changes with `join`. */
  readonly room: string;
  readonly user: string;
  readonly role: 'host' | 'member';
  /** Name of the room's host, where there is one and the wire tells. */
  readonly host: string | undefined;
  /** Own address on the data path, `ip:port`; empty where the platform does not tell (WebSocket). */
  readonly localAddress: string;
  /** Longest message, bytes of UTF-8. */
  readonly messageBytesMax: number;
  /** Whether the wire confirms messages, so that `send` fulfils with `accepted`. */
  readonly isConfirming: boolean;
  readonly status: 'open' | 'closing' | 'closed';
  /** Whether the server can be reached, as far as is known; a `reachability` event tells when that changes. */
  readonly isReachable: boolean;
  /**
   * Which of the methods of these names (*keys*: those about keys) this wire has; the others reject with NOT_SUPPORTED,
   * `typing` does nothing.
   */
  readonly abilities: ReadonlySet<SessionAbility>;
  /** Own messages that are not accepted yet; undefined: the wire keeps none. */
  readonly outbox: OutboxView | undefined;
  /** How good the link is at the moment; undefined: the wire does not measure it. */
  readonly link: LinkStatus | undefined;

  /**
   * Say something. Always settles.
   * @throws {ClientError} MESSAGE_TOO_LONG, MESSAGE_RESERVED, SESSION_CLOSED; SEND_UNCERTAIN when the wire confirms messages
   *   and no confirmation came; the signal's reason when it was aborted
   */
  send(text: string, options?: SendOptions): Promise<SendReceipt>;
  /**
   * Put an own message in other words; those on wires without edits see a new line, `* corrected text`.
   * @param seq of the message, from its receipt or its event
   * @throws {ClientError} as `send`; UNAUTHORIZED: it is somebody else's; REFUSED: there is no such message
   */
  edit(seq: number, text: string, options?: SendOptions): Promise<SendReceipt>;
  /** Withdraw an own message or reaction; where it cannot be taken back from a screen it stays there. @throws {ClientError} as `edit` */
  withdraw(seq: number, options?: SendOptions): Promise<SendReceipt>;
  /** React to a message, with an emoji say. @throws {ClientError} as `edit`, but that it may be anybody's */
  react(seq: number, text: string, options?: SendOptions): Promise<SendReceipt>;
  /** Tell the others that one is writing, or has stopped: every few seconds for as long as it is so. It may get lost. */
  typing(isTyping: boolean): void;
  /** Leave this room and enter another one; events of the new room follow those of the old one. */
  join(room: string, options?: JoinOptions): Promise<void>;
  /** Names of the rooms that can be joined, sorted. */
  rooms(options?: SendOptions): Promise<string[]>;
  /** Names of those who are in the room. */
  users(options?: SendOptions): Promise<string[]>;
  /** Device keys that one's own name belongs to. @throws {ClientError} UNAUTHORIZED: the name was not proved */
  keys(options?: SendOptions): Promise<OwnKey[]>;
  /**
   * Give one's own name to another device too. @returns all its keys
   * @throws {ClientError} KEY_INVALID; UNAUTHORIZED; REFUSED: too many keys, or too many in a short time
   */
  addKey(key: string, options?: SendOptions): Promise<OwnKey[]>;
  /** Take one's own name from a device, whose sessions end. @throws {ClientError} as `addKey`; REFUSED: it is the last key */
  removeKey(key: string, options?: SendOptions): Promise<OwnKey[]>;
  /**
   * Messages of the room in which all these words are: `word`, `begin*`, `"words that follow each other"`; case and accents
   * do not count. Newest first, a page at a time.
   * @throws {ClientError} QUERY_INVALID, REFUSED (too many searches), NOT_SUPPORTED, SESSION_CLOSED; SERVER_ERROR: the server
   *   cannot search; CONNECT_TIMEOUT: no answer
   */
  search(query: string, options?: SearchOptions): Promise<SearchPage>;
  /** Leave the room and let go of the connection. A host's leaving closes the room. Repeated calls wait for the first. */
  leave(options?: SendOptions): Promise<void>;
  /** Fulfils with the last event when the session is over, whoever ended it. Never rejects. */
  readonly closed: Promise<ClosedEvent>;
  /** What happens in the room, in order, ending with a `closed` event. One reader at a time. */
  events(options?: SendOptions): AsyncIterableIterator<SessionEvent>;
}

/** Steps of connecting, for showing them to people. */
export type ConnectPhase =
  | { readonly phase: 'control-connected'; readonly address: string }
  | {
      readonly phase: 'admitted';
      readonly role: 'host' | 'member';
      readonly token: string;
      readonly participantCount: number | undefined;
    }
  | { readonly phase: 'control-disconnected' }
  | { readonly phase: 'data-open'; readonly localAddress: string };

export interface ConnectOptions {
  /** Name to be known by. */
  readonly user: string;
  /** Of the room; where the wire can carry one. */
  readonly password?: string | undefined;
  /** Default `join-or-create`: whoever comes first is the host. */
  readonly entry?: 'create' | 'join' | 'join-or-create' | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onPhase?: ((phase: ConnectPhase) => void) | undefined;
  /** For the control connection and its answers, ms. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long `send` waits for a confirmation, ms. Default 3000. */
  readonly sendTimeoutMs?: number | undefined;
  /** Where messages are sent again until they are acknowledged: the first wait, ms; doubled each time. Default 500. */
  readonly baseDelayMs?: number | undefined;
  /** … and how often they are sent again. Default 5. */
  readonly maxRetries?: number | undefined;
  /** Events kept for a reader that does not read; beyond it the oldest are dropped. Default 10,000. */
  readonly eventsMax?: number | undefined;
  /** What only `confab://` knows. */
  readonly link?: LinkOptions | undefined;
}

/** A wire of this library: opens sessions for the URLs of one scheme. */
export interface Connector {
  readonly scheme: string;
  /** An example for error messages and help. */
  readonly example: string;
  connect(url: URL, options: ConnectOptions): Promise<Session>;
}

export type * from './session-events.ts';
export type { ClientError };
