import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind } from '@confab/client/event-kind';
import { eventToJson, type LoggedEvent, renderLoggedEvent } from './log-lines.ts';

const timeMs = new Date(2026, 10, 21, 9, 5, 7).getTime();

function event(kind: number, body: string | Uint8Array, more: Partial<LoggedEvent> = {}): LoggedEvent {
  return { seq: 7, position: 70, kind, timeMs, author: 1, user: 'Ann', body: Buffer.from(body), ...more };
}

const shown = (logged: LoggedEvent): string => renderLoggedEvent(logged, 3);

test('each kind of event is a line for people', () => {
  const lead = '  7  2026-11-21 09:05:07  ';
  assert.equal(shown(event(EventKind.MESSAGE, 'hi')), `${lead}Ann: hi`);
  assert.equal(shown(event(EventKind.MESSAGE, 'one\ntwo')), `${lead}Ann: one\n${' '.repeat(30)}two`);
  assert.equal(shown(event(EventKind.JOIN, '')), `${lead}* Ann joined`);
  assert.equal(shown(event(EventKind.LEAVE, '')), `${lead}* Ann left`);
  assert.equal(shown(event(EventKind.CLOSE, '')), `${lead}* the room was closed`);
  assert.equal(shown(event(EventKind.EDIT, 'better', { target: 3 })), `${lead}Ann (edits 3): better`);
  assert.equal(shown(event(99, 'abc')), `${lead}* event of kind 99 by Ann, 3 bytes`);
});

test('what was stored cannot act on the terminal, as text or as JSON', () => {
  const hostile = event(EventKind.MESSAGE, 'a\x1b[2J\x9b31mb\u202e', { user: 'A\x1bnn' });
  assert.doesNotMatch(shown(hostile), /[\x00-\x1f\x7f-\x9f\u202e]/);
  const json = eventToJson('lobby', hostile);
  assert.doesNotMatch(json.trimEnd(), /[\x00-\x1f\x7f-\x9f\u202e]/);
  assert.equal(JSON.parse(json).text, 'a\x1b[2J\x9b31mb\u202e');
});

test('an event as JSON has all that a program needs', () => {
  assert.equal(
    eventToJson('lobby', event(EventKind.MESSAGE, 'hi')),
    `{"room":"lobby","seq":7,"position":70,"kind":1,"timeMs":${timeMs},"user":"Ann","text":"hi"}\n`,
  );
  assert.deepEqual(JSON.parse(eventToJson('lobby', event(40, Uint8Array.of(0xff, 0)))), {
    ...{ room: 'lobby', seq: 7, position: 70, kind: 40, timeMs, user: 'Ann', text: null, bodyBase64: '/wA=' },
  });
});
