import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoomEvent, StoreChange } from '@confab/core';
import { appendEvent, closeRoom, deleteMember, exampleEvent, withoutUndefined } from '@confab/testing';
import fc from 'fast-check';
import { decodeEvents, encodeEvents } from './event-codec.ts';
import { packBatch, unpackBatch } from './protocol.ts';

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
      assert.deepEqual(decodeEvents(encodeEvents(events), 'copied'), events);
    }),
  );
});

test('a copied body keeps nothing else alive', () => {
  const [decoded] = decodeEvents(encodeEvents([exampleEvent(1), exampleEvent(2)]), 'copied');
  assert.equal(decoded?.body.buffer.byteLength, decoded?.body.length);
});

test('a batch keeps the order of its changes, wherever the events stand among them', () => {
  const change = fc.oneof(
    fc.nat().map((seq): StoreChange => appendEvent(exampleEvent(seq))),
    fc.nat().map((id) => closeRoom(id)),
    fc.nat().map((id) => deleteMember(id)),
  );
  fc.assert(
    fc.property(fc.array(change), (changes) => {
      const unpacked = unpackBatch(structuredClone(packBatch(changes)));
      const plain = unpacked.map((one) => (one.type === 'event' ? appendEvent(plainEvent(one.event)) : one));
      assert.deepEqual(plain, changes);
    }),
  );
});

function plainEvent(decoded: RoomEvent): RoomEvent {
  return withoutUndefined(decoded) as RoomEvent;
}
