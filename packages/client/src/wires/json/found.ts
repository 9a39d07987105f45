import type { JsonEvent } from '@confab/wire/json';
import type { SearchPage } from '../../session.ts';

/** What a server of the JSON wires found. */
export function pageOf({ messages, before, unsearched = 0 }: Extract<JsonEvent, { type: 'found' }>): SearchPage {
  const found = messages.map(({ user, text, seq, time, isEdited }) => ({ user, text, seq, timeMs: time, isEdited }));
  return { messages: found, before, unsearched };
}
