import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECENT_MAX, RecentMessages } from './recent-messages.ts';

const message = (seq: number, text: string, isOwn = false) =>
  ({ type: 'message', user: isOwn ? 'Ann' : 'Bob', text, isOwn, seq }) as const;

test('the newest message of ours and of others is known, with its newest words', () => {
  const recent = new RecentMessages();
  recent.note(message(1, 'mine', true));
  recent.note(message(2, 'theirs'));
  recent.note({ type: 'reaction', user: 'Ann', text: '👍', isOwn: true, target: 2, seq: 3 });
  recent.note({ type: 'edit', user: 'Ann', text: 'my own', isOwn: true, target: 1, seq: 4 });
  assert.equal(recent.newest(true)?.seq, 1);
  assert.equal(recent.newest(false)?.seq, 2);
  assert.equal(recent.find(1)?.text, 'my own');
  assert.equal(recent.find(3)?.reactsTo, 2);
  assert.deepEqual(
    recent.last(9).map(({ seq }) => seq),
    [1, 2],
  );
});

test('what was withdrawn, and what another room said, is not remembered', () => {
  const recent = new RecentMessages();
  for (const seq of [1, 2]) recent.note(message(seq, 'x', true));
  recent.note({ type: 'withdrawal', user: 'Ann', isOwn: true, target: 2, seq: 3 });
  assert.equal(recent.newest(true)?.seq, 1);
  recent.clear();
  assert.equal(recent.newest(true), undefined);
});

test('only so many are remembered, the newest, and none without a number', () => {
  const recent = new RecentMessages();
  recent.note({ type: 'message', user: 'Bob', text: 'x', isOwn: false });
  assert.deepEqual(recent.last(1), []);
  for (let seq = 1; seq <= RECENT_MAX + 5; seq += 1) recent.note(message(seq, 'x'));
  assert.equal(recent.last(RECENT_MAX * 2).length, RECENT_MAX);
  assert.equal(recent.find(5), undefined);
  assert.ok(recent.find(6) !== undefined);
});
