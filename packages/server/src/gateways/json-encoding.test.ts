import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventKind, type Reader, type RoomEvent, type Unit } from '@confab/core';
import { propertyRuns } from '@confab/testing/property-runs';
import fc from 'fast-check';
import { WireStats } from '../stats.ts';
import { type Gathered, plainWriter, type StreamWriter } from '../streams/writer.ts';
import { Tap } from '../tap.ts';
import { closeAll, FakeTransport, openScene } from './fixtures/json-scene.ts';
import { type JsonOutlet, JsonStreamEncoding } from './json-encoding.ts';
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
  #isGathering = false;
  #pending: { readonly bytes: Uint8Array; readonly gathered: Gathered; readonly peers: FakeTransport[] }[] = [];

  open = plainWriter.open;
  close = plainWriter.close;
  write = plainWriter.write;
  together = plainWriter.together;

  gathering(task: () => void): void {
    this.#isGathering = true;
    task();
    this.#isGathering = false;
    this.#finish();
  }

  gather(bytes: Uint8Array, _sockets: number, gathered: Gathered): boolean {
    this.#pending.push({ bytes: new Uint8Array(bytes), gathered, peers: [] });
    return true;
  }

  add(lane: number): boolean {
    const peer = this.peers[lane];
    if (peer === undefined || this.waiting.has(peer)) return false;
    assert.ok(!this.#pending.some(({ peers }) => peers.includes(peer)), 'nobody is written to twice by one call');
    this.#pending.at(-1)!.peers.push(peer);
    return true;
  }

  settle(): void {
    if (!this.#isGathering) this.#finish();
  }

  #finish(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    this.calls.push(pending.reduce((count, { peers }) => count + peers.length, 0));
    for (const { bytes, peers } of pending) {
      for (const peer of peers) if (!this.short.has(peer)) peer.write(bytes);
    }
    for (const { bytes, gathered, peers } of pending) {
      for (const [index, peer] of peers.entries()) {
        const taken = this.short.get(peer);
        if (taken === undefined) continue;
        peer.begun = bytes.subarray(0, taken);
        gathered.fellShort(index, taken);
      }
    }
    this.short.clear();
    for (const { gathered } of pending) gathered.settled();
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

test('what several rooms are told at a time is written to all of their members by one call', async () => {
  const { world, join, stats, writer, ann, bob, eve, heard } = await openGathered();
  const others: FakeTransport[] = [];
  for (const user of ['cid', 'dan']) {
    const peer = await join(user, 'yard');
    writer.peers.push(peer);
    others.push(peer);
  }
  heard();
  for (const peer of others) peer.take();
  writer.calls.length = 0;
  const [deliveries, sent] = [stats.deliveries, stats.sent];
  ann.hearMessages('here');
  others[0]!.hearMessages('there');
  bob.hearMessages('here, too');
  await world.run();
  assert.deepEqual(heard(), all('6 ann: here', '8 bob: here, too'));
  assert.deepEqual(
    others.map((peer) => peer.take()),
    [['7 cid: there'], ['7 cid: there']],
  );
  assert.deepEqual(writer.calls, [5]);
  assert.deepEqual([stats.deliveries - deliveries, stats.sent - sent], [8, 5]);
  closeAll(ann, bob, eve, ...others);
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

test('who is left to be told during a delivery and reads no more by then is not written to', () => {
  const writer = new GatheringWriter();
  const encoding = new JsonStreamEncoding('lines', {
    framing: lineFraming,
    olderWires: { edits: true, reactions: false },
    streams: writer,
    stats: new WireStats(),
    tap: new Tap(),
  });
  const [ann, bob] = [new FakeTransport('192.0.2.1', 0), new FakeTransport('192.0.2.2', 1)];
  writer.peers.push(ann, bob);
  const readers = [ann, bob].map(({ lane }, index) => ({
    state: index === 0 ? 'detached' : 'live',
    outlet: { lane, handedSeq: 0, isAwaiting: false },
  })) as unknown as Reader<JsonOutlet>[];
  encoding.deliverRun(
    encoding.encodeTogether(
      eventsOf(['bye'], () => EventKind.MESSAGE),
      'lobby',
    ),
    readers,
  );
  assert.deepEqual([ann.take().length, bob.take().length], [0, 1]);
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
