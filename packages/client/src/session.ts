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
  /** Number of the message, where the wire tells: what `edit`, `withdraw` and `react` name it by. */
  readonly seq?: number;
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

/** What all events about an earlier message have. */
export interface ChangeFacts {
  readonly user: string;
  /** `seq` of what it is about: a message, or (for a withdrawal) a reaction. */
  readonly target: number;
  /** As for messages. */
  readonly isOwn: boolean;
  readonly isVerified?: boolean;
  readonly isHistory?: boolean;
  readonly seq?: number;
}

/** Somebody has put an own message in other words. */
export interface EditEvent extends ChangeFacts {
  readonly type: 'edit';
  readonly text: string;
}

/** Somebody has withdrawn an own message, or an own reaction: it is to be shown no more. */
export interface WithdrawalEvent extends ChangeFacts {
  readonly type: 'withdrawal';
}

/** What somebody thinks of a message: an emoji, most likely. */
export interface ReactionEvent extends ChangeFacts {
  readonly type: 'reaction';
  readonly text: string;
}

/** Somebody else is writing just now, or has stopped. It may get lost, in either direction: believe it for some seconds. */
export interface TypingEvent {
  readonly type: 'typing';
  readonly user: string;
  readonly isTyping: boolean;
}

/** `join` has led to another room: what follows is said there. With wires whose numbers are those of a room (`confab`). */
export interface EnteredEvent {
  readonly type: 'entered';
  readonly room: string;
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

/** What waits in an outbox: a message, or something about one. *other*: of another program. */
export type OutboxAction = 'message' | 'edit' | 'withdrawal' | 'reaction' | 'other';

/** What became of an own message; with wires that have an outbox. */
export interface OutboxEvent {
  readonly type: 'outbox';
  readonly number: number;
  readonly room: string;
  /** What was posted. */
  readonly action: OutboxAction;
  /** `seq` of the message that it is about, if any. */
  readonly target: number | undefined;
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
  | EditEvent
  | WithdrawalEvent
  | ReactionEvent
  | TypingEvent
  | EnteredEvent
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
export type SessionAbility = 'join' | 'rooms' | 'users' | 'edit' | 'withdraw' | 'react' | 'typing';

export interface JoinOptions extends SendOptions {
  readonly password?: string | undefined;
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
  /** Which of the methods of these names this wire has; the others reject with NOT_SUPPORTED, `typing` does nothing. */
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
