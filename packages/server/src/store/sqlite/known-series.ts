import type { RoomEvent } from '@confab/core';
import { placeInSeries } from './series.ts';

export interface KnownSeriesOptions {
  /** Series that are remembered; of those beyond, the one that was used longest ago is asked for again. */
  readonly seriesMax: number;
  /** The highest number of a series in a room that the database has, 0 for none. */
  readonly ask: (roomId: number, series: string) => Promise<number>;
}

/** Questions on their way to the database; with more a series is asked for with a later event. */
export const ASKED_MAX = 64;
const NOTHING: ReadonlyMap<string, number> = new Map();

/**
 * Which client ids no event can have: those of a series whose highest number is known, and is lower. Nothing else says that
 * without asking the database, which knows the ids of all time.
 *
 * A series is asked for when the database has committed an event of it; until then, and until the answer, it is not known.
 */
export class KnownSeries {
  readonly #options: KnownSeriesOptions;
  /** By room and series, that which was used last at the end. */
  readonly #highest = new Map<string, number>();
  /** Of those that are asked for: the highest that was committed meanwhile. */
  readonly #asked = new Map<string, number>();

  constructor(options: KnownSeriesOptions) {
    this.#options = options;
  }

  /** @returns what to give to `keep` once they are committed; undefined when one of their ids may not be new */
  rise(events: readonly RoomEvent[]): ReadonlyMap<string, number> | undefined {
    let risen: Map<string, number> | undefined;
    for (const { roomId, clientId } of events) {
      if (clientId === undefined) continue;
      const place = placeInSeries(clientId);
      if (place === undefined) return undefined;
      const key = keyOf(roomId, place.series);
      const highest = risen?.get(key) ?? this.#highest.get(key);
      if (highest === undefined || place.number <= highest) return undefined;
      risen ??= new Map();
      risen.set(key, place.number);
    }
    return risen ?? NOTHING;
  }

  keep(risen: ReadonlyMap<string, number>): void {
    for (const [key, number] of risen) this.#put(key, number);
  }

  /** The database has committed an event with this id. */
  committed(roomId: number, clientId: string): void {
    const place = placeInSeries(clientId);
    if (place === undefined) return;
    const { series, number } = place;
    const key = keyOf(roomId, series);
    const highest = this.#highest.get(key);
    if (highest !== undefined) {
      this.#put(key, Math.max(highest, number));
      return;
    }
    const asked = this.#asked.get(key);
    if (asked !== undefined) this.#asked.set(key, Math.max(asked, number));
    else if (this.#asked.size < ASKED_MAX) void this.#ask(key, roomId, series, number);
  }

  async #ask(key: string, roomId: number, series: string, number: number): Promise<void> {
    this.#asked.set(key, number);
    try {
      const highest = await this.#options.ask(roomId, series);
      this.#put(key, Math.max(highest, this.#asked.get(key)!));
    } catch {
      // The database tells whoever commits what is wrong with it.
    } finally {
      this.#asked.delete(key);
    }
  }

  #put(key: string, highest: number): void {
    this.#highest.delete(key);
    this.#highest.set(key, highest);
    if (this.#highest.size > this.#options.seriesMax) this.#highest.delete(this.#highest.keys().next().value!);
  }
}

function keyOf(roomId: number, series: string): string {
  return `${roomId} ${series}`;
}
