import type { RoomEvent } from '@confab/core';
import type { Page } from './page.ts';

/** Kinds from here up are tracked for conditional appends; those below are the core's own. */
export const TRACKED_KIND_MIN = 32;

/** One room's log in memory, with its newest `eventsMax` events. */
export class MemoryLog {
  readonly lastSeqByKind = new Map<number, number>();
  readonly #eventsMax: number;
  readonly #byClientId = new Map<string, RoomEvent>();
  #events: RoomEvent[] = [];
  /** Events at the front of `#events` that are dropped already; cut off in bulk, so that a drop costs O(1). */
  #dropped = 0;
  #lastSeq = 0;

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  get firstSeq(): number {
    return this.#lastSeq - (this.#events.length - this.#dropped) + 1;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  findByClientId(clientId: string): RoomEvent | undefined {
    return this.#byClientId.get(clientId);
  }

  append(event: RoomEvent): void {
    this.#events.push(event);
    this.#lastSeq = event.seq;
    if (event.clientId !== undefined) this.#byClientId.set(event.clientId, event);
    if (event.kind >= TRACKED_KIND_MIN) this.lastSeqByKind.set(event.kind, event.seq);
    if (this.#events.length - this.#dropped > this.#eventsMax) this.#dropOldest();
  }

  read({ fromSeq, limit }: Page): RoomEvent[] {
    const from = this.#dropped + Math.max(0, fromSeq - this.firstSeq);
    return this.#events.slice(from, from + limit);
  }

  #dropOldest(): void {
    const oldest = this.#events[this.#dropped];
    if (oldest?.clientId !== undefined) this.#byClientId.delete(oldest.clientId);
    this.#dropped += 1;
    if (this.#dropped > this.#eventsMax) {
      this.#events = this.#events.slice(this.#dropped);
      this.#dropped = 0;
    }
  }
}
