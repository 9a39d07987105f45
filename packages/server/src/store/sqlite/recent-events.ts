import { TRACKED_KIND_MIN } from '../memory-log.ts';
import { EventCursor } from './event-codec.ts';

/** Numbers in `RecentRoom.places` for each event: which batch, where its record begins and ends. */
const PLACE = 3;

/** A room's events among the recent ones: consecutive, from `firstSeq` to `lastSeq`. */
export interface RecentRoom {
  readonly roomId: number;
  readonly firstSeq: number;
  lastSeq: number;
  readonly places: number[];
  /** Where an event with a client id is. */
  readonly seqByClientId: Map<string, number>;
  /** The newest event of each kind that is tracked. */
  readonly lastSeqByKind: Map<number, number>;
}

/** Rows of table `batches` in memory, as they are written there, and what is where in them. */
export class RecentEvents {
  readonly rooms = new Map<number, RecentRoom>();
  readonly #batches: Uint8Array[] = [];
  readonly #positions: number[] = [];
  #bytes = 0;
  #count = 0;

  /** Of all records. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of events. */
  get count(): number {
    return this.#count;
  }

  /** Positions of the rows, rising. */
  get positions(): readonly number[] {
    return this.#positions;
  }

  /** Take in a batch, whose events follow those that are here. It is kept as it is. */
  add(batch: Uint8Array): void {
    const cursor = new EventCursor(batch);
    const index = this.#batches.length;
    while (cursor.next()) {
      const { seq, kind } = cursor;
      const room = this.#room(cursor.roomId, seq);
      room.lastSeq = seq;
      room.places.push(index, cursor.start, cursor.end);
      if (kind >= TRACKED_KIND_MIN) room.lastSeqByKind.set(kind, seq);
      const clientId = cursor.clientId();
      if (clientId !== undefined) room.seqByClientId.set(clientId, seq);
      this.#count += 1;
    }
    this.#batches.push(batch);
    this.#positions.push(cursor.position);
    this.#bytes += batch.length;
  }

  /** Records of one of its rooms from `fromSeq` up, oldest first, at most `limit`; views into the batches. */
  records(room: RecentRoom, fromSeq: number, limit: number): Uint8Array[] {
    const records: Uint8Array[] = [];
    const first = Math.max(fromSeq, room.firstSeq);
    const last = Math.min(room.lastSeq, first + limit - 1);
    for (let seq = first; seq <= last; seq += 1) {
      const at = (seq - room.firstSeq) * PLACE;
      const batch = this.#batches[room.places[at]!]!;
      records.push(batch.subarray(room.places[at + 1]!, room.places[at + 2]!));
    }
    return records;
  }

  #room(roomId: number, seq: number): RecentRoom {
    const known = this.rooms.get(roomId);
    if (known !== undefined) return known;
    const room: RecentRoom = {
      roomId,
      firstSeq: seq,
      lastSeq: seq,
      places: [],
      seqByClientId: new Map(),
      lastSeqByKind: new Map(),
    };
    this.rooms.set(roomId, room);
    return room;
  }
}
