/**
 * Event kinds. A numbered set that only grows: a kind that this version does not know is stored and passed on
 * untouched. 1–31 are the core's own, 32 and above belong to applications and to key agreement.
 */
export const EventKind = {
  /** Somebody said something; the body is UTF-8 text (or opaque bytes in an end-to-end encrypted room). */
  MESSAGE: 1,
  /** A member came in; the body is empty. */
  JOIN: 2,
  /** A member went out; the body is empty. */
  LEAVE: 3,
  /** The room was closed; nothing follows in this log. The body is empty. */
  CLOSE: 4,
  /** The server says something to the room; the body is UTF-8 text. */
  NOTICE: 5,
  /** New text for an earlier message, named by `target`. */
  EDIT: 6,
  /** An earlier message, named by `target`, is withdrawn. */
  DELETE: 7,
  /** A reaction to an earlier message, named by `target`; the body is its UTF-8 text. */
  REACTION: 8,
} as const;

/** The kinds that members may not post: each says something that only the server knows. */
export function isServerKind(kind: number): boolean {
  return kind >= EventKind.JOIN && kind <= EventKind.NOTICE;
}

/** One entry of a room's log. Immutable and shared by all its readers. */
export interface RoomEvent {
  readonly roomId: number;
  /** Place in the room's log: 1, 2, 3 … with no gaps. */
  readonly seq: number;
  /** Place among all events of the server; rises from each event to the next, across rooms and restarts. */
  readonly position: number;
  /** One of {@link EventKind}, or a number this version does not know. */
  readonly kind: number;
  /** The server's clock when the event was numbered, ms since the Unix epoch. For showing; never sorted by. */
  readonly timeMs: number;
  /** Id of the member who caused it; 0 for the server itself. */
  readonly author: number;
  /** Name of the member who caused it, as it was then. */
  readonly user: string;
  /** Whether a device key that the name belongs to was proved; otherwise it is merely what somebody called themselves. */
  readonly isVerified?: true | undefined;
  /** The author's own unique id for this post; the log accepts each id once. */
  readonly clientId?: string | undefined;
  /** Sequence number of the event this one edits, deletes or reacts to. */
  readonly target?: number | undefined;
  readonly body: Uint8Array;
}
