import type { Hub, Member } from '@confab/core';
import { encodeJsonFound, type JsonFoundOptions, type JsonRequest } from '@confab/wire/json';
import { textOf } from './degraded.ts';

/** Messages of a page when the request does not say how many. */
const PAGE_DEFAULT = 20;

export type JsonSearch = Extract<JsonRequest, { type: 'search' }>;

/**
 * Search the member's room, for the JSON wires.
 * @param options the answer's longest size, and the id it carries
 * @returns what makes the answer when its turn has come: it holds the counter as it stands then
 * @throws {CoreError} as `Hub.search`
 */
export async function searchForJson(
  hub: Hub,
  member: Member,
  { query, before, limit = PAGE_DEFAULT }: JsonSearch,
  options: Pick<JsonFoundOptions, 'id' | 'bytesMax'> = {},
): Promise<() => string> {
  const { messages, nextBeforeSeq, unsearched } = await hub.search(member, { query, beforeSeq: before, limit });
  const found = messages.map(({ event, isEdited }) => ({
    user: event.user,
    text: textOf(event),
    seq: event.position,
    time: event.timeMs,
    place: event.seq,
    isEdited,
  }));
  const bounds = { ...options, before: nextBeforeSeq, unsearched };
  return () => encodeJsonFound(member.room.name, found, hub.position, bounds);
}
