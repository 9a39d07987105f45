import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomEvent } from '@confab/core';
import { decodeEvent } from '@confab/wire/link';
import { LinkEncoding } from './encoding.ts';

const event: RoomEvent = {
  roomId: 1,
  seq: 7,
  position: 9,
  kind: 6,
  timeMs: 1_700_000_000_500,
  author: 3,
  user: 'Ann',
  isVerified: true,
  target: 4,
  body: new TextEncoder().encode('hello'),
};

test('an event is one unit, which is found again by its bytes', () => {
  const encoding = new LinkEncoding(1_700_000_000_000);
  const [bytes, ...more] = encoding.encode(event);
  assert.deepEqual(more, []);
  const { body, ...fields } = decodeEvent(bytes!) as Exclude<ReturnType<typeof decodeEvent>, { outbox: number }>;
  assert.deepEqual(fields, { kind: 6, timeMs: 500, target: 4, isVerified: true, user: 'Ann' });
  assert.deepEqual(new TextDecoder().decode(body), 'hello');
  assert.equal(encoding.eventOf({ seq: 7, author: 3, bytes: bytes! }), event);
});

test('an event that is too long for a record is an empty unit, so that its number is not forgotten', () => {
  const encoding = new LinkEncoding(0);
  const units = encoding.encode({ ...event, body: new Uint8Array(32_768) });
  assert.deepEqual(
    units.map(({ length }) => length),
    [0],
  );
});
