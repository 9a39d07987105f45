import type { Found, Search } from './found.ts';

/** Messages of the control channel, its records' bodies: docs/wires/link.md "Control messages". */

export const ControlType = {
  JOIN: 1,
  JOINED: 2,
  FAILED: 3,
  LEAVE: 4,
  LEFT: 5,
  ROOMS: 6,
  ROOM_LIST: 7,
  USERS: 8,
  USER_LIST: 9,
  ACCEPTED: 10,
  REFUSED: 11,
  KEYS: 12,
  ADD_KEY: 13,
  REMOVE_KEY: 14,
  KEY_LIST: 15,
  SEARCH: 16,
  FOUND: 17,
} as const;
export type ControlType = (typeof ControlType)[keyof typeof ControlType];

/** How a room is entered; the number on the wire is the place in this list. */
export const linkEntries = ['join-or-make', 'create-hosted', 'join-only', 'join-or-create-hosted'] as const;
export type LinkEntry = (typeof linkEntries)[number];

/** Why a LEFT came. */
export const LeftReason = { ASKED_FOR: 1, ROOM_CLOSED: 2, TIMED_OUT: 3 } as const;

/** Where a client is in a room's log. */
export interface LinkCursor {
  readonly epoch: number;
  readonly roomId: number;
  /** Number of the first event that is wanted. */
  readonly next: number;
}

export interface Join {
  readonly type: 'join';
  readonly request: number;
  /** Unused so far in the session; at least 1. */
  readonly channel: number;
  readonly entry: LinkEntry;
  readonly room: string;
  /** Empty: none. */
  readonly password: string;
  /** Of an earlier JOINED; empty: none. Secret. */
  readonly token: string;
  /** 16 bytes. */
  readonly outboxId: Uint8Array;
  readonly cursor?: LinkCursor;
  /** Begin so many records before the head. */
  readonly history?: number;
}

export interface Joined {
  readonly type: 'joined';
  readonly request: number;
  readonly channel: number;
  readonly isHost: boolean;
  readonly isHosted: boolean;
  /** The membership of the token goes on. */
  readonly isResumed: boolean;
  /** The cursor did not fit: the log is read from elsewhere. */
  readonly isResynchronised: boolean;
  readonly room: string;
  /** Empty: nobody. */
  readonly host: string;
  /** Secret. */
  readonly token: string;
  readonly epoch: number;
  readonly roomId: number;
  /** Number of the first event to come. */
  readonly first: number;
  readonly head: number;
  readonly members: number;
  /** What the times of events count from, ms since the Unix epoch. */
  readonly timeBaseMs: number;
  /** Highest number of this outbox that the room's log has, 0: none. */
  readonly posts: number;
}

export interface ListedRoom {
  readonly room: string;
  readonly members: number;
  readonly hasPassword: boolean;
  readonly isHosted: boolean;
}

export interface ListedUser {
  readonly user: string;
  readonly isVerified: boolean;
  readonly isHost: boolean;
  readonly isAway: boolean;
}

/** A device key that the session's user name belongs to. */
export interface ListedKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** ms since the Unix epoch. */
  readonly addedMs: number;
  /** To within a day, ms since the Unix epoch. */
  readonly usedMs: number;
  /** The one that this session has proved. */
  readonly isOwn: boolean;
}

export type ControlMessage =
  | Join
  | Joined
  | Search
  | Found
  | { readonly type: 'failed'; readonly request: number; readonly code: number; readonly text: string }
  | { readonly type: 'leave'; readonly request: number; readonly channel: number }
  | {
      readonly type: 'users';
      readonly request: number;
      readonly channel: number;
      /** Begin behind so many. */
      readonly skip?: number;
    }
  | {
      readonly type: 'left';
      /** 0: not asked for. */
      readonly request: number;
      readonly channel: number;
      /** `LeftReason`, or one of a later version. */
      readonly reason: number;
      readonly text: string;
    }
  | {
      readonly type: 'rooms';
      readonly request: number;
      /** Begin behind this name. */
      readonly after?: string;
    }
  /** `more`: how many there are besides, behind these. */
  | {
      readonly type: 'room-list';
      readonly request: number;
      readonly rooms: readonly ListedRoom[];
      readonly more: number;
    }
  | {
      readonly type: 'user-list';
      readonly request: number;
      readonly users: readonly ListedUser[];
      readonly more: number;
    }
  | { readonly type: 'accepted'; readonly channel: number; readonly post: number; readonly number: number }
  | {
      readonly type: 'refused';
      readonly channel: number;
      readonly post: number;
      readonly code: number;
      readonly text: string;
    }
  | { readonly type: 'keys'; readonly request: number }
  | { readonly type: 'add-key' | 'remove-key'; readonly request: number; readonly key: Uint8Array }
  | { readonly type: 'key-list'; readonly request: number; readonly keys: readonly ListedKey[] };

/** A message of a type that this version has not: a server answers FAILED, code 2; a client passes over it. */
export interface UnknownControl {
  readonly type: 'unknown';
  readonly number: number;
  /** What every request begins with; undefined when it has none. */
  readonly request: number | undefined;
}
