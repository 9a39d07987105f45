import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind, type RoomEvent, type Unit } from '@confab/core';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { WireStats } from '../stats.ts';
import { plainWriter, type Shortfall, type StreamWriter } from '../streams/writer.ts';
import { Tap } from '../tap.ts';
import { closeAll, type FakeTransport, openScene } from './fixtures/json-scene.ts';
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
    const encoding = new JsonStreamEncoding(name, {
      framing,
      olderWires: { edits: true, reactions: false },
      streams: plainWriter,
      stats: new WireStats(),
      tap: new Tap(),
    });
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

/** Writes to many at once as the test says: a lane is the index of a connection in `peers`. */
class GatheringWriter implements StreamWriter {
  readonly peers: FakeTransport[] = [];
  /** Who must be written to alone. */
  readonly waiting = new Set<FakeTransport>();
  /** Who takes so many bytes of the next write, and no more. */
  readonly short = new Map<FakeTransport, number>();
  /** How many were written to by each call. */
  readonly calls: number[] = [];
  #bytes = new Uint8Array(0);
  #added: FakeTransport[] = [];

  open = plainWriter.open;
  close = plainWriter.close;
  write = plainWriter.write;
  together = plainWriter.together;

  gather(bytes: Uint8Array): boolean {
    this.#bytes = new Uint8Array(bytes);
    return true;
  }

  add(lane: number): boolean {
    const peer = this.peers[lane];
    if (peer === undefined || this.waiting.has(peer)) return false;
    this.#added.push(peer);
    return true;
  }

  settle(): readonly Shortfall[] {
    const shortfalls: Shortfall[] = [];
    for (const [index, peer] of this.#added.entries()) {
      const taken = this.short.get(peer);
      if (taken === undefined) {
        peer.write(this.#bytes);
        continue;
      }
      peer.begun = this.#bytes.subarray(0, taken);
      shortfalls.push({ index, taken });
    }
    this.calls.push(this.#added.length);
    this.#added = [];
    this.short.clear();
    return shortfalls;
  }
}

async function openGathered() {
  const writer = new GatheringWriter();
  const scene = await openScene({ writer, laneOf: (index) => index });
  const join = async (user: string): Promise<FakeTransport> => {
    const peer = await scene.join(user);
    writer.peers.push(peer);
    return peer;
  };
  const [ann, bob, eve] = [await join('ann'), await join('bob'), await join('eve')];
  const heard = () => [ann, bob, eve].map((peer) => peer.take());
  heard();
  writer.calls.length = 0;
  return { ...scene, writer, ann, bob, eve, heard };
}

const all = (...lines: string[]): string[][] => [lines, lines, lines];

test('what can be written to all by one call is, and counted as if each had been written to alone', async () => {
  const { world, stats, writer, ann, bob, eve, heard } = await openGathered();
  const [deliveries, sent] = [stats.deliveries, stats.sent];
  ann.hearMessages('one', 'two');
  await world.run();
  assert.deepEqual(heard(), all('4 ann: one', '5 ann: two'));
  assert.deepEqual(writer.calls, [3]);
  assert.deepEqual([stats.deliveries - deliveries, stats.sent - sent], [6, 3]);
  closeAll(ann, bob, eve);
});

test('who has something waiting is written to alone, and who takes a part gets the rest and is not handed more', async () => {
  const { world, writer, ann, bob, eve, heard } = await openGathered();
  writer.waiting.add(ann);
  writer.short.set(eve, 5);
  eve.isFull = true;
  bob.hear({ type: 'message', text: 'one' });
  await world.run();
  assert.deepEqual(heard(), all('4 bob: one'));
  assert.deepEqual(writer.calls, [2]);
  bob.hear({ type: 'message', text: 'two' });
  await world.run();
  assert.deepEqual(heard(), [['5 bob: two'], ['5 bob: two'], []]);
  eve.drain();
  await world.run();
  assert.deepEqual(heard(), [[], [], ['5 bob: two']]);
  closeAll(ann, bob, eve);
});

test('answers come in their order behind the echoes, however those are written', async () => {
  const { world, ann, bob, eve } = await openGathered();
  ann.hear({ type: 'message', text: 'one' }, { type: 'who' }, { type: 'message', text: 'two' }, { type: 'rooms' });
  await world.run();
  assert.deepEqual(
    ann.take().map((line) => line.replace(/^\d+ /u, '')),
    ['ann: one', 'ann: two', 'lobby: ann bob eve', 'rooms lobby'],
  );
  closeAll(ann, bob, eve);
});

test('who has left is not written to any more, by whatever lane', async () => {
  const { world, ann, bob, eve } = await openGathered();
  bob.hear({ type: 'message', text: 'bye' });
  bob.session.closed();
  await world.run();
  assert.deepEqual(bob.take(), []);
  assert.deepEqual(ann.take(), ['4 bob: bye', '5 * bob left']);
  closeAll(ann, eve);
});

test('who was written to by lane up to the end of a room reads nothing of it again', async () => {
  const writer = new GatheringWriter();
  const { world, join } = await openScene({ writer, laneOf: (index) => index });
  const { member } = await world.done(world.hub.create({ room: 'hosted', user: 'host', address: '192.0.2.9' }));
  const peers: FakeTransport[] = [];
  for (const user of ['ann', 'bob', 'eve']) {
    const peer = await join(user, 'hosted');
    writer.peers.push(peer);
    peers.push(peer);
  }
  for (const peer of peers) peer.take();
  peers[0]!.hearMessages('one');
  await world.run();
  world.hub.leave(member);
  await world.run();
  const told = ['5 ann: one', '6 * host left', '7 * Room closed: the host has left'];
  assert.deepEqual(
    peers.map((peer) => peer.take()),
    all(...told),
  );
  closeAll(...peers);
});

test('as long as somebody watches, each is written to alone', async () => {
  const { world, tap, writer, ann, bob, eve, heard } = await openGathered();
  tap.watcher = () => {};
  ann.hearMessages('one');
  await world.run();
  assert.deepEqual(heard(), all('4 ann: one'));
  assert.deepEqual(writer.calls, []);
  closeAll(ann, bob, eve);
});
