import type { Hub } from '@confab/core';
import { encodeJsonRooms } from '@confab/wire/json';
import { NameList } from './json-names.ts';

/** The rooms that can be joined, in the order of their code points, as the JSON wires and the HTTP API tell them. */
export class RoomList {
  readonly #hub: Hub;
  readonly #list: NameList;

  constructor(hub: Hub) {
    this.#hub = hub;
    this.#list = new NameList({
      clock: hub.clock,
      version: () => `${hub.position} ${hub.roomCount}`,
      read: () => hub.roomNames(),
      encode: encodeJsonRooms,
    });
  }

  get names(): readonly string[] {
    return this.#list.names;
  }

  /** `{"type":"rooms",…}` with the current counter. */
  get text(): string {
    return this.#list.text(this.#hub.position);
  }
}
