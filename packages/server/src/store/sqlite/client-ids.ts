import { repeatedInBatch } from '../log-heads.ts';
import type { SqlValue } from './database.ts';
import type { EventCursor } from './event-codec.ts';
import type { RecentLog } from './recent-log.ts';
import { IDS_PER_SEARCH, type Statements } from './statements.ts';

/** An event of a batch whose client id its room's log has. */
export interface Repeat {
  /** Of the change, in the batch. */
  readonly index: number;
  readonly roomId: number;
  /** Of the event that the log has under this id. */
  readonly seq: number;
}

interface NewId {
  readonly index: number;
  readonly roomId: number;
  readonly clientId: string;
}

/**
 * Finds the events of one batch that repeat client ids. What is recent is known at once; the segments are asked for many ids
 * with one statement, which takes a quarter of the time.
 */
export class RepeatSearch {
  readonly #statements: Statements;
  readonly #recent: RecentLog;
  readonly #repeats: Repeat[] = [];
  /** Ids that nothing recent has, by room and id. */
  readonly #newIds = new Map<string, NewId>();

  constructor(statements: Statements, recent: RecentLog) {
    this.#statements = statements;
    this.#recent = recent;
  }

  /**
   * Look at the next event of the batch.
   * @throws {CoreError} STORE_FAILED when the log does not have its id and the batch has it twice
   */
  add(index: number, cursor: EventCursor): void {
    const clientId = cursor.clientId();
    if (clientId === undefined) return;
    const { roomId } = cursor;
    const recentSeq = this.#recent.findByClientId(roomId, clientId);
    if (recentSeq !== undefined) {
      this.#repeats.push({ index, roomId, seq: recentSeq });
      return;
    }
    const key = keyOf(roomId, clientId);
    if (this.#newIds.has(key)) {
      const seq = this.#seqOf(roomId, clientId);
      if (seq === undefined) throw repeatedInBatch(cursor);
      this.#repeats.push({ index, roomId, seq });
      return;
    }
    this.#newIds.set(key, { index, roomId, clientId });
  }

  /** All repeats, in the order of the batch. */
  repeats(): Repeat[] {
    const ids = [...this.#newIds.values()];
    let at = 0;
    for (; at + IDS_PER_SEARCH <= ids.length; at += IDS_PER_SEARCH) {
      const values: SqlValue[] = [];
      for (let place = at; place < at + IDS_PER_SEARCH; place += 1)
        values.push(ids[place]!.roomId, ids[place]!.clientId);
      for (const row of this.#statements.seqsOfClientIds.all(...values)) {
        const [roomId, clientId, seq] = row as [number, string, number];
        const { index } = this.#newIds.get(keyOf(roomId, clientId))!;
        this.#repeats.push({ index, roomId, seq });
      }
    }
    for (; at < ids.length; at += 1) {
      const { index, roomId, clientId } = ids[at]!;
      const seq = this.#seqOf(roomId, clientId);
      if (seq !== undefined) this.#repeats.push({ index, roomId, seq });
    }
    return this.#repeats.sort((left, right) => left.index - right.index);
  }

  #seqOf(roomId: number, clientId: string): number | undefined {
    return this.#statements.seqOfClientId.get(roomId, clientId)?.[0] as number | undefined;
  }
}

function keyOf(roomId: number, clientId: string): string {
  return `${roomId} ${clientId}`;
}
