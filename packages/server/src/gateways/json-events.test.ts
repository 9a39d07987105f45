import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@confab/config';
import { CoreError, EventKind, type RoomEvent } from '@confab/core';
import { JSON_DATAGRAM_BYTES_MAX, JSON_LINE_BYTES_MAX, jsonErrorTexts } from '@confab/wire/json';
import { historyCursor, jsonErrorOf, jsonTextOf } from './json-events.ts';

function event(kind: number, text = '', more: Partial<RoomEvent> = {}): RoomEvent {
  const body = new TextEncoder().encode(text);
  return { roomId: 1, seq: 7, position: 42, kind, timeMs: 0, author: 3, user: 'Ann', body, ...more };
}

const texts: readonly (readonly [name: string, event: RoomEvent, text: string | undefined])[] = [
  [
    'a message',
    event(EventKind.MESSAGE, 'Hello 🎉'),
    '{"type":"message","room":"lobby","user":"Ann","text":"Hello 🎉","seq":42}',
  ],
  [
    'a correction, as a new line',
    event(EventKind.EDIT, 'Hello all', { target: 3 }),
    '{"type":"message","room":"lobby","user":"Ann","text":"* Hello all","seq":42}',
  ],
  ['a join', event(EventKind.JOIN), '{"type":"system","room":"lobby","user":"system","text":"Ann joined","seq":42}'],
  ['a leave', event(EventKind.LEAVE), '{"type":"system","room":"lobby","user":"system","text":"Ann left","seq":42}'],
  [
    'the end of the room',
    event(EventKind.CLOSE),
    '{"type":"system","room":"lobby","user":"system","text":"Room closed: the host has left","seq":42}',
  ],
  [
    'a notice',
    event(EventKind.NOTICE, 'Back at ten', { author: 0, user: '' }),
    '{"type":"system","room":"lobby","user":"system","text":"Back at ten","seq":42}',
  ],
  [
    'a body that is no text',
    event(EventKind.MESSAGE, '', { body: Uint8Array.of(0x61, 0xff, 0x62) }),
    '{"type":"message","room":"lobby","user":"Ann","text":"a\ufffdb","seq":42}',
  ],
  [
    'a byte order mark, which is kept',
    event(EventKind.MESSAGE, '\ufeffhi'),
    '{"type":"message","room":"lobby","user":"Ann","text":"\ufeffhi","seq":42}',
  ],
  ['no deletion', event(EventKind.DELETE, '', { target: 3 }), undefined],
  ['nothing of a kind that this version does not know', event(77, 'x'), undefined],
];

for (const [name, told, text] of texts) {
  test(`The JSON wires tell ${name}`, () => {
    assert.equal(jsonTextOf(told, 'lobby', { edits: true, reactions: true }), text);
  });
}

test('Edits and reactions are told as far as the configuration says', () => {
  const [edit, reaction] = [event(EventKind.EDIT, 'x', { target: 3 }), event(EventKind.REACTION, '👍', { target: 3 })];
  const message = '{"type":"message","room":"lobby","user":"Ann","text":"* x","seq":42}';
  const notice = '{"type":"system","room":"lobby","user":"system","text":"Ann reacted: 👍","seq":42}';
  const told = (edits: boolean, reactions: boolean) =>
    [edit, reaction].map((one) => jsonTextOf(one, 'lobby', { edits, reactions }));
  assert.deepEqual(told(true, false), [message, undefined]);
  assert.deepEqual(told(false, true), [undefined, notice]);
  assert.equal(jsonTextOf(event(EventKind.REACTION, ''), 'lobby', { edits: true, reactions: true }), undefined);
});

test('The longest line that the configuration allows stays within a line of the wire, and within a datagram', () => {
  const { config } = loadConfig({ flags: [{ path: 'limits.message_bytes', value: '10240', flag: '--set' }] });
  const beyond = [{ path: 'limits.message_bytes', value: '10241', flag: '--set' }];
  assert.throws(() => loadConfig({ flags: beyond }), { code: 'CONFIG_INVALID' });
  const name = '"'.repeat(255);
  for (const kind of [EventKind.MESSAGE, EventKind.EDIT, EventKind.REACTION]) {
    const longest = event(kind, '\u0001'.repeat(config.limits.messageBytes), {
      user: name,
      position: Number.MAX_SAFE_INTEGER,
    });
    const text = jsonTextOf(longest, name, { edits: true, reactions: true })!;
    assert.ok(Buffer.byteLength(text) <= JSON_DATAGRAM_BYTES_MAX, `${Buffer.byteLength(text)}`);
    assert.ok(Buffer.byteLength(text) <= JSON_LINE_BYTES_MAX);
  }
});

test('Who joins reads from the newest events before its own join', () => {
  // Events 1–250 were there, the join is 251: the first one read is 151.
  assert.equal(historyCursor(251, 100), 150);
  assert.equal(historyCursor(1, 100), -100);
  assert.equal(historyCursor(251, 0), 250);
});

test('A refusal has the text of the wire, and "not in a room" that of its own wire', () => {
  assert.equal(jsonErrorOf(new CoreError('PASSWORD_WRONG', 'x')), 'Incorrect password');
  assert.equal(jsonErrorOf(new CoreError('RATE_LIMITED', 'x')), 'Too many requests, slow down');
  assert.equal(jsonErrorOf(new CoreError('NOT_A_MEMBER', 'x')), 'Join a room first');
  assert.equal(jsonErrorOf(new CoreError('NOT_A_MEMBER', 'x'), jsonErrorTexts.joinFirst), 'Join first');
});
