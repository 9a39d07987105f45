import type {
  LoadedRoom,
  LoadedState,
  RoomEvent,
  StoreChange,
  StoredMember,
  StoredName,
  StoredRoom,
} from '@confab/core';

/** A room to store, complete but for what a test cares about. */
export function exampleRoom(id: number, overrides: Partial<StoredRoom> = {}): StoredRoom {
  return { id, name: `room ${id}`, kind: 'open', createdMs: 1_700_000_000_000 + id, ...overrides };
}

export function exampleMember(id: number, roomId: number, overrides: Partial<StoredMember> = {}): StoredMember {
  return {
    id,
    roomId,
    user: `user ${id}`,
    tokenDigest: `digest ${id}`,
    address: '192.0.2.7',
    profile: '{}',
    joinedMs: 1_700_000_000_000 + id,
    ...overrides,
  };
}

/** An event of room 1. Its position is its sequence number unless it is given. */
export function exampleEvent(seq: number, overrides: Partial<RoomEvent> = {}): RoomEvent {
  return {
    roomId: 1,
    seq,
    position: seq,
    kind: 1,
    timeMs: 1_700_000_000_000 + seq,
    author: 1,
    user: 'Ann',
    body: new TextEncoder().encode(`event ${seq}`),
    ...overrides,
  };
}

export const putRoom = (room: StoredRoom): StoreChange => ({ type: 'room-put', room });
export const closeRoom = (roomId: number, timeMs = 1_700_000_001_000): StoreChange => ({
  type: 'room-close',
  roomId,
  timeMs,
});
export const putMember = (member: StoredMember): StoreChange => ({ type: 'member-put', member });
export const putName = (
  user: string,
  deviceKey: string,
  takenMs = 1_700_000_000_000,
  more: Partial<StoredName> = {},
): StoreChange => ({
  type: 'name-put',
  name: { user, deviceKey, takenMs, usedMs: takenMs, address: '192.0.2.1', ...more },
});
export const deleteName = (user: string, deviceKey?: string): StoreChange => ({ type: 'name-delete', user, deviceKey });
export const deleteMember = (memberId: number): StoreChange => ({ type: 'member-delete', memberId });
export const appendEvent = (event: RoomEvent): StoreChange => ({ type: 'event', event });

/** Without the keys whose value is `undefined`, which say the same as no key at all. */
export function withoutUndefined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Partial<Value>;
}

/** For comparing: rooms and members by id and names by their text, since their order is nobody's promise. */
export function plainState<State extends Pick<LoadedState, 'rooms' | 'members' | 'names'>>(state: State): State {
  const text = ({ user, deviceKey }: StoredName) => JSON.stringify([user, deviceKey]);
  const byId = (a: { readonly id: number }, b: { readonly id: number }) => a.id - b.id;
  const rooms = state.rooms.map((room) => withoutUndefined(room) as LoadedRoom).toSorted(byId);
  const members = state.members.map((member) => withoutUndefined(member) as StoredMember).toSorted(byId);
  const names = state.names
    .map((name) => withoutUndefined(name) as StoredName)
    .toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
  return { ...state, rooms, members, names };
}
