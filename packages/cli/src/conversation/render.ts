import type { LinkStatusEvent, OutboxEvent, ReachabilityEvent, SessionEvent } from '@confab/client';
import { sanitizeLine, sanitizeLines, sanitizeName } from '../terminal/sanitize.ts';

/** Before the second and further lines of a message, so that no line of it can pass for another's. */
const CONTINUATION = '    ';

/** What the conversation's output shows of an event, without the last line's end; undefined: nothing. */
export function renderEvent(
  event: Exclude<SessionEvent, ReachabilityEvent | LinkStatusEvent | OutboxEvent>,
): string | undefined {
  switch (event.type) {
    case 'message':
      return renderMessage(event.user, event.text, event.isVerified);
    case 'notice':
      return `* ${sanitizeLine(event.text)}`;
    case 'missed':
      return `* ${event.count} ${event.count === 1 ? 'message was' : 'messages were'} missed: they came faster than they could be shown`;
    case 'closed':
      return event.reason === 'room-closed' ? `* ${sanitizeLine(event.text)}` : undefined;
  }
}

/** @param isVerified false: where names can be proved, this one was not */
export function renderMessage(user: string, text: string, isVerified?: boolean): string {
  const [first = '', ...others] = sanitizeLines(text);
  const mark = isVerified === false ? ' (unverified)' : '';
  return [`${sanitizeName(user)}${mark}: ${first}`, ...others.map((line) => CONTINUATION + line)].join('\n');
}
