import { openLogReader } from '../../packages/server/src/store/index.ts';

/** An event as a test compares it. */
export interface LoggedEvent {
  readonly seq: number;
  readonly position: number;
  readonly kind: number;
  readonly user: string;
  readonly text: string;
}

export const MESSAGE_KIND = 1;

/** The log of the newest room of this name, read from the data folder; whether a server runs there does not matter. */
export function readLog(data: string, room: string): LoggedEvent[] {
  const reader = openLogReader(data);
  try {
    const found = reader.rooms().findLast(({ name }) => name === room);
    if (found === undefined) throw new Error(`No room ${JSON.stringify(room)} in ${data}`);
    const events: LoggedEvent[] = [];
    for (let from = 1; ; from = events.at(-1)!.seq + 1) {
      const page = reader.read(found.id, from, 1000);
      for (const { seq, position, kind, user, body } of page) {
        events.push({ seq, position, kind, user, text: Buffer.from(body).toString() });
      }
      if (page.length < 1000) return events;
    }
  } finally {
    reader.close();
  }
}

/** What was said, in the order of the log. */
export function messagesOf(log: readonly LoggedEvent[]): string[] {
  return log.filter(({ kind }) => kind === MESSAGE_KIND).map(({ text }) => text);
}
