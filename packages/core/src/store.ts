import type { RoomEvent } from './event.ts';

/** How a room came to be, and so how it ends: a hosted room closes when its host leaves, an open one lives on. */
export type RoomKind = 'hosted' | 'open';

export interface StoredRoom {
  /** Given once, never reused: a room of the same name made later is another log with another id. */
  readonly id: number;
  readonly name: string;
  readonly kind: RoomKind;
  /** As made by `Secrets.hashPassword`; undefined: no password. */
  readonly passwordHash?: string | undefined;
  /** Member id of the host of a hosted room. */
  readonly hostId?: number | undefined;
  readonly createdMs: number;
}

/**
 * A membership. One with a token outlives the connection and the process; one without ends with its connection, and is
 * kept so that its leave can be written after the process was killed.
 */
export interface StoredMember {
  /** Given once, never reused. */
  readonly id: number;
  readonly roomId: number;
  readonly user: string;
  /** The proved key that the user name belongs to; undefined: unverified. */
  readonly deviceKey?: string | undefined;
  /** Digest of the token (never the token itself); undefined for a member that is known by its connection. */
  readonly tokenDigest?: string | undefined;
  /** IP address the token was issued to, in the form the gateway compares. */
  readonly address: string;
  /** What the gateway needs to reach this member again. Opaque to the core, at most 1024 characters. */
  readonly profile: string;
  readonly joinedMs: number;
}

/** A user name and one of the device keys that it belongs to. */
export interface StoredName {
  readonly user: string;
  readonly deviceKey: string;
  /** When the key took it, or was added to it, ms since the Unix epoch. */
  readonly takenMs: number;
  /** When the key last used it, to within a day, ms since the Unix epoch. */
  readonly usedMs: number;
  /** IP address it was taken from; empty: not known. */
  readonly address: string;
  /** The key that added this one; undefined: it took the name itself. */
  readonly addedBy?: string | undefined;
}

/** One step of a transaction. Steps apply in order; either all of a batch or none. */
export type StoreChange =
  | { readonly type: 'room-put'; readonly room: StoredRoom }
  /** Closes the room, frees its name and drops its members; its events stay readable by id. */
  | { readonly type: 'room-close'; readonly roomId: number; readonly timeMs: number }
  /** Inserts, or replaces the member of the same id. */
  | { readonly type: 'member-put'; readonly member: StoredMember }
  | { readonly type: 'member-delete'; readonly memberId: number }
  /** When the name belongs to the key already, only `usedMs` is written, if it is later. */
  | { readonly type: 'name-put'; readonly name: StoredName }
  /** The name belongs to this key no more, or (without a key) to nobody. Harmless when that is so already. */
  | { readonly type: 'name-delete'; readonly user: string; readonly deviceKey?: string | undefined }
  /** Appends; refused with STORE_FENCED unless `event.seq` is the room's last sequence number + 1. */
  | { readonly type: 'event'; readonly event: RoomEvent };

/** Where an event with an already known client id stands in its log. */
export interface DuplicateEvent {
  /** Index into the batch of the change that repeats a client id. */
  readonly index: number;
  readonly event: RoomEvent;
}

export type CommitResult =
  | { readonly status: 'committed' }
  /** Nothing was written: these events repeat client ids that their rooms' logs have. Drop them, renumber, commit again. */
  | { readonly status: 'duplicates'; readonly duplicates: readonly DuplicateEvent[] };

export interface LoadedRoom extends StoredRoom {
  /** Sequence number of the oldest event the log still has; 1 for a log that has lost none. */
  readonly firstSeq: number;
  /** Sequence number of the newest event; 0 for an empty log. */
  readonly lastSeq: number;
  /** Newest sequence number of each kind from 32 up, for conditional appends. */
  readonly lastSeqByKind: ReadonlyMap<number, number>;
}

/** All that a server needs to go on where it stopped. */
export interface LoadedState {
  /**
   * Rises whenever the log may have been cut short (a power failure), so that a cursor from before is not trusted blindly.
   */
  readonly epoch: number;
  /** Position of the newest event when the current epoch began: what lies at or before it was not lost. */
  readonly epochStartPosition: number;
  readonly lastPosition: number;
  /** The highest room id ever given, closed rooms included. */
  readonly lastRoomId: number;
  /** The highest member id ever given: of rows that were deleted too, and of authors of events that never had a row. */
  readonly lastMemberId: number;
  readonly rooms: readonly LoadedRoom[];
  readonly members: readonly StoredMember[];
  readonly names: readonly StoredName[];
}

/**
 * Where logs, rooms and memberships are kept. The core calls `commit` with one batch at a time and waits for its answer;
 * reads may overlap it. Every implementation passes the contract suite in @confab/testing.
 */
export interface Store {
  load(): Promise<LoadedState>;
  /**
   * Write a batch in one transaction. When the promise fulfils with `committed`, the batch survives the death of the process.
   * @throws {CoreError} STORE_FENCED when an event does not follow its room's last one (somebody else has written);
   *   STORE_FAILED when it could not be written (disk full, …). Nothing of the batch was written then.
   */
  commit(changes: readonly StoreChange[]): Promise<CommitResult>;
  /** Events of a room from sequence number `fromSeq` up, oldest first, at most `limit`. Closed rooms too. */
  read(roomId: number, fromSeq: number, limit: number): Promise<RoomEvent[]>;
  /** Waits for what is under way, then lets go. Calls after that fail with STORE_FAILED. */
  close(): Promise<void>;
}
