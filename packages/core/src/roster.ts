import type { Limits } from './limits.ts';
import type { RoomLog } from './log.ts';
import { Member, type MemberFacts, type MemberState } from './member.ts';
import type { Clock } from './ports.ts';
import { Room, type RoomState } from './room.ts';
import type { LoadedRoom, LoadedState, RoomKind, Store } from './store.ts';

export interface RosterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly loaded: LoadedState;
  /** The store could not give a room's events. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Which rooms there are and who is in them, and what they are found by: a room by its name or its log, a member by the digest
 * of its token. Holds no rule of who may be there.
 */
export class Roster {
  readonly #options: RosterOptions;
  readonly #roomsByName = new Map<string, Room>();
  /** Names of rooms that are open whoever comes, see `Hub.holdOpenRoom`. */
  readonly #heldNames = new Set<string>();
  readonly #roomsByLog = new Map<RoomLog, Room>();
  readonly #members = new Map<number, Member>();
  readonly #membersByToken = new Map<string, Member>();
  #lastRoomId: number;
  #lastMemberId: number;

  constructor(options: RosterOptions) {
    const { loaded } = options;
    this.#options = options;
    this.#lastRoomId = loaded.lastRoomId;
    this.#lastMemberId = loaded.lastMemberId;
    const roomsById = new Map<number, Room>();
    for (const room of loaded.rooms) roomsById.set(room.id, this.#addRoom(room, 'open'));
    for (const stored of loaded.members) {
      const room = roomsById.get(stored.roomId);
      if (room !== undefined) this.#addMember(room, stored, 'joined', undefined);
    }
  }

  /** Rooms whose names are taken. */
  get roomCount(): number {
    return this.#roomsByName.size;
  }

  /** Rooms that count against `roomsMax`: those that are not held. */
  get countedRooms(): number {
    let count = this.#roomsByName.size;
    for (const name of this.#heldNames) if (this.#roomsByName.has(name)) count -= 1;
    return count;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  members(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** Names of the rooms that can be joined, in the order they were made. */
  openRoomNames(): string[] {
    return [...this.#roomsByName.values()].filter((room) => room.state === 'open').map((room) => room.name);
  }

  /** The room that has the name, in whatever state. */
  roomNamed(name: string): Room | undefined {
    return this.#roomsByName.get(name);
  }

  roomOfLog(log: RoomLog): Room | undefined {
    return this.#roomsByLog.get(log);
  }

  memberByToken(digest: string): Member | undefined {
    return this.#membersByToken.get(digest);
  }

  hold(name: string): void {
    this.#heldNames.add(name);
  }

  isHeld(name: string): boolean {
    return this.#heldNames.has(name);
  }

  /** A room that has its name, and is not open until the store has it. */
  openRoom(name: string, kind: RoomKind): Room {
    this.#lastRoomId += 1;
    const fresh = { id: this.#lastRoomId, name, kind, createdMs: this.#options.clock.wallMs() };
    return this.#addRoom({ ...fresh, firstSeq: 1, lastSeq: 0, lastSeqByKind: new Map() }, 'opening');
  }

  /** Somebody else may take the room's name. */
  freeName(room: Room): void {
    if (this.#roomsByName.get(room.name) === room) this.#roomsByName.delete(room.name);
  }

  forgetRoom(room: Room): void {
    this.freeName(room);
    this.#roomsByLog.delete(room.log);
  }

  /** A member that is on its way into a room. */
  addMember(room: Room, facts: Omit<MemberFacts, 'id'>, timeoutMs: number | undefined): Member {
    this.#lastMemberId += 1;
    return this.#addMember(room, { ...facts, id: this.#lastMemberId }, 'joining', timeoutMs);
  }

  /** The member is in no room any more: its token opens nothing and its reader reads no more. */
  removeMember(member: Member): void {
    member.state = 'left';
    member.detach();
    member.room.members.delete(member.id);
    this.#members.delete(member.id);
    if (member.tokenDigest !== undefined) this.#membersByToken.delete(member.tokenDigest);
  }

  #addRoom(loaded: LoadedRoom, state: RoomState): Room {
    const { store, limits, onFault } = this.#options;
    const room = new Room(store, limits, loaded, state, onFault);
    this.#roomsByName.set(room.name, room);
    this.#roomsByLog.set(room.log, room);
    return room;
  }

  #addMember(room: Room, facts: MemberFacts, state: MemberState, timeoutMs: number | undefined): Member {
    const { clock, limits } = this.#options;
    const member = new Member(room, facts, {
      state,
      nowMs: clock.monotonicMs(),
      messages: limits.memberMessages,
      timeoutMs,
    });
    room.members.set(member.id, member);
    this.#members.set(member.id, member);
    if (member.tokenDigest !== undefined) this.#membersByToken.set(member.tokenDigest, member);
    return member;
  }
}
