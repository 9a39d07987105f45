import type {
  CommitResult,
  DuplicateEvent,
  LoadedRoom,
  LoadedState,
  RoomEvent,
  StoreChange,
  StoredMember,
  StoredName,
  StoredRoom,
} from '@confab/core';

interface ModelRoom {
  readonly stored: StoredRoom;
  readonly isClosed: boolean;
}

interface ModelState {
  readonly rooms: readonly ModelRoom[];
  readonly members: readonly StoredMember[];
  readonly names: readonly StoredName[];
  readonly events: readonly RoomEvent[];
  readonly lastRoomId: number;
  readonly lastMemberId: number;
}

export type ModelResult = CommitResult | { readonly status: 'STORE_FENCED' | 'STORE_FAILED' };

/** Why a change is refused. */
class Refusal extends Error {
  readonly status: 'STORE_FENCED' | 'STORE_FAILED';

  constructor(status: 'STORE_FENCED' | 'STORE_FAILED') {
    super(status);
    this.status = status;
  }
}

/** What a store should do, as plainly as it can be said: lists, searched from end to end, copied at each change. */
export class StoreModel {
  #state: ModelState = { rooms: [], members: [], names: [], events: [], lastRoomId: 0, lastMemberId: 0 };

  get lastPosition(): number {
    return this.#state.events.at(-1)?.position ?? 0;
  }

  /** Ids of all rooms there ever were. */
  get roomIds(): number[] {
    return this.#state.rooms.map((room) => room.stored.id);
  }

  get openRoomIds(): number[] {
    return this.#state.rooms.filter((room) => !room.isClosed).map((room) => room.stored.id);
  }

  eventsOf(roomId: number): RoomEvent[] {
    return this.#state.events.filter((event) => event.roomId === roomId);
  }

  commit(changes: readonly StoreChange[]): ModelResult {
    const before = this.#state;
    const duplicates: DuplicateEvent[] = [];
    try {
      let state = before;
      for (const [index, change] of changes.entries()) {
        if (change.type === 'event') {
          const stored = withClientId(before.events, change.event);
          if (stored !== undefined) duplicates.push({ index, event: stored });
          // A repeat takes its number all the same: the batch was numbered as if there were none.
          state = append(state, change.event, stored !== undefined);
        } else state = apply(state, change);
      }
      if (duplicates.length > 0) return { status: 'duplicates', duplicates };
      this.#state = state;
      return { status: 'committed' };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status };
      throw error;
    }
  }

  read(roomId: number, fromSeq: number, limit: number): RoomEvent[] {
    return this.eventsOf(roomId)
      .filter((event) => event.seq >= fromSeq)
      .slice(0, limit);
  }

  load(): Omit<LoadedState, 'epoch' | 'epochStartPosition'> {
    const { rooms, members, names, lastRoomId, lastMemberId } = this.#state;
    const loaded = rooms
      .filter((room) => !room.isClosed)
      .map(({ stored }): LoadedRoom => {
        const events = this.eventsOf(stored.id);
        const tracked = events.filter((event) => event.kind >= 32);
        return {
          ...stored,
          firstSeq: 1,
          lastSeq: events.length,
          lastSeqByKind: new Map(tracked.map((event) => [event.kind, event.seq])),
        };
      });
    return { lastPosition: this.lastPosition, lastRoomId, lastMemberId, rooms: loaded, members, names };
  }
}

function withClientId(events: readonly RoomEvent[], event: RoomEvent): RoomEvent | undefined {
  if (event.clientId === undefined) return undefined;
  return events.find((stored) => stored.roomId === event.roomId && stored.clientId === event.clientId);
}

function append(state: ModelState, event: RoomEvent, isRepeat: boolean): ModelState {
  const room = state.rooms.find(({ stored }) => stored.id === event.roomId);
  const log = state.events.filter(({ roomId }) => roomId === event.roomId);
  if (room === undefined || room.isClosed || event.seq !== log.length + 1) throw new Refusal('STORE_FENCED');
  if (event.position <= (state.events.at(-1)?.position ?? 0)) throw new Refusal('STORE_FAILED');
  if (!isRepeat && withClientId(state.events, event) !== undefined) throw new Refusal('STORE_FAILED');
  const lastMemberId = Math.max(state.lastMemberId, event.author);
  return { ...state, events: [...state.events, event], lastMemberId };
}

function apply(state: ModelState, change: Exclude<StoreChange, { type: 'event' }>): ModelState {
  switch (change.type) {
    case 'room-put': {
      const { room } = change;
      const holder = state.rooms.find(({ stored, isClosed }) => !isClosed && stored.name === room.name);
      if (holder !== undefined && holder.stored.id !== room.id) throw new Refusal('STORE_FAILED');
      const former = state.rooms.find(({ stored }) => stored.id === room.id);
      if (former?.isClosed) throw new Refusal('STORE_FAILED');
      const rooms = [...state.rooms.filter((other) => other !== former), { stored: room, isClosed: false }];
      return { ...state, rooms, lastRoomId: Math.max(state.lastRoomId, room.id) };
    }
    case 'room-close':
      return {
        ...state,
        rooms: state.rooms.map((room) => (room.stored.id === change.roomId ? { ...room, isClosed: true } : room)),
        members: state.members.filter((member) => member.roomId !== change.roomId),
      };
    case 'member-put': {
      const { member } = change;
      const room = state.rooms.find(({ stored }) => stored.id === member.roomId);
      if (room === undefined || room.isClosed) throw new Refusal('STORE_FAILED');
      const members = [...state.members.filter(({ id }) => id !== member.id), member];
      return { ...state, members, lastMemberId: Math.max(state.lastMemberId, member.id) };
    }
    case 'name-put': {
      const { name } = change;
      const isSame = (other: StoredName): boolean => other.user === name.user && other.deviceKey === name.deviceKey;
      if (!state.names.some(isSame)) return { ...state, names: [...state.names, name] };
      const used = (other: StoredName): StoredName => ({ ...other, usedMs: Math.max(other.usedMs, name.usedMs) });
      return { ...state, names: state.names.map((other) => (isSame(other) ? used(other) : other)) };
    }
    case 'name-delete': {
      const { user, deviceKey } = change;
      const isMeant = (name: StoredName): boolean =>
        name.user === user && (deviceKey === undefined || name.deviceKey === deviceKey);
      return { ...state, names: state.names.filter((name) => !isMeant(name)) };
    }
    case 'member-delete':
      return { ...state, members: state.members.filter(({ id }) => id !== change.memberId) };
  }
}
