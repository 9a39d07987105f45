import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FoundMessage } from '@confab/client';
import { FakeSession } from '@confab/testing/fake-session';
import { Searching } from './search-command.ts';

const { signal } = new AbortController();
const timeMs = new Date(2026, 10, 21, 9, 5).getTime();
const message = (seq: number, text: string, more: Partial<FoundMessage> = {}): FoundMessage => ({
  user: 'Ann',
  text,
  seq,
  timeMs,
  isEdited: false,
  ...more,
});

test('what was found is shown with its time, the newest last, and made harmless', async () => {
  const session = new FakeSession();
  session.found = {
    messages: [
      message(9, 'hello\nyou', { isEdited: true }),
      message(3, 'hello\u001b[2J', { user: 'B\u001b[1mob', isVerified: false }),
    ],
    before: undefined,
    unsearched: 0,
  };
  assert.equal(
    await new Searching(session).answer('hello', signal),
    '[2026-11-21 09:05] Bob (unverified): hello\n[2026-11-21 09:05] Ann: hello\n    you (edited)',
  );
});

test('/search alone leads to what is older, until there is nothing more', async () => {
  const session = new FakeSession();
  const searching = new Searching(session);
  assert.match(await searching.answer('', signal), /needs words/);
  session.found = { messages: [message(9, 'hello')], before: 9, unsearched: 12 };
  const first = await searching.answer('hello', signal);
  assert.match(first, /Ann: hello\n\(\/search: older ones\)\n\(.* 12 to go\)$/);
  session.found = { messages: [], before: undefined, unsearched: 0 };
  assert.equal(await searching.answer('', signal), 'Nothing older was found with hello');
  assert.equal(await searching.answer('', signal), '! There is nothing older with hello');
  assert.deepEqual(session.searched, [
    { query: 'hello', before: undefined },
    { query: 'hello', before: 9 },
  ]);
  session.room = 'elsewhere';
  assert.match(await searching.answer('', signal), /needs words/);
});
