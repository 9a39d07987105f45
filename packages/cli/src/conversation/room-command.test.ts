import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeSession } from '@confab/testing/fake-session';
import type { Screen } from '../terminal/screen.ts';
import { runCommand } from './room-command.ts';
import { Searching } from './search-command.ts';

/** What a command shows on a session. */
async function shown(command: Parameters<typeof runCommand>[0], session: FakeSession): Promise<string[]> {
  const lines: string[] = [];
  const screen = { printStatus: async (text: string) => void lines.push(text) } as unknown as Screen;
  await runCommand(command, session, new Searching(session), screen);
  return lines;
}

test('/join goes to another room and says where one is', async () => {
  const session = new FakeSession({ abilities: ['join'] });
  assert.deepEqual(await shown({ kind: 'join', room: 'café' }, session), ['In room "café".']);
  assert.equal(session.room, 'café');
});

test('/join without a room says what it needs', async () => {
  assert.deepEqual(await shown({ kind: 'join', room: '' }, new FakeSession()), [
    '! /join needs the name of a room, as in /join lobby',
  ]);
});

test('/rooms and /who list names, made harmless', async () => {
  const session = new FakeSession({ abilities: ['rooms', 'users'] });
  session.known.rooms = ['a', 'b\u001b[2J'];
  session.known.users = [];
  assert.deepEqual(await shown({ kind: 'rooms' }, session), ['Rooms: a, b']);
  assert.deepEqual(await shown({ kind: 'users' }, session), ['Here: none']);
});

test('/keys shows the keys of one’s name after what was done about them', async () => {
  const session = new FakeSession({ abilities: ['keys'] });
  session.keyList = [{ key: 'abc', addedMs: 0, usedMs: 0, isThisDevice: true }];
  const added = await shown({ kind: 'keys', change: 'add', key: 'def\u001b[2J' }, session);
  assert.match(added[0]!, /^ {2}abc {2}this device\n {2}def {2}last used [\d: -]+$/);
  await shown({ kind: 'keys', change: 'remove', key: 'abc' }, session);
  assert.equal((await shown({ kind: 'keys', change: undefined, key: '' }, session))[0]?.includes('abc'), false);
});

test('what the wire or the server refuses is shown in one line', async () => {
  const session = new FakeSession();
  session.rooms = () => Promise.reject(new Error('Cannot list rooms: ucrp:// has no way to'));
  assert.deepEqual(await shown({ kind: 'rooms' }, session), ['! Cannot list rooms: ucrp:// has no way to']);
});
