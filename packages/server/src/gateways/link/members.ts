import { type Hub, type Member, type RemovalReason, type Room, utf8Length } from '@confab/core';
import { byCodePoint } from '@confab/wire/json';
import { LeftReason, LINK_RECORD_BYTES_MAX, type ListedRoom, type ListedUser } from '@confab/wire/link';
import { RoomList } from '../json-rooms.ts';
import type { LinkChannel } from './channel.ts';

/** Marks the memberships of this wire in the store. */
export const LINK_PROFILE = 'link';
/** Of a list: what is beside its entries. */
const LIST_HEAD_BYTES = 32;
/** Of an entry: lengths, numbers and flags. */
const ENTRY_BYTES = 12;

export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly more: number;
}

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

  /** The rooms that can be joined, by name, behind a name; as many as one record has room for, and how many come behind these. */
  listRooms(after: string | undefined): Listed<ListedRoom> {
    const { names } = this.#rooms;
    const from = after === undefined ? 0 : placeBehind(names, after);
    const items: ListedRoom[] = [];
    let room = LINK_RECORD_BYTES_MAX - LIST_HEAD_BYTES;
    for (let index = from; index < names.length; index += 1) {
      const name = names[index]!;
      const found = this.#hub.findRoom(name);
      if (found === undefined) continue;
      room -= utf8Length(name) + ENTRY_BYTES;
      if (room < 0) return { items, more: names.length - index };
      const { members, passwordHash, kind } = found;
      const hasPassword = passwordHash !== undefined;
      items.push({ room: name, members: members.size, hasPassword, isHosted: kind === 'hosted' });
    }
    return { items, more: 0 };
  }

  /** The members of a room on all wires, in the order they came, behind the first ones; otherwise as rooms. */
  listUsers({ members, memberCount }: Room, skip: number): Listed<ListedUser> {
    const items: ListedUser[] = [];
    let place = 0;
    let room = LINK_RECORD_BYTES_MAX - LIST_HEAD_BYTES;
    for (const member of members.values()) {
      if (member.state !== 'joined') continue;
      place += 1;
      if (place <= skip) continue;
      room -= utf8Length(member.user) + ENTRY_BYTES;
      if (room < 0) return { items, more: memberCount - place + 1 };
      const { user, isVerified, isHost } = member;
      items.push({ user, isVerified, isHost, isAway: this.#isAway(member) });
    }
    return { items, more: 0 };
  }

  #isAway(member: Member): boolean {
    if (member.profile !== LINK_PROFILE) return false;
    const channel = this.#byMember.get(member.id);
    return channel?.isConnected !== true;
  }
}

/** Index of the first name behind another one, in the order of code points. */
function placeBehind(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (byCodePoint(names[middle]!, name) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
