import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortToken } from './phases.ts';
import { renderEvent, renderMessage } from './render.ts';

test('further lines of a message are indented, so that none passes for somebody else', () => {
  assert.equal(renderMessage('Bob', 'one\nAnn: two'), 'Bob: one\n    Ann: two');
});

test('names and text reach the screen without control sequences', () => {
  assert.equal(renderMessage('\x1b[2JBob\n', 'hi\x1b]0;x\x07'), 'Bob: hi');
});

test('where names can be proved, those that were not are marked', () => {
  assert.equal(renderMessage('Bob', 'hi', false), 'Bob (unverified): hi');
  assert.equal(renderMessage('Bob', 'hi', true), 'Bob: hi');
});

test('what is about an earlier message quotes it, or names its number when it is not known any more', () => {
  const said = { seq: 3, user: 'Bob\x07', text: 'hello\nthere', isOwn: false, reactsTo: undefined };
  const find = () => said;
  const facts = { user: 'Ann', target: 3, isOwn: false, seq: 9 } as const;
  const edit = { type: 'edit', ...facts, text: 'one\nBob: two' } as const;
  assert.equal(renderEvent(edit, find), 'Ann (instead of "hello there"): one\n    Bob: two');
  assert.equal(renderEvent(edit), 'Ann (instead of #3): one\n    Bob: two');
  assert.equal(renderEvent({ type: 'withdrawal', ...facts }, find), '* Ann withdrew "hello there"');
  assert.equal(
    renderEvent({ type: 'withdrawal', ...facts }, () => ({ ...said, text: '👍', reactsTo: 1 })),
    '* Ann withdrew the reaction 👍',
  );
  const reaction = { type: 'reaction', ...facts, isVerified: false, text: '👍\x1b[2J\n' } as const;
  assert.equal(renderEvent(reaction, find), '* Ann (unverified) reacted 👍 to Bob\ufffd\'s "hello there"');
  assert.equal(renderEvent(reaction), '* Ann (unverified) reacted 👍 to #3');
});

test('notices are one line', () => {
  assert.equal(renderEvent({ type: 'notice', text: 'Bob\njoined' }), '* Bob joined');
  assert.equal(
    renderEvent({ type: 'closed', reason: 'room-closed', text: 'The host has left' }),
    '* The host has left',
  );
  assert.equal(renderEvent({ type: 'closed', reason: 'left', text: 'You have left' }), undefined);
});

test('of a token only the beginning shows', () => {
  assert.equal(shortToken('ab'.repeat(32)), 'ababababab… (64 characters)');
  assert.equal(shortToken('secret'), 's… (6 characters)');
});
