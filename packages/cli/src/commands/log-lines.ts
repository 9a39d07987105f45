// Not the whole library, of which `confab log` needs nothing else.
import { EventKind } from '@confab/client/event-kind';
import { clock } from '../terminal/clock.ts';
import { sanitizeLine, sanitizeLines, sanitizeName } from '../terminal/sanitize.ts';

/** What the log's events look like from here; see `RoomEvent` of the core. */
export interface LoggedEvent {
  readonly seq: number;
  readonly position: number;
  readonly kind: number;
  readonly timeMs: number;
  readonly author: number;
  readonly user: string;
  readonly target?: number | undefined;
  readonly body: Uint8Array;
}

/** One event as a line for people: seq, time, who and what. Further lines of a message stand below its first. */
export function renderLoggedEvent(event: LoggedEvent, seqWidth: number): string {
  const lead = `${String(event.seq).padStart(seqWidth)}  ${clock(event.timeMs)}  `;
  const [first = '', ...others] = describe(event);
  return [lead + first, ...others.map((line) => ' '.repeat(lead.length + 4) + line)].join('\n');
}

function describe({ kind, user, target, body }: LoggedEvent): string[] {
  const name = sanitizeName(user);
  const text = bodyText(body) ?? `(${body.length} opaque bytes)`;
  switch (kind) {
    case EventKind.MESSAGE: {
      const [first = '', ...others] = sanitizeLines(text);
      return [`${name}: ${first}`, ...others];
    }
    case EventKind.JOIN:
      return [`* ${name} joined`];
    case EventKind.LEAVE:
      return [`* ${name} left`];
    case EventKind.CLOSE:
      return ['* the room was closed'];
    case EventKind.NOTICE:
      return [`* ${sanitizeLine(text)}`];
    case EventKind.EDIT:
      return [`${name} (edits ${target}): ${sanitizeLine(text)}`];
    case EventKind.DELETE:
      return [`* ${name} withdrew ${target}`];
    case EventKind.REACTION:
      return [`* ${name} reacted to ${target}: ${sanitizeLine(text)}`];
    default:
      return [`* event of kind ${kind} by ${name}, ${body.length} bytes`];
  }
}

/**
 * One event as a line for programs: `{room, seq, position, kind, timeMs, user, text}`, with `target` where it has one. A
 * body that is not text has `text: null`, and `bodyBase64` instead.
 */
export function eventToJson(room: string, { seq, position, kind, timeMs, user, target, body }: LoggedEvent): string {
  const text = bodyText(body) ?? null;
  const bodyBase64 = text === null ? Buffer.from(body).toString('base64') : undefined;
  return toJsonLine({ room, seq, position, kind, timeMs, user, text, target, bodyBase64 });
}

/** JSON in which nothing acts on a terminal either: what JSON.stringify leaves of controls is escaped too. */
export function toJsonLine(value: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${json}\n`;
}

function bodyText(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}
