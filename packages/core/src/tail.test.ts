import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RoomEvent } from './event.ts';
import { Tail } from './tail.ts';

const body = fc.uint8Array({ maxLength: 600 });
const someEvent = fc.record({
  position: fc.maxSafeNat(),
  kind: fc.nat({ max: 0xffff_ffff }),
  timeMs: fc.maxSafeNat(),
  author: fc.maxSafeNat(),
  user: fc.string({ unit: 'binary', maxLength: 20 }),
  isVerified: fc.constantFrom(true as const, undefined),
  clientId: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
  target: fc.option(fc.maxSafeNat(), { nil: undefined }),
  body,
});

test('what is read is what was pushed, whatever was dropped meanwhile', () => {
  const step = fc.oneof({ weight: 3, arbitrary: someEvent }, { weight: 2, arbitrary: fc.constant('shift' as const) });
  const scenario = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.array(step, { maxLength: 400, size: 'max' }));
  fc.assert(
    fc.property(scenario, ([nextSeq, steps]) => {
      const tail = new Tail(7, nextSeq);
      const kept: RoomEvent[] = [];
      let seq = nextSeq;
      for (const one of steps) {
        if (one === 'shift') {
          if (kept.length === 0) continue;
          tail.shift();
          kept.shift();
          continue;
        }
        const event = { roomId: 7, seq, ...one };
        seq += 1;
        tail.push(event);
        kept.push(event);
        if (one.clientId !== undefined) assert.deepEqual(tail.findByClientId(one.clientId), event);
      }
      const startSeq = seq - kept.length;
      assert.deepEqual(tail.read(startSeq, 1000), kept);
      assert.deepEqual(tail.read(startSeq + 3, 5), kept.slice(3, 8));
      assert.deepEqual([tail.startSeq, tail.length], [startSeq, kept.length]);
      assert.equal(
        tail.bytes,
        kept.reduce((total, event) => total + event.body.length, 0),
      );
      for (const { clientId } of steps.filter((one) => one !== 'shift')) {
        if (clientId === undefined) continue;
        const expected = kept.findLast((event) => event.clientId === clientId);
        assert.deepEqual(tail.findByClientId(clientId), expected);
      }
    }),
    { numRuns: 200 },
  );
});

test('an event that was read stays as it is when others come and go', () => {
  const tail = new Tail(1, 1);
  const event = (seq: number, byte: number): RoomEvent => ({
    roomId: 1,
    seq,
    position: seq,
    kind: 1,
    timeMs: 0,
    author: 1,
    user: 'ann',
    body: new Uint8Array(100).fill(byte),
  });
  tail.push(event(1, 1));
  const [first] = tail.read(1, 1);
  for (let seq = 2; seq < 1000; seq += 1) {
    tail.push(event(seq, seq));
    tail.shift();
  }
  assert.deepEqual(first!.body, new Uint8Array(100).fill(1));
});

test('the slab does not grow with what is dropped', () => {
  const tail = new Tail(1, 1);
  const bytes = new Uint8Array(100);
  for (let seq = 1; seq <= 10_000; seq += 1) {
    tail.push({ roomId: 1, seq, position: seq, kind: 1, timeMs: 0, author: 1, user: 'ann', body: bytes });
    if (tail.length > 10) tail.shift();
  }
  const [event] = tail.read(10_000, 1);
  assert.ok(event!.body.buffer.byteLength <= 4 * 11 * 100);
});
