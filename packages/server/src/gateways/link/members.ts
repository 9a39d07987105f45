import { type Hub, type Member, type RemovalReason, type Room, utf8Length } from '@confab/core';
import { LeftReason, LINK_RECORD_BYTES_MAX, type ListedRoom, type ListedUser } from '@confab/wire/link';
import { RoomList } from '../json-rooms.ts';
import type { LinkChannel } from './channel.ts';

/** Marks the memberships of this wire in the store. */
export const LINK_PROFILE = 'link';
/** Of a list: what is beside its entries. */
const LIST_HEAD_BYTES = 32;
/** Of an entry: lengths, numbers and flags. */
const ENTRY_BYTES = 12;

/** Who of the rooms' members is on link, and on which channel of which session. */
export class LinkMembers {
  readonly #hub: Hub;
  readonly #rooms: RoomList;
  readonly #byMember = new Map<number, LinkChannel>();
  readonly #byRoom = new Map<number, Set<LinkChannel>>();

  constructor(hub: Hub) {
    this.#hub = hub;
    this.#rooms = new RoomList(hub);
  }

  find(member: Member): LinkChannel | undefined {
    return this.#byMember.get(member.id);
  }

  add(channel: LinkChannel): void {
    this.#byMember.set(channel.member.id, channel);
    const { id } = channel.room;
    const others = this.#byRoom.get(id);
    if (others === undefined) this.#byRoom.set(id, new Set([channel]));
    else others.add(channel);
  }

  remove(channel: LinkChannel): void {
    if (this.#byMember.get(channel.member.id) === channel) this.#byMember.delete(channel.member.id);
    const { id } = channel.room;
    const others = this.#byRoom.get(id);
    others?.delete(channel);
    if (others?.size === 0) this.#byRoom.delete(id);
  }

  /** The core says that a member is out. */
  removed(member: Member, reason: RemovalReason): void {
    const channel = this.#byMember.get(member.id);
    if (reason === 'room-closed') channel?.roomClosed();
    else channel?.end(LeftReason.TIMED_OUT, 'Not a member of the room any more');
  }

  /** Channels of a room. */
  of(room: Room): Iterable<LinkChannel> {
    return this.#byRoom.get(room.id) ?? [];
  }

  /** The rooms that can be joined, by name; as many as one record has room for. */
  listRooms(): ListedRoom[] {
    const rooms: ListedRoom[] = [];
    let room = LINK_RECORD_BYTES_MAX - LIST_HEAD_BYTES;
    for (const name of this.#rooms.names) {
      const found = this.#hub.findRoom(name);
      if (found === undefined) continue;
      room -= utf8Length(name) + ENTRY_BYTES;
      if (room < 0) break;
      const { members, passwordHash, kind } = found;
      const hasPassword = passwordHash !== undefined;
      rooms.push({ room: name, members: members.size, hasPassword, isHosted: kind === 'hosted' });
    }
    return rooms;
  }

  /** The members of a room on all wires, in the order they came; as many as one record has room for. */
  listUsers({ members }: Room): ListedUser[] {
    const users: ListedUser[] = [];
    let room = LINK_RECORD_BYTES_MAX - LIST_HEAD_BYTES;
    for (const member of members.values()) {
      if (member.state !== 'joined') continue;
      room -= utf8Length(member.user) + ENTRY_BYTES;
      if (room < 0) break;
      const { user, isVerified, isHost } = member;
      users.push({ user, isVerified, isHost, isAway: this.#isAway(member) });
    }
    return users;
  }

  #isAway(member: Member): boolean {
    if (member.profile !== LINK_PROFILE) return false;
    const channel = this.#byMember.get(member.id);
    return channel?.isConnected !== true;
  }
}
