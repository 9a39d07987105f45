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

test('a burst is one run of records where it is long, whole and of short events, and knows whose events are in it', () => {
  const encoding = new LinkEncoding(1_700_000_000_000);
  const burst = (count: number, change: (event: RoomEvent) => RoomEvent = (same) => same) =>
    encoding.encodeTogether(Array.from({ length: count }, (_, index) => change({ ...event, seq: 7 + index })));
  const run = burst(20, (each) => ({ ...each, author: each.seq % 2 }));
  assert.deepEqual([run.firstSeq, run.lastSeq, run.count], [7, 26, 20]);
  assert.deepEqual([run.records?.first, run.records?.last, [...run.authors].sort()], [7, 26, [0, 1]]);
  assert.deepEqual(run.unitOf(8), { seq: 8, author: 0, bytes: encoding.encode({ ...event, seq: 8 })[0] });
  assert.equal(run.unitOf(27), undefined);
  assert.equal(burst(8).records, undefined);
  const long = (bytes: number) =>
    burst(20, (each) => (each.seq === 9 ? { ...each, body: new Uint8Array(bytes) } : each));
  assert.deepEqual(
    [100, 2_000, 32_768].map((bytes) => long(bytes).records !== undefined),
    [true, false, false],
  );
  assert.equal(long(32_768).unitOf(9)?.bytes.length, 0);
});
