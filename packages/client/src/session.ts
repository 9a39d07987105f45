import type { LinkReadout, PathReason } from '@confab/wire/link';
import type { ClientError } from './errors.ts';
import type { OutboxFailure, OutboxState } from './outbox/outbox.ts';
import type { OutboxView } from './outbox/view.ts';
import type { LinkOptions } from './wires/link/options.ts';

/** What a session did with a message, as far as its wire can tell. */
export interface SendReceipt {
  /**
   * *accepted*: the server has it, in its place in the room. *sent*: handed to the network by a wire that confirms nothing;
   * it may have been lost.
   */
  readonly status: 'accepted' | 'sent';
}

/** Why a session is over. */
export type CloseReason =
  /** `leave` was called, or the session was disposed of. */
  | 'left'
  /** The room was closed: its host has left. */
  | 'room-closed'
  /** The connection is gone and cannot be had again. */
  | 'lost';

export interface MessageEvent {
  readonly type: 'message';
  readonly user: string;
  readonly text: string;
  /** Whether this session sent it. */
  readonly isOwn: boolean;
  /** Whether the name was proved by a device key it belongs to, where the wire tells; otherwise it is what somebody called themselves. */
  readonly isVerified?: boolean;
  /** Said before one came in, and told at that time. */
  readonly isHistory?: boolean;
  /**
   * Number of the line, where the wire has one: rising, the same for everybody and for ever; server-wide, or the room's own
   * (`confab`).
   */
  readonly seq?: number;
}

/** The server says something. */
export interface NoticeEvent {
  readonly type: 'notice';
  readonly text: string;
  /** For joins and leaves: whose. */
  readonly member?: { readonly user: string; readonly change: 'joined' | 'left' };
  /** As for messages. */
  readonly isHistory?: boolean;
  readonly seq?: number;
}

/** Whether the server can be reached, where the wire can tell. */
export interface ReachabilityEvent {
  readonly type: 'reachability';
  readonly isReachable: boolean;
  readonly text: string;
}

/** How good the link is, where the wire measures it; times in ms. */
export interface LinkStatus extends LinkReadout {
  /** How long ago something of ours was last acknowledged. */
  readonly confirmedAgoMs: number | undefined;
  /** Why the path in use was taken; undefined: it is the first one. */
  readonly reason: PathReason | undefined;
  /** Whether the server has taken our device key for the owner of our name. */
  readonly isVerified: boolean;
}

/** The path in use has changed, or some seconds have passed. */
export interface LinkStatusEvent {
  readonly type: 'link';
  /** Whether the path, or whether it works, has changed. */
  readonly isChange: boolean;
  readonly status: LinkStatus;
  /** The same for people, in a few words. */
  readonly text: string;
}

/** What became of an own message; with wires that have an outbox. */
export interface OutboxEvent {
  readonly type: 'outbox';
  readonly number: number;
  readonly room: string;
  /** It may go back from *sent* to *queued* when the connection is lost. */
  readonly state: OutboxState;
  readonly failure: OutboxFailure | undefined;
  readonly text: string;
}

/** Events were left out: nobody read them, or the server no longer had them. */
export interface MissedEvent {
  readonly type: 'missed';
  readonly count: number;
}

/** The last event of every session. */
export interface ClosedEvent {
  readonly type: 'closed';
  readonly reason: CloseReason;
  readonly text: string;
}

export type SessionEvent =
  | MessageEvent
  | NoticeEvent
  | ReachabilityEvent
  | LinkStatusEvent
  | OutboxEvent
  | MissedEvent
  | ClosedEvent;

export interface SendOptions {
  /** Stop waiting; the message may have gone out all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What a wire can do besides sending and leaving. */
export type SessionAbility = 'join' | 'rooms' | 'users' | 'search';

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
  /** Which of `join`, `rooms`, `users` and `search` this wire has; the others reject with NOT_SUPPORTED. */
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
  /** Leave this room and enter another one; events of the new room follow those of the old one. */
  join(room: string, options?: JoinOptions): Promise<void>;
  /** Names of the rooms that can be joined, sorted. */
  rooms(options?: SendOptions): Promise<string[]>;
  /** Names of those who are in the room. */
  users(options?: SendOptions): Promise<string[]>;
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

export type { ClientError };
