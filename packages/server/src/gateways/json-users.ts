import type { Hub, Room } from '@confab/core';
import { encodeJsonUsers, JSON_LINE_BYTES_MAX } from '@confab/wire/json';
import { NameList } from './json-names.ts';

/** Who is in which room, as the JSON wires tell those who are in it too. */
export class UserLists {
  readonly #hub: Hub;
  readonly #bytesMax: number;
  /** Of rooms that somebody asked about; they go with their rooms. */
  readonly #lists = new WeakMap<Room, NameList>();

  /** @param bytesMax longest text, bytes; names that do not fit are left out, and counted */
  constructor(hub: Hub, bytesMax: number = JSON_LINE_BYTES_MAX) {
    this.#hub = hub;
    this.#bytesMax = bytesMax;
  }

  /** `{"type":"users",…}` with the current counter. */
  text(room: Room): string {
    let list = this.#lists.get(room);
    if (list === undefined) {
      list = new NameList({
        clock: this.#hub.clock,
        version: () => `${room.log.headSeq} ${room.memberCount}`,
        read: () => namesOf(room),
        encode: (names, seq) => encodeJsonUsers(room.name, names, seq, { bytesMax: this.#bytesMax }),
      });
      this.#lists.set(room, list);
    }
    return list.text(this.#hub.position);
  }
}

function namesOf({ members }: Room): string[] {
  const names: string[] = [];
  for (const { state, user } of members.values()) if (state === 'joined') names.push(user);
  return names;
}
