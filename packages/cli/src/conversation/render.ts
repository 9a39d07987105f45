import type {
  EditEvent,
  EnteredEvent,
  LinkStatusEvent,
  OutboxEvent,
  ReachabilityEvent,
  ReactionEvent,
  SessionEvent,
  TypingEvent,
  WithdrawalEvent,
} from '@confab/client';
import { excerpt, sanitizeLine, sanitizeLines, sanitizeName } from '../terminal/sanitize.ts';
import type { RecentMessage } from './recent-messages.ts';

/** Before the second and further lines of a message, so that no line of it can pass for another's. */
const CONTINUATION = '    ';

const UNVERIFIED = ' (unverified)';

/** What the conversation's output shows of an event, without the last line's end; undefined: nothing. */
export function renderEvent(
  event: Exclude<SessionEvent, ReachabilityEvent | LinkStatusEvent | OutboxEvent | TypingEvent | EnteredEvent>,
  find: (seq: number) => RecentMessage | undefined = () => undefined,
): string | undefined {
  switch (event.type) {
    case 'message':
      return renderMessage(event.user, event.text, event.isVerified);
    case 'edit':
    case 'withdrawal':
    case 'reaction':
      return renderChange(event, find(event.target));
    case 'notice':
      return `* ${sanitizeLine(event.text)}`;
    case 'missed':
      return `* ${event.count} ${event.count === 1 ? 'message was' : 'messages were'} missed: they came faster than they could be shown`;
    case 'closed':
      return event.reason === 'room-closed' ? `* ${sanitizeLine(event.text)}` : undefined;
  }
}

/** @param about what it is about; undefined: it was said too long ago to be known here */
function renderChange(event: EditEvent | WithdrawalEvent | ReactionEvent, about: RecentMessage | undefined): string {
  const { user, target, isVerified } = event;
  const what = about === undefined ? `#${target}` : `"${excerpt(about.text)}"`;
  const who = `${sanitizeName(user)}${isVerified === false ? UNVERIFIED : ''}`;
  switch (event.type) {
    case 'edit': {
      const [first = '', ...others] = sanitizeLines(event.text);
      return [`${who} (instead of ${what}): ${first}`, ...others.map((line) => CONTINUATION + line)].join('\n');
    }
    case 'withdrawal':
      return `* ${who} withdrew ${about?.reactsTo === undefined ? what : `the reaction ${excerpt(about.text)}`}`;
    case 'reaction': {
      const whose = about === undefined ? '' : `${sanitizeName(about.user)}'s `;
      return `* ${who} reacted ${excerpt(event.text)} to ${whose}${what}`;
    }
  }
}

/** @param isVerified false: where names can be proved, this one was not */
export function renderMessage(user: string, text: string, isVerified?: boolean): string {
  const [first = '', ...others] = sanitizeLines(text);
  const mark = isVerified === false ? UNVERIFIED : '';
  return [`${sanitizeName(user)}${mark}: ${first}`, ...others.map((line) => CONTINUATION + line)].join('\n');
}
