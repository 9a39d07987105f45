import type { OwnKey, Session } from '@confab/client';
import { reasonOf } from '../failure.ts';
import { clock } from '../terminal/clock.ts';
import { sanitizeName } from '../terminal/sanitize.ts';
import type { Screen } from '../terminal/screen.ts';
import type { Searching } from './search-command.ts';
import type { TypedLine } from './typed-line.ts';

type RoomCommand = Extract<TypedLine, { kind: 'join' | 'rooms' | 'users' | 'keys' | 'search' }>;

/** A server that does not answer is not waited for longer than this, ms. */
const ANSWER_TIMEOUT_MS = 5000;

/** `/join`, `/rooms`, `/who`, `/keys` and `/search`: ask the session, and show what it says, or why it cannot. */
export async function runCommand(
  command: RoomCommand,
  session: Session,
  searching: Searching,
  screen: Screen,
): Promise<void> {
  try {
    await screen.printStatus(await answer(command, session, searching));
  } catch (error) {
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
    await screen.printStatus(`! ${isTimeout ? 'The server does not answer' : reasonOf(error)}`);
  }
}

async function answer(command: RoomCommand, session: Session, searching: Searching): Promise<string> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  switch (command.kind) {
    case 'join': {
      if (command.room === '') return '! /join needs the name of a room, as in /join lobby';
      await session.join(command.room, { signal });
      return `In room "${sanitizeName(session.room)}".`;
    }
    case 'rooms':
      return listed('Rooms', await session.rooms({ signal }));
    case 'users':
      return listed('Here', await session.users({ signal }));
    case 'keys':
      return listKeys(await keysOf(command, session, signal));
    case 'search':
      return searching.answer(command.query, signal);
  }
}

function listed(title: string, names: readonly string[]): string {
  return names.length === 0 ? `${title}: none` : `${title}: ${names.map(sanitizeName).join(', ')}`;
}

function keysOf(
  { change, key }: Extract<RoomCommand, { kind: 'keys' }>,
  session: Session,
  signal: AbortSignal,
): Promise<OwnKey[]> {
  switch (change) {
    case 'add':
      return session.addKey(key, { signal });
    case 'remove':
      return session.removeKey(key, { signal });
    default:
      return session.keys({ signal });
  }
}

function listKeys(keys: readonly OwnKey[]): string {
  return keys
    .map(({ key, usedMs, isThisDevice }) => {
      const when = isThisDevice ? 'this device' : `last used ${clock(usedMs)}`;
      return `  ${sanitizeName(key)}  ${when}`;
    })
    .join('\n');
}
