import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind, type RoomEvent, type Unit } from '@confab/core';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { JsonStreamEncoding } from './json-encoding.ts';
import { lineFraming } from './json-lines/connection.ts';
import { joined } from './json-run.ts';
import { frameFraming } from './websocket/frame.ts';

const texts = fc.array(
  // Lengths on both sides of those at which a WebSocket frame has a longer head.
  fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('é'.repeat(30), 'x'.repeat(65_500), '')),
  { minLength: 1, maxLength: 5 },
);
const kinds = fc.constantFrom(EventKind.MESSAGE, EventKind.JOIN, EventKind.REACTION);

function eventsOf(said: readonly string[], kind: (index: number) => number): RoomEvent[] {
  return said.map((text, index) => ({
    roomId: 1,
    seq: index + 1,
    position: index + 1,
    kind: kind(index),
    timeMs: 0,
    author: index,
    user: 'ann',
    body: new TextEncoder().encode(text),
  }));
}

for (const [name, framing] of Object.entries({ lines: lineFraming, frames: frameFraming })) {
  test(`a burst as ${name} is the bytes of its events one after the other, and each of them can be had alone`, () => {
    const encoding = new JsonStreamEncoding(name, framing, { edits: true, reactions: false });
    fc.assert(
      fc.property(texts, fc.array(kinds, { minLength: 5, maxLength: 5 }), (said, mixed) => {
        const events = eventsOf(said, (index) => mixed[index]!);
        const alone: Unit[] = events.flatMap((event) =>
          encoding.encode(event, 'lobby').map((bytes) => ({ seq: event.seq, author: event.author, bytes })),
        );
        const run = encoding.encodeTogether(events, 'lobby');
        const together = events.map(({ seq }) => run.unitOf(seq)).filter((unit) => unit !== undefined);
        assert.deepEqual([run.firstSeq, run.lastSeq, run.count], [1, events.length, alone.length]);
        assert.ok(Buffer.concat(alone.map(({ bytes }) => bytes)).equals(run.bytes));
        const plain = (units: readonly Unit[]) =>
          units.map(({ seq, author, bytes }) => [seq, author, Buffer.from(bytes).toString('latin1')]);
        assert.deepEqual(plain(together), plain(alone));
        for (let from = 0; from < alone.length; from += 1) {
          const expected = Buffer.concat(alone.slice(from).map(({ bytes }) => bytes));
          assert.ok(expected.equals(joined(together.slice(from))));
          assert.ok(expected.equals(joined([alone[from]!, ...together.slice(from + 1)])), 'of two makings');
        }
      }),
      { numRuns: propertyRuns() },
    );
  });
}
