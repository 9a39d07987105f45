import type {
  CommitResult,
  DuplicateEvent,
  LoadedRoom,
  LoadedState,
  RoomEvent,
  Store,
  StoreChange,
  StoredMember,
  StoredName,
  StoredRoom,
} from '@confab/core';
import { storeFailed } from './failure.ts';
import { LogHeads, repeatedInBatch } from './log-heads.ts';
import { MemoryLog } from './memory-log.ts';
import { pageOf } from './page.ts';

/** Events kept per room unless the options say otherwise. */
export const MEMORY_EVENTS_PER_ROOM_MAX = 10_000;
/** Closed rooms whose logs stay readable unless the options say otherwise. */
export const MEMORY_CLOSED_ROOMS_MAX = 100;

export interface MemoryStoreOptions {
  /** Events kept per room, at least 1, default 10,000; the oldest go first, and `firstSeq` rises. */
  readonly eventsPerRoomMax?: number;
  /** Closed rooms kept readable, default 100; those closed first go first. */
  readonly closedRoomsMax?: number;
  /**
   * Epoch of the log, at least 1. Default: the wall clock in seconds, so that each run has a higher one than the run
   * before it, whose log is gone.
   */
  readonly epoch?: number;
}

interface MemoryRoom {
  readonly stored: StoredRoom;
  readonly log: MemoryLog;
}

/**
 * A store that forgets: for tests, and for servers that must leave nothing behind. Bounded by `eventsPerRoomMax` and
 * `closedRoomsMax`. An event that was dropped for its age takes its client id along, so that a post repeated after that
 * is a new event.
 */
export class MemoryStore implements Store {
  readonly #eventsPerRoomMax: number;
  readonly #closedRoomsMax: number;
  readonly #epoch: number;
  readonly #rooms = new Map<number, MemoryRoom>();
  readonly #closed = new Map<number, MemoryRoom>();
  readonly #members = new Map<number, StoredMember>();
  readonly #names = new Map<string, StoredName>();
  readonly #heads = new LogHeads({ lastPosition: 0, lastRoomId: 0, lastMemberId: 0 }, (roomId) =>
    this.#closed.has(roomId),
  );
  #isClosed = false;

  constructor(options: MemoryStoreOptions = {}) {
    this.#eventsPerRoomMax = options.eventsPerRoomMax ?? MEMORY_EVENTS_PER_ROOM_MAX;
    this.#closedRoomsMax = options.closedRoomsMax ?? MEMORY_CLOSED_ROOMS_MAX;
    this.#epoch = options.epoch ?? Math.floor(Date.now() / 1000);
    if (this.#eventsPerRoomMax < 1) {
      throw new RangeError(`Cannot keep ${this.#eventsPerRoomMax} events per room: the least is 1`);
    }
  }

  async load(): Promise<LoadedState> {
    this.#expectOpen();
    const rooms = [...this.#rooms.values()].map(
      ({ stored, log }): LoadedRoom => ({
        ...stored,
        firstSeq: log.firstSeq,
        lastSeq: log.lastSeq,
        lastSeqByKind: new Map(log.lastSeqByKind),
      }),
    );
    const members = [...this.#members.values()];
    const names = [...this.#names.values()];
    return { epoch: this.#epoch, epochStartPosition: 0, ...this.#heads.counters, rooms, members, names };
  }

  async commit(changes: readonly StoreChange[]): Promise<CommitResult> {
    this.#expectOpen();
    this.#heads.begin();
    try {
      const duplicates = this.#check(changes);
      if (duplicates.length > 0) {
        this.#heads.rollBack();
        return { status: 'duplicates', duplicates };
      }
    } catch (error) {
      this.#heads.rollBack();
      throw error;
    }
    this.#heads.keep();
    for (const change of changes) this.#apply(change);
    return { status: 'committed' };
  }

  async read(roomId: number, fromSeq: number, limit: number): Promise<RoomEvent[]> {
    this.#expectOpen();
    const room = this.#rooms.get(roomId) ?? this.#closed.get(roomId);
    return room === undefined ? [] : room.log.read(pageOf(fromSeq, limit));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** Everything that can go wrong with a batch goes wrong here, before a single change is applied. */
  #check(changes: readonly StoreChange[]): DuplicateEvent[] {
    const duplicates: DuplicateEvent[] = [];
    const seen = new Set<string>();
    for (const [index, change] of changes.entries()) {
      if (change.type === 'room-put') this.#heads.putRoom(change.room);
      else if (change.type === 'room-close') this.#heads.closeRoom(change.roomId);
      else if (change.type === 'member-put') this.#heads.putMember(change.member);
      else if (change.type === 'event') {
        const { event } = change;
        this.#heads.append(event);
        if (event.clientId === undefined) continue;
        const stored = this.#rooms.get(event.roomId)?.log.findByClientId(event.clientId);
        if (stored !== undefined) {
          duplicates.push({ index, event: stored });
          continue;
        }
        const key = `${event.roomId}:${event.clientId}`;
        if (seen.has(key)) throw repeatedInBatch(event);
        seen.add(key);
      }
    }
    return duplicates;
  }

  #apply(change: StoreChange): void {
    switch (change.type) {
      case 'room-put': {
        const log = this.#rooms.get(change.room.id)?.log ?? new MemoryLog(this.#eventsPerRoomMax);
        this.#rooms.set(change.room.id, { stored: change.room, log });
        break;
      }
      case 'room-close':
        this.#closeRoom(change.roomId);
        break;
      case 'member-put':
        this.#members.set(change.member.id, change.member);
        break;
      case 'member-delete':
        this.#members.delete(change.memberId);
        break;
      case 'name-put': {
        const key = nameKeyOf(change.name.user, change.name.deviceKey);
        const known = this.#names.get(key);
        const usedMs = Math.max(known?.usedMs ?? 0, change.name.usedMs);
        this.#names.set(key, { ...(known ?? change.name), usedMs });
        break;
      }
      case 'name-delete':
        if (change.deviceKey !== undefined) this.#names.delete(nameKeyOf(change.user, change.deviceKey));
        else for (const [key, { user }] of this.#names) if (user === change.user) this.#names.delete(key);
        break;
      case 'event':
        this.#rooms.get(change.event.roomId)?.log.append(change.event);
        break;
    }
  }

  #closeRoom(roomId: number): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    this.#rooms.delete(roomId);
    for (const member of this.#members.values()) {
      if (member.roomId === roomId) this.#members.delete(member.id);
    }
    this.#closed.set(roomId, room);
    while (this.#closed.size > this.#closedRoomsMax) {
      const [oldest] = this.#closed.keys();
      this.#closed.delete(oldest!);
    }
  }

  #expectOpen(): void {
    if (this.#isClosed) throw storeFailed('Cannot use the store: it was closed');
  }
}

function nameKeyOf(user: string, deviceKey: string): string {
  return JSON.stringify([user, deviceKey]);
}
