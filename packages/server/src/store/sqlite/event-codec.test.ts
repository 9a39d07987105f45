import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoreError, type RoomEvent, type StoreChange } from '@confab/core';
import { appendEvent, closeRoom, deleteMember, exampleEvent } from '@confab/testing';
import fc from 'fast-check';
import { decodeEvents, EventCursor, encodeEvents } from './event-codec.ts';
import { packBatch } from './protocol.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const event: fc.Arbitrary<RoomEvent> = fc.record(
  {
    roomId: fc.maxSafeNat(),
    seq: fc.maxSafeNat(),
    position: fc.maxSafeNat(),
    kind: fc.nat(),
    timeMs: fc.maxSafeNat(),
    author: fc.maxSafeNat(),
    user: text,
    isVerified: optional(fc.constant(true as const)),
    clientId: optional(text),
    target: optional(fc.maxSafeNat()),
    body: fc.uint8Array({ maxLength: 200 }),
  },
  { noNullPrototype: true },
);

test('any events come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(event), (events) => {
      assert.deepEqual(decodeEvents(encodeEvents(events)), events);
    }),
  );
});

test('events are written as migrations and data folders expect them', () => {
  const plain = exampleEvent(1, {
    roomId: 300,
    position: 2 ** 40,
    author: 9,
    timeMs: 5,
    user: 'Zoë',
    body: Uint8Array.of(7, 8),
  });
  const full = { ...plain, clientId: 'id', target: 3, isVerified: true } as const;
  const hex = (events: RoomEvent[]) => Buffer.from(encodeEvents(events)).toString('hex');
  assert.equal(
    hex([plain]),
    '14000000' + '00' + 'ac02' + '01' + '808080808020' + '01' + '09' + '05' + '045a6fc3ab' + '0708',
  );
  assert.equal(
    hex([full]),
    '18000000' + '07' + 'ac02' + '01' + '808080808020' + '01' + '09' + '05' + '03' + '026964' + '045a6fc3ab' + '0708',
  );
});

test('a long text and a long batch come out as they went in', () => {
  const events = [1, 2, 3].map((seq) =>
    exampleEvent(seq, {
      user: 'n'.repeat(127 + seq),
      clientId: 'é'.repeat(9000),
      body: new Uint8Array(700_000).fill(seq),
    }),
  );
  const decoded = decodeEvents(encodeEvents(events));
  assert.deepEqual(
    decoded.map(({ user, clientId, body }) => ({ user, clientId, body })),
    events.map(({ user, clientId, body }) => ({ user, clientId, body })),
  );
});

test('a number below 0 becomes one that no log takes', () => {
  const [decoded] = decodeEvents(encodeEvents([exampleEvent(-1, { position: -7 })]));
  assert.deepEqual([decoded?.seq, decoded?.position], [0, 0]);
});

test('a body keeps nothing else alive', () => {
  const [decoded] = decodeEvents(encodeEvents([exampleEvent(1), exampleEvent(2)]));
  assert.equal(decoded?.body.buffer.byteLength, decoded?.body.length);
});

test('damaged bytes are told as such, or taken for other events; they never stop the program or ask for memory', () => {
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.nat(255),
      fc.boolean(),
      (events, at, byte, isCut) => {
        const bytes = encodeEvents(events);
        const place = at % bytes.length;
        bytes[place] = byte;
        const damaged = isCut ? bytes.subarray(0, place) : bytes;
        try {
          const bodies = decodeEvents(damaged).map(({ body }) => body.length);
          assert.ok(bodies.reduce((sum, length) => sum + length, 0) <= damaged.length);
        } catch (error) {
          assert.ok(error instanceof CoreError, String(error));
          assert.equal(error.code, 'STORE_FAILED');
        }
      },
    ),
  );
});

test('what is cut off within a record is told', () => {
  const bytes = encodeEvents([exampleEvent(1, { clientId: 'id' })]);
  for (let length = 1; length < bytes.length; length += 1) {
    assert.throws(() => decodeEvents(bytes.subarray(0, length)), { code: 'STORE_FAILED', message: /damaged/ });
  }
});

test('a cursor tells where each record is and what the store looks at', () => {
  const events = [exampleEvent(4, { clientId: 'a', target: 2 }), exampleEvent(5, { kind: 40, author: 3 })];
  const bytes = encodeEvents(events);
  const cursor = new EventCursor(bytes);
  const seen: unknown[] = [];
  while (cursor.next()) {
    const { roomId, seq, position, kind, author, start, end } = cursor;
    seen.push([
      roomId,
      seq,
      position,
      kind,
      author,
      cursor.clientId(),
      decodeEvents(bytes.subarray(start, end)).length,
    ]);
  }
  assert.deepEqual(seen, [
    [1, 4, 4, 1, 1, 'a', 1],
    [1, 5, 5, 40, 3, undefined, 1],
  ]);
});

test('a batch tells where its other changes stand among the events', () => {
  const change = fc.oneof(
    fc.nat().map((seq): StoreChange => appendEvent(exampleEvent(seq))),
    fc.nat().map((id) => closeRoom(id)),
    fc.nat().map((id) => deleteMember(id)),
  );
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const { events, others } = packBatch(changes);
      const seqs = decodeEvents(events).map(({ seq }) => seq);
      const inOrder = changes.map((_, index) => {
        const other = others.find((candidate) => candidate.index === index);
        return other === undefined ? seqs.shift() : other.change;
      });
      assert.deepEqual(
        inOrder,
        changes.map((one) => (one.type === 'event' ? one.event.seq : one)),
      );
    }),
  );
});
