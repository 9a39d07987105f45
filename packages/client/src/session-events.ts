import type { LinkReadout, PathReason } from '@confab/wire/link';
import type { OutboxFailure, OutboxState } from './outbox/outbox.ts';

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

/**
 * `join` has led to another room, or a session that began without its server has come into its first one: what follows is
 * said there. With wires whose numbers are those of a room (`confab`).
 */
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
