import type { FoundMessage, SearchPage, Session } from '@confab/client';
import { sanitizeLine } from '../terminal/sanitize.ts';
import { renderMessage } from './render.ts';

/** Messages of one page: what a terminal shows at once. */
const PAGE = 20;

/** `/search WORDS`, and `/search` alone for what is older. */
export class Searching {
  readonly #session: Session;
  #last: { readonly room: string; readonly query: string; readonly before: number | undefined } | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** What to show: the oldest first, as in a conversation, so that the newest is next to where one types. */
  async answer(typed: string, signal: AbortSignal): Promise<string> {
    const { room } = this.#session;
    const last = this.#last?.room === room ? this.#last : undefined;
    if (typed === '' && last === undefined) return '! /search needs words, as in /search "good morning" din*';
    if (typed === '' && last?.before === undefined) return `! There is nothing older with ${sanitizeLine(last!.query)}`;
    const query = typed === '' ? last!.query : typed;
    const before = typed === '' ? last!.before : undefined;
    const page = await this.#session.search(query, { before, limit: PAGE, signal });
    this.#last = { room, query, before: page.before };
    return shown(query, page, before !== undefined);
  }
}

function shown(query: string, { messages, before, unsearched }: SearchPage, isOlder: boolean): string {
  const lines = messages.toReversed().map(lineOf);
  const what = sanitizeLine(query);
  if (lines.length === 0 && before === undefined)
    lines.push(`Nothing${isOlder ? ' older' : ''} was found with ${what}`);
  if (before !== undefined) lines.push('(/search: older ones)');
  if (unsearched > 0) lines.push(`(The server has not looked through everything yet: ${unsearched} to go)`);
  return lines.join('\n');
}

function lineOf({ user, text, timeMs, isEdited, isVerified }: FoundMessage): string {
  return `[${timeOf(timeMs)}] ${renderMessage(user, text, isVerified)}${isEdited ? ' (edited)' : ''}`;
}

/** Date and time where the reader is. */
function timeOf(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (number: number): string => String(number).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}`;
}
