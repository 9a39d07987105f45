import type { Hub, Member } from '@confab/core';
import { type Found, foundThatFit, type Search } from '@confab/wire/link';
import { textOf } from '../degraded.ts';

/** Messages of a page when the client does not say how many. */
const PAGE_DEFAULT = 20;

/**
 * What was said in a member's room, as many messages as one record has room for.
 * @throws {CoreError} as `Hub.search`
 */
export async function searchForLink(hub: Hub, member: Member, search: Search): Promise<Found> {
  const { request, before, limit, query } = search;
  const page = await hub.search(member, {
    query,
    beforeSeq: before === 0 ? undefined : before,
    limit: limit === 0 ? PAGE_DEFAULT : limit,
  });
  const messages = page.messages.map(({ event, isEdited }) => ({
    number: event.seq,
    timeMs: event.timeMs,
    isVerified: event.isVerified === true,
    isEdited,
    user: event.user,
    text: textOf(event),
  }));
  const fitting = messages.slice(0, foundThatFit(messages));
  const isCut = fitting.length < messages.length;
  const next = isCut ? fitting.at(-1)!.number : (page.nextBeforeSeq ?? 0);
  return { type: 'found', request, before: next, unsearched: page.unsearched, messages: fitting };
}
