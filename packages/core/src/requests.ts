import type { CoreError } from './errors.ts';
import type { RoomEvent } from './event.ts';
import type { AppendCondition } from './log.ts';
import type { Member } from './member.ts';

/** How a token is written: a prefix, then so many random bytes in hexadecimal. */
export interface TokenFormat {
  readonly prefix: string;
  /** Random bytes; at least 16 (128 bits). */
  readonly bytes: number;
}

/** Who asks to be let in, and from where. */
export interface Entry {
  readonly room: string;
  readonly user: string;
  /** A key that was proved, when the user name belongs to it: see `Hub.names`. Without one the member is unverified. */
  readonly deviceKey?: string | undefined;
  readonly password?: string | undefined;
  /** IP address of the asker: what rates are counted by and the token is bound to. */
  readonly address: string;
  /** Give the member a token by which it is known from now on; without one it ends with its connection. */
  readonly token?: TokenFormat | undefined;
  /** What the gateway needs to reach the member again, see `Member.profile`. */
  readonly profile?: string;
  /** Silence after which the member is dropped, ms; none: never. */
  readonly timeoutMs?: number | undefined;
}

/** Let in: the request is in the store and everybody in the room can know of it. */
export interface Admission {
  readonly member: Member;
  /** The token itself; it is kept nowhere else. Empty when none was asked for. */
  readonly token: string;
  /** Members of the room, the new one among them. */
  readonly memberCount: number;
  /** Sequence number of the event that announces the new member. */
  readonly joinSeq: number;
}

export interface Post {
  /** Must not be written to before the post is settled; a view of a larger buffer is copied, so as not to keep all of it. */
  readonly body: Uint8Array;
  /** Default: MESSAGE. Not one of those that only the server says (JOIN, LEAVE, CLOSE, NOTICE). */
  readonly kind?: number;
  /**
   * Unique id of this post, at most 128 characters: the log takes each id once, so a post may be repeated for ever. The
   * gateway makes ids of different authors differ (a device key and the author's own counter, say).
   */
  readonly clientId?: string | undefined;
  /** Sequence number, from 1 up. */
  readonly target?: number | undefined;
  readonly condition?: AppendCondition | undefined;
  /** Hears that the store has it, before any reader is handed it: for wires that acknowledge first. Not for a repeat. */
  readonly persisted?: (() => void) | undefined;
  /** Hears once how it ended: the event as it stands in the log (readers have been handed it), or why it does not. */
  readonly settle?: ((result: RoomEvent | CoreError) => void) | undefined;
}

/** What became of a run of messages, see `Hub.postRun`. */
export interface PostRunResult {
  /** So many of the first ones are on their way. */
  readonly taken: number;
  /** Why the one behind them is not; undefined: it was not looked at, or there is none. */
  readonly refusal: CoreError | undefined;
}

/** Where a client says it stopped reading. */
export interface Cursor {
  readonly roomId: number;
  readonly epoch: number;
  readonly seq: number;
}
