import { TRACKED_KIND_MIN } from '../memory-log.ts';
import type { Statement } from './database.ts';
import { EventCursor } from './event-codec.ts';
import { concatenated } from './event-page.ts';
import type { FoldBounds } from './options.ts';
import type { RecentEvents, RecentRoom } from './recent-events.ts';

/** What folding reads and writes. */
export interface FoldStatements {
  readonly lastSegmentSeq: Statement;
  readonly insertSegment: Statement;
  readonly insertClientId: Statement;
  readonly putTrackedKind: Statement;
}

/**
 * Write the oldest events of a room that are in no segment yet into segments, at most `limit`. Within a transaction. What the
 * segments have is left out, so that a fold which was cut short is simply done again.
 * @returns how many events were written; fewer than `limit`: the room is done
 */
export function foldRoom(
  statements: FoldStatements,
  recent: RecentEvents,
  room: RecentRoom,
  limit: number,
  bounds: Pick<FoldBounds, 'segmentEvents' | 'segmentBytes'>,
): number {
  const { roomId } = room;
  const foldedSeq = Number(statements.lastSegmentSeq.get(roomId)?.[0] ?? 0);
  const records = recent.records(room, foldedSeq + 1, limit);
  for (let start = 0; start < records.length; ) {
    let end = start;
    let bytes = 0;
    while (end < records.length && end - start < bounds.segmentEvents) {
      const { length } = records[end]!;
      if (end > start && bytes + length > bounds.segmentBytes) break;
      bytes += length;
      end += 1;
    }
    putSegment(statements, roomId, concatenated(records.slice(start, end), bytes));
    start = end;
  }
  return records.length;
}

function putSegment(statements: FoldStatements, roomId: number, events: Uint8Array): void {
  const cursor = new EventCursor(events);
  let firstSeq: number | undefined;
  while (cursor.next()) {
    const { seq, kind } = cursor;
    firstSeq ??= seq;
    if (kind >= TRACKED_KIND_MIN) statements.putTrackedKind.run(roomId, kind, seq);
    const clientId = cursor.clientId();
    if (clientId !== undefined) statements.insertClientId.run(roomId, clientId, seq);
  }
  if (firstSeq !== undefined) statements.insertSegment.run(roomId, firstSeq, cursor.seq, events);
}
