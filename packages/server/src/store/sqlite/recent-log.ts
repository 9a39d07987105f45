import type { Database } from './database.ts';
import type { EventPage } from './event-page.ts';
import { foldRoom } from './fold.ts';
import type { FoldBounds } from './options.ts';
import { RecentEvents, type RecentRoom } from './recent-events.ts';
import { placeInSeries } from './series.ts';
import type { Statements } from './statements.ts';

/** Events that are on their way into segments. */
interface Folding {
  readonly events: RecentEvents;
  readonly rooms: readonly RecentRoom[];
  /** Rooms that are done. */
  roomCount: number;
  /** Batches that are deleted. */
  batchCount: number;
}

/**
 * The events that no segment has yet: how they are found, and how they become segments, a slice at a time, so that no commit
 * waits long for it.
 */
export class RecentLog {
  readonly #database: Database;
  readonly #statements: Statements;
  readonly #bounds: FoldBounds;
  #current = new RecentEvents();
  #folding: Folding | undefined;

  /** Takes in what the table `batches` has. */
  constructor(database: Database, statements: Statements, bounds: FoldBounds) {
    this.#database = database;
    this.#statements = statements;
    this.#bounds = bounds;
    for (const [events] of statements.batches.iterate()) this.#current.add(events as Uint8Array);
  }

  /** Take in a batch that was written to the table `batches`. */
  add(batch: Uint8Array): void {
    this.#current.add(batch);
  }

  /** Whether there is anything to fold. */
  get isFoldDue(): boolean {
    return this.#folding !== undefined || this.#isBeyond(1);
  }

  /** Whether folding has fallen so far behind that nothing must be added. */
  get isFull(): boolean {
    return this.#isBeyond(this.#bounds.backlog);
  }

  /** Room by room what there is; a room may come twice, its older part first. */
  *rooms(): Generator<RecentRoom> {
    if (this.#folding !== undefined) yield* this.#folding.events.rooms.values();
    yield* this.#current.rooms.values();
  }

  /** Sequence number of the event that has this client id. */
  findByClientId(roomId: number, clientId: string): number | undefined {
    const find = (events: RecentEvents | undefined): number | undefined =>
      events?.rooms.get(roomId)?.seqByClientId.get(clientId);
    return find(this.#current) ?? find(this.#folding?.events);
  }

  /** The highest number of a series of client ids, 0 for none. */
  highestOf(roomId: number, series: string): number {
    let highest = 0;
    for (const events of [this.#folding?.events, this.#current]) {
      for (const clientId of events?.rooms.get(roomId)?.seqByClientId.keys() ?? []) {
        const place = clientId.startsWith(series) ? placeInSeries(clientId) : undefined;
        if (place?.series === series) highest = Math.max(highest, place.number);
      }
    }
    return highest;
  }

  /** Whether it has the oldest event that the page lacks, and so all that follow. */
  covers({ roomId, nextSeq }: EventPage): boolean {
    const has = (room: RecentRoom | undefined): boolean => room !== undefined && room.firstSeq <= nextSeq;
    return has(this.#folding?.events.rooms.get(roomId)) || has(this.#current.rooms.get(roomId));
  }

  /** Give a page what it lacks. */
  fill(page: EventPage): void {
    for (const events of [this.#folding?.events, this.#current]) {
      const room = events?.rooms.get(page.roomId);
      if (events === undefined || room === undefined) continue;
      for (const record of events.records(room, page.nextSeq, page.left)) page.take(record);
    }
  }

  /**
   * One slice of what is due, in a transaction of its own. When it throws, nothing has changed, and it may be called again.
   * @param check called at the beginning of the transaction
   */
  fold(check: () => void): void {
    if (!this.isFoldDue) return;
    this.#folding ??= this.#beginFolding();
    const folding = this.#folding;
    const { roomCount, batchCount } = this.#database.transaction(() => {
      check();
      return folding.roomCount < folding.rooms.length ? this.#foldSlice(folding) : this.#deleteSlice(folding);
    });
    folding.roomCount = roomCount;
    folding.batchCount = batchCount;
    if (batchCount === folding.events.positions.length) this.#folding = undefined;
  }

  #isBeyond(times: number): boolean {
    const { count, bytes } = this.#current;
    return count >= times * this.#bounds.foldEvents || bytes >= times * this.#bounds.foldBytes;
  }

  #beginFolding(): Folding {
    const events = this.#current;
    this.#current = new RecentEvents();
    return { events, rooms: [...events.rooms.values()], roomCount: 0, batchCount: 0 };
  }

  /** Some rooms, or a part of one. */
  #foldSlice({ events, rooms, roomCount, batchCount }: Folding): Pick<Folding, 'roomCount' | 'batchCount'> {
    const roomsEnd = Math.min(rooms.length, roomCount + this.#bounds.sliceRooms);
    let left = this.#bounds.sliceEvents;
    let done = roomCount;
    while (done < roomsEnd) {
      const written = foldRoom(this.#statements, events, rooms[done]!, left, this.#bounds);
      left -= written;
      if (left === 0) break;
      done += 1;
    }
    return { roomCount: done, batchCount };
  }

  /** All of them are in segments: some of the rows that had them go. */
  #deleteSlice({ events, roomCount, batchCount }: Folding): Pick<Folding, 'roomCount' | 'batchCount'> {
    const { positions } = events;
    const done = Math.min(positions.length, batchCount + this.#bounds.sliceRooms);
    const position = positions[done - 1]!;
    this.#statements.deleteBatches.run(position);
    this.#statements.putFoldedPosition.run(position);
    return { roomCount, batchCount: done };
  }
}
