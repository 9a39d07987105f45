import type { Config } from '@confab/config';
import { EventKind, type Hub, type RoomEvent } from '@confab/core';
import type { Logger } from 'pino';
import { RotatingFile } from './rotating-file.ts';

/** Backslash; C0, DEL and C1; line and paragraph separators; what turns the reading order around (UAX #9 §2). */
const special = /[\\\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const short: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text on one line, such that it can be read back: `\n`, `\\`, `\u001b` … */
export function escapeLine(text: string): string {
  return text.replace(
    special,
    (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `{timestamp} {room} {user}: {text}`; a corrected message has `* ` before its new text. Undefined for what nobody said. */
export function conversationLine(roomName: string, event: RoomEvent): string | undefined {
  if (event.kind !== EventKind.MESSAGE && event.kind !== EventKind.EDIT) return undefined;
  const mark = event.kind === EventKind.EDIT ? '* ' : '';
  const text = new TextDecoder().decode(event.body);
  const time = new Date(event.timeMs).toISOString();
  return `${time} ${escapeLine(roomName)} ${escapeLine(event.user)}: ${mark}${escapeLine(text)}\n`;
}

/**
 * Everything that is said, in clear, in a file of its own. Off unless configured: it is one more copy of what people say,
 * which lives by the rules of log files (rotated, copied, read by others) and not by those of the store.
 */
export class ConversationLog {
  readonly #file: RotatingFile;
  readonly #stopListening: () => void;

  /** @throws {ServerError} LOG_UNWRITABLE */
  static async open(config: Config['log'], hub: Hub, log: Logger): Promise<ConversationLog> {
    const path = config.conversation;
    const file = await RotatingFile.open({
      path,
      key: 'log.conversation',
      rotateBytes: config.rotateBytes,
      rotateDays: config.rotateDays,
      keep: config.keep,
      mode: 0o600,
      complain: (line) => log.error(line),
    });
    log.warn({ file: path }, 'log.conversation: what people say is written to this file in clear, outside the store');
    return new ConversationLog(file, hub);
  }

  private constructor(file: RotatingFile, hub: Hub) {
    this.#file = file;
    this.#stopListening = hub.observe({
      published: (roomName, events) => {
        let lines = '';
        for (const event of events) lines += conversationLine(roomName, event) ?? '';
        if (lines !== '') file.write(lines);
      },
    });
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#file.close();
  }
}
