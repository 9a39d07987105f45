import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeSession } from '@confab/testing/fake-session';
import type { Screen } from '../terminal/screen.ts';
import { runChange } from './change-command.ts';
import { RecentMessages } from './recent-messages.ts';

const all = ['edit', 'withdraw', 'react'] as const;

function world(abilities: readonly ('edit' | 'withdraw' | 'react')[] = all) {
  const session = new FakeSession({ abilities });
  const recent = new RecentMessages();
  recent.note({ type: 'message', user: 'Ann', text: 'first', isOwn: true, seq: 3 });
  recent.note({ type: 'message', user: 'Bob\u001b[2J', text: 'hello', isOwn: false, seq: 14 });
  const lines: string[] = [];
  const screen = { printStatus: async (text: string) => void lines.push(text) } as unknown as Screen;
  return {
    session,
    recent,
    lines,
    run: (command: Parameters<typeof runChange>[0]) => runChange(command, session, recent, screen),
  };
}

test('without a number the newest message is meant: one’s own, or for a reaction somebody else’s', async () => {
  const { session, lines, run } = world();
  await run({ kind: 'edit', seq: undefined, text: 'better' });
  await run({ kind: 'react', seq: undefined, text: '👍' });
  await run({ kind: 'withdraw', seq: undefined });
  await run({ kind: 'edit', seq: 7, text: 'that one' });
  assert.deepEqual(session.sent, ['edit 3 better', 'react 14 👍', 'withdraw 3', 'edit 7 that one']);
  assert.deepEqual(lines, []);
});

test('/last shows numbers, names and beginnings', async () => {
  const { lines, recent, run } = world();
  await run({ kind: 'last' });
  assert.deepEqual(lines, ['   #3  Ann: first\n  #14  Bob: hello']);
  recent.clear();
  await run({ kind: 'last' });
  assert.equal(lines.at(-1), 'Nothing was said yet.');
});

test('what cannot be done is said in one line', async () => {
  const { lines, recent, session, run } = world();
  await run({ kind: 'edit', seq: undefined, text: '' });
  await run({ kind: 'react', seq: undefined, text: '' });
  session.withdraw = () => Promise.reject(new Error('Cannot send: event 3 is somebody else’s'));
  await run({ kind: 'withdraw', seq: undefined });
  recent.clear();
  await run({ kind: 'edit', seq: undefined, text: 'x' });
  await run({ kind: 'react', seq: undefined, text: 'x' });
  assert.deepEqual(lines, [
    '! /edit needs the new text, as in /edit hello',
    '! /react needs what to react with, as in /react 👍',
    '! Cannot send: event 3 is somebody else’s',
    '! You have said nothing yet',
    '! Nobody has said anything to react to',
  ]);
});

test('a wire that cannot do it says so', async () => {
  const { lines, run } = world([]);
  await run({ kind: 'edit', seq: undefined, text: 'better' });
  assert.deepEqual(lines, ['! Cannot edit: fake:// has no way to']);
});
