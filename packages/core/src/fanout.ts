import type { Encoding } from './encoding.ts';
import type { RoomEvent } from './event.ts';
import type { Limits } from './limits.ts';
import type { RoomLog } from './log.ts';
import type { Reader } from './reader.ts';
import { Group } from './reader-group.ts';

/** All the readers of one room, grouped by how events are encoded for them. */
export class Fanout {
  readonly #log: RoomLog;
  readonly #roomName: string;
  readonly #limits: Limits;
  // Each group keeps its outlets' type to itself; the map only needs to call it.
  // biome-ignore lint/suspicious/noExplicitAny: groups of different outlet types stand side by side
  readonly #groups = new Map<Encoding<any>, Group<any>>();
  readonly #onFault: (error: unknown) => void;

  /**
   * `onFault` hears of an encoding that threw, a bug, which costs that group the event and nobody else anything; and of the
   * store when it could not be read for somebody who catches up.
   */
  constructor(log: RoomLog, roomName: string, limits: Limits, onFault: (error: unknown) => void) {
    this.#log = log;
    this.#roomName = roomName;
    this.#limits = limits;
    this.#onFault = onFault;
  }

  /** Groups with at least one reader. */
  get groupCount(): number {
    return this.#groups.size;
  }

  /**
   * Start reading after sequence number `cursor`: what is newer is handed over first (at once where it is in memory), then
   * whatever is published.
   */
  attach<Outlet>(encoding: Encoding<Outlet>, memberId: number, outlet: Outlet, cursor: number): Reader<Outlet> {
    let group: Group<Outlet> | undefined = this.#groups.get(encoding);
    if (group === undefined) {
      group = new Group(this.#log, encoding, this.#roomName, this.#limits, {
        onEmpty: () => this.#groups.delete(encoding),
        onFault: this.#onFault,
      });
      this.#groups.set(encoding, group);
    }
    return group.add(memberId, outlet, Math.min(Math.max(cursor, this.#log.firstSeq - 1), this.#log.headSeq));
  }

  /** Hand over events that the log has just published. */
  publish(events: readonly RoomEvent[]): void {
    for (const group of this.#groups.values()) group.publish(events);
  }
}
