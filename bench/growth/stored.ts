import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RoomEvent, StoreChange } from '@confab/core';
import { openSqliteStore, type SqliteStore } from '../../packages/server/src/store/sqlite/store.ts';
import { confab } from '../fanout/targets/confab.ts';
import { jsonLines } from '../fanout/wires.ts';
import type { Cores } from '../support/cores.ts';
import { Histogram } from '../support/histogram.ts';
import { readProcess } from '../support/proc.ts';
import type { GrowthOptions } from './options.ts';

/** Events in one transaction while a log is being filled. */
const BATCH = 4096;
/** As the JSON wires send to who joins. */
const PAGE_EVENTS = 100;
const PAGES = 2000;
const PAGE_ROOMS = 100;
/** Before memory is read, ms. */
const REST_MS = 1000;

const body = new TextEncoder().encode('x'.repeat(64));

/** Fills a log whose events go round the rooms, as a busy server's do. */
class Filler {
  readonly #store: SqliteStore;
  readonly #rooms: number;
  #position = 0;

  constructor(store: SqliteStore, rooms: number) {
    this.#store = store;
    this.#rooms = rooms;
  }

  async openRooms(): Promise<void> {
    const changes: StoreChange[] = [];
    for (let id = 1; id <= this.#rooms; id += 1) {
      changes.push({ type: 'room-put', room: { id, name: `r${id}`, kind: 'open', createdMs: 0 } });
    }
    await this.#store.commit(changes);
  }

  async fillTo(count: number): Promise<void> {
    while (this.#position < count) {
      const changes: StoreChange[] = [];
      for (let left = Math.min(BATCH, count - this.#position); left > 0; left -= 1) {
        changes.push({ type: 'event', event: this.#nextEvent() });
      }
      await this.#store.commit(changes);
    }
  }

  #nextEvent(): RoomEvent {
    const roomId = (this.#position % this.#rooms) + 1;
    const seq = Math.floor(this.#position / this.#rooms) + 1;
    this.#position += 1;
    return { roomId, seq, position: this.#position, kind: 1, timeMs: this.#position, author: 1, user: 'ann', body };
  }
}

export interface StartFigures {
  readonly messages: number;
  readonly rooms: number;
  /** From starting the program until it accepts connections, ms. */
  readonly startMs: number;
  readonly residentBytes: number;
}

/** Starts with an empty log, and with a full one. */
export async function startCosts(options: GrowthOptions, cores: Cores): Promise<StartFigures[]> {
  const found: StartFigures[] = [];
  for (const [messages, rooms] of [
    [0, 0],
    [options.storedMessages, options.storedRooms],
  ] as const) {
    const data = await mkdtemp(join(tmpdir(), 'confab-bench-'));
    try {
      const store = await openSqliteStore({ directory: data });
      const filler = new Filler(store, rooms);
      await filler.openRooms();
      await filler.fillTo(messages);
      await store.close();
      const startMs = performance.now();
      const running = await confab(jsonLines, { data }).start(cores.server);
      const elapsed = performance.now() - startMs;
      await sleep(REST_MS);
      found.push({ messages, rooms, startMs: elapsed, residentBytes: readProcess(running.pid).residentBytes });
      await running.stop();
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  }
  return found;
}

export interface PageFigures {
  readonly messages: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Pages from random places of random rooms, one after the other, through the store's thread. */
export async function pageCosts(options: GrowthOptions): Promise<PageFigures[]> {
  const data = await mkdtemp(join(tmpdir(), 'confab-bench-'));
  const store = await openSqliteStore({ directory: data });
  try {
    const filler = new Filler(store, PAGE_ROOMS);
    await filler.openRooms();
    const found: PageFigures[] = [];
    for (const messages of options.pageMessages) {
      await filler.fillTo(messages);
      const times = new Histogram();
      for (let page = 0; page < PAGES; page += 1) {
        const roomId = 1 + Math.floor(Math.random() * PAGE_ROOMS);
        const fromSeq = 1 + Math.floor((Math.random() * messages) / PAGE_ROOMS);
        const startMs = performance.now();
        await store.read(roomId, fromSeq, PAGE_EVENTS);
        times.record((performance.now() - startMs) * 1000);
      }
      found.push({ messages, p50Us: times.quantile(0.5), p99Us: times.quantile(0.99) });
    }
    return found;
  } finally {
    await store.close();
    await rm(data, { recursive: true, force: true });
  }
}
