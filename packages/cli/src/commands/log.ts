import { type LoggedRoom, type LogReader, loadConfig, openLogReader } from '@confab/server';
import { ExitCode } from '../exit-codes.ts';
import { codeOf, reasonOf } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { clock } from '../terminal/clock.ts';
import { sanitizeName } from '../terminal/sanitize.ts';
import { renderTable } from '../terminal/table.ts';
import { eventToJson, type LoggedEvent, renderLoggedEvent, toJsonLine } from './log-lines.ts';

/** Events read at a time. */
const PAGE = 500;

export interface LogOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** `confab log [ROOM]`: what the store holds, read without a server or beside one. */
export async function runLog(io: Io, roomName: string | undefined, options: LogOptions): Promise<ExitCode> {
  let reader: LogReader | undefined;
  try {
    const flags = options.data === undefined ? [] : [{ flag: '--data', path: 'data', value: options.data }];
    const { config } = loadConfig({ file: options.config, environment: io.env, flags });
    reader = openLogReader(config.data);
    const isJson = options.json === true;
    if (roomName === undefined) return await showRooms(io, reader, isJson);
    return await showRoom(io, reader, roomName, isJson);
  } catch (error) {
    await write(io.stderr, `confab: ${reasonOf(error)}\n`);
    return codeOf(error) === 'CONFIG_INVALID' ? ExitCode.USAGE : ExitCode.FAILED;
  } finally {
    reader?.close();
  }
}

async function showRooms(io: Io, reader: LogReader, isJson: boolean): Promise<ExitCode> {
  const rooms = reader.rooms();
  if (isJson) {
    for (const room of rooms) {
      const { id, name, kind, createdMs, closedMs, eventCount, memberCount: members } = room;
      const isOpen = closedMs === undefined;
      const line = toJsonLine({ room: name, id, kind, isOpen, events: eventCount, members, createdMs, closedMs });
      if (!(await write(io.stdout, line))) break;
    }
  } else if (rooms.length === 0) {
    await write(io.stdout, 'The log has no rooms yet.\n');
  } else {
    const rows = rooms.map((room) => [
      sanitizeName(room.name),
      room.closedMs === undefined ? `open (${room.kind})` : `closed ${clock(room.closedMs)}`,
      String(room.eventCount),
      String(room.memberCount),
    ]);
    await write(io.stdout, `${renderTable([['ROOM', 'STATE', 'EVENTS', 'MEMBERS'], ...rows])}\n`);
  }
  return ExitCode.OK;
}

/** All rooms of that name, oldest first: a name is free again when its room was closed. */
async function showRoom(io: Io, reader: LogReader, name: string, isJson: boolean): Promise<ExitCode> {
  const rooms = reader.rooms().filter((room) => room.name === name);
  if (rooms.length === 0) {
    await write(
      io.stderr,
      `confab: No room "${sanitizeName(name)}" in the log; "confab log" without a name lists all\n`,
    );
    return ExitCode.FAILED;
  }
  for (const room of rooms) {
    const seqWidth = String(room.lastSeq).length;
    if (!isJson && rooms.length > 1 && !(await write(io.stdout, `${heading(room)}\n`))) break;
    for (const event of eventsOf(reader, room)) {
      const line = isJson ? eventToJson(name, event) : `${renderLoggedEvent(event, seqWidth)}\n`;
      // Whoever read this has gone: `confab log lobby | head`.
      if (!(await write(io.stdout, line))) return ExitCode.OK;
    }
  }
  return ExitCode.OK;
}

function heading({ name, createdMs, closedMs }: LoggedRoom): string {
  return `# ${sanitizeName(name)}, made ${clock(createdMs)}, ${closedMs === undefined ? 'open' : `closed ${clock(closedMs)}`}`;
}

function* eventsOf(reader: LogReader, room: LoggedRoom): Generator<LoggedEvent> {
  let seq = room.firstSeq;
  for (;;) {
    const page = reader.read(room.id, seq, PAGE);
    if (page.length === 0) return;
    yield* page;
    seq = page.at(-1)!.seq + 1;
  }
}
