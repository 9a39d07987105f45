import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordingEncoding, RecordingOutlet, ScriptedStore, settlePromises } from '@confab/testing';
import type { RoomEvent } from './event.ts';
import { Fanout } from './fanout.ts';
import { makeRoom, range } from './fixtures/fanout-room.ts';
import { defaultLimits } from './limits.ts';
import { RoomLog } from './log.ts';

test('a reader with an older cursor is fed from store and memory, then live, without gap or double', async () => {
  const { fanout, write, store } = await makeRoom({ tailEventsMax: 10 });
  await write(300);
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 4);
  assert.deepEqual([reader.state, outlet.seqs], ['behind', []]);
  await settlePromises();
  assert.deepEqual([reader.state, outlet.seqs], ['live', range(5, 300)]);
  assert.ok(store.reads.length >= 2, 'not all at once');
  await write(2);
  assert.deepEqual(outlet.seqs, range(5, 302));
});

test('a cursor within the tail is served at once, one at the head or beyond waits for what is new', async () => {
  const { fanout, write, store } = await makeRoom();
  await write(5);
  const encoding = new RecordingEncoding();
  const [older, atHead, beyond, negative] = ['older', 'at head', 'beyond', 'negative'].map(
    (n) => new RecordingOutlet(n),
  );
  fanout.attach(encoding, 1, older!, 3);
  fanout.attach(encoding, 2, atHead!, 5);
  fanout.attach(encoding, 3, beyond!, 99);
  fanout.attach(encoding, 4, negative!, -99);
  await write();
  assert.deepEqual([older!.seqs, atHead!.seqs, beyond!.seqs, negative!.seqs], [[4, 5, 6], [6], [6], range(1, 6)]);
  assert.deepEqual(store.reads, []);
});

test('what is published while a read of the store is under way comes once, after what was read', async () => {
  const { fanout, write, store } = await makeRoom({ tailEventsMax: 2 });
  await write(5);
  store.holdReads();
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 0);
  await write(4);
  assert.deepEqual([reader.state, outlet.seqs], ['behind', []]);
  store.releaseReads();
  await settlePromises();
  await write();
  assert.deepEqual([reader.state, outlet.seqs], ['live', range(1, 10)]);
});

test('a reader paused, resumed or detached while a read of the store is under way does as its last word says', async () => {
  const { fanout, write, store } = await makeRoom({ tailEventsMax: 2 });
  await write(5);
  store.holdReads();
  const encoding = new RecordingEncoding();
  const outlets = ['paused', 'resumed', 'detached'].map((name) => new RecordingOutlet(name));
  const [paused, resumed, detached] = outlets.map((outlet, id) => fanout.attach(encoding, id, outlet, 0));
  paused!.pause();
  resumed!.pause();
  resumed!.resume();
  detached!.detach();
  store.releaseReads();
  await settlePromises();
  await write();
  assert.deepEqual(
    outlets.map((outlet) => outlet.seqs),
    [[], range(1, 6), []],
  );
  paused!.resume();
  await settlePromises();
  assert.deepEqual(outlets[0]!.seqs, range(1, 6));
});

test('an outlet that fills up while it catches up is read for no further', async () => {
  const { fanout, write, store } = await makeRoom({ tailEventsMax: 2 });
  await write(500);
  const outlet = new RecordingOutlet('ann', 100);
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 0);
  await settlePromises();
  assert.deepEqual([reader.state, reader.cursor, store.reads.length], ['paused', 128, 1]);
  for (let round = 0; round < 10; round += 1) {
    outlet.drain(1);
    await settlePromises();
  }
  outlet.drain();
  await settlePromises();
  assert.deepEqual([reader.state, outlet.seqs], ['live', range(1, 500)]);
});

test('a reader that lags too far is told what it misses, once, and goes on with the rest', async () => {
  const { fanout, write } = await makeRoom({ readerLagMax: 10 });
  const encoding = new RecordingEncoding();
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(encoding, 1, outlet, 0);
  await write(2);
  reader.pause();
  await write(10);
  reader.resume();
  assert.deepEqual([outlet.skipped, outlet.seqs], [[], range(1, 12)], 'just within the policy');
  reader.pause();
  await write(25);
  reader.resume();
  assert.deepEqual([outlet.skipped, outlet.seqs], [[[13, 27]], [...range(1, 12), ...range(28, 37)]]);
  assert.equal(reader.state, 'live');
});

test('what was skipped is not told again when the read after it fails or is thrown away', async () => {
  const { fanout, write, store } = await makeRoom({ readerLagMax: 10, tailEventsMax: 2 });
  await write(30);
  store.readFailure = new Error('bad sector');
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 0);
  await settlePromises();
  assert.deepEqual([reader.state, reader.cursor, outlet.skipped], ['paused', 20, [[1, 20]]]);
  store.readFailure = undefined;
  reader.resume();
  reader.pause();
  await settlePromises();
  reader.resume();
  await settlePromises();
  assert.deepEqual([outlet.skipped, outlet.seqs], [[[1, 20]], range(21, 30)]);
});

test('an outlet may pause or detach when it is told that it misses something', async () => {
  const { fanout, write } = await makeRoom({ readerLagMax: 10 });
  await write(30);
  const pausing = new RecordingEncoding();
  pausing.onSkipped = (reader) => reader.pause();
  const ann = new RecordingOutlet('ann');
  const annReader = fanout.attach(pausing, 1, ann, 0);
  assert.deepEqual([annReader.state, annReader.cursor, ann.seqs], ['paused', 20, []]);
  annReader.resume();
  assert.deepEqual(ann.seqs, range(21, 30));
  const detaching = new RecordingEncoding();
  detaching.onSkipped = (reader) => reader.detach();
  const bob = new RecordingOutlet('bob');
  const bobReader = fanout.attach(detaching, 2, bob, 0);
  await write();
  assert.deepEqual([bobReader.state, bob.seqs, fanout.groupCount], ['detached', [], 1]);
});

test('with no lag allowed a reader is told and is live, and one that detaches on being told stays detached', async () => {
  const { fanout, write } = await makeRoom({ readerLagMax: 0 });
  await write(3);
  const encoding = new RecordingEncoding();
  const ann = new RecordingOutlet('ann');
  assert.equal(fanout.attach(encoding, 1, ann, 0).state, 'live');
  encoding.onSkipped = (reader) => reader.detach();
  const bob = new RecordingOutlet('bob');
  assert.equal(fanout.attach(encoding, 2, bob, 0).state, 'detached');
  await write();
  assert.deepEqual([ann.skipped, ann.seqs, bob.seqs], [[[1, 3]], [4], []]);
});

test('a store that cannot be read stops the reader, is reported, and costs nothing when it can be read again', async () => {
  const { fanout, write, store, faults } = await makeRoom({ tailEventsMax: 2 });
  await write(5);
  store.readFailure = new Error('bad sector');
  const encoding = new RecordingEncoding();
  const ann = new RecordingOutlet('ann');
  const bob = new RecordingOutlet('bob');
  const reader = fanout.attach(encoding, 1, ann, 1);
  fanout.attach(encoding, 2, bob, 5);
  await settlePromises();
  assert.deepEqual([reader.state, reader.cursor, faults], ['paused', 1, [store.readFailure]]);
  await write();
  assert.deepEqual([ann.seqs, bob.seqs], [[], [6]]);
  store.readFailure = undefined;
  reader.retry();
  await settlePromises();
  assert.deepEqual([reader.state, ann.seqs], ['live', range(2, 6)]);
});

test('a retry does not wake a reader whose outlet is full', async () => {
  const { fanout, write, store } = await makeRoom({ tailEventsMax: 2 });
  await write(5);
  store.readFailure = new Error('bad sector');
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 4);
  reader.pause();
  reader.retry();
  assert.equal(reader.state, 'paused');
  const stalled = fanout.attach(new RecordingEncoding(), 2, outlet, 0);
  await settlePromises();
  stalled.pause();
  store.readFailure = undefined;
  stalled.retry();
  await settlePromises();
  assert.equal(stalled.state, 'paused', 'the outlet has said so since');
});

test('events that the log has lost are told as missing, not left out in silence', async () => {
  const { log, faults } = await makeRoom();
  const store = new ScriptedStore();
  const lossy = new RoomLog(
    { ...store, read: async () => [{ ...event(8), seq: 8 }] } as unknown as ScriptedStore,
    defaultLimits,
    { id: log.roomId, firstSeq: 1, lastSeq: 8, lastSeqByKind: new Map() },
  );
  const fanout = new Fanout(lossy, 'lobby', defaultLimits, (fault) => faults.push(fault));
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(new RecordingEncoding(), 1, outlet, 2);
  await settlePromises();
  assert.deepEqual([outlet.skipped, outlet.seqs, reader.state, faults], [[[3, 7]], [8], 'live', []]);
});

test('an outlet that pauses on being told what the log has lost is handed the rest when it resumes', async () => {
  const read = async (_: number, fromSeq: number) => [8, 9].filter((seq) => seq >= fromSeq).map(event);
  const loaded = { id: 1, firstSeq: 1, lastSeq: 9, lastSeqByKind: new Map() };
  const lossy = new RoomLog({ read } as unknown as ScriptedStore, defaultLimits, loaded);
  const encoding = new RecordingEncoding();
  encoding.onSkipped = (reader) => reader.pause();
  const outlet = new RecordingOutlet('ann');
  const fanout = new Fanout(lossy, 'lobby', defaultLimits, (fault) => assert.fail(String(fault)));
  const reader = fanout.attach(encoding, 1, outlet, 2);
  await settlePromises();
  assert.deepEqual([reader.state, reader.cursor, outlet.seqs], ['paused', 7, []]);
  reader.resume();
  await settlePromises();
  assert.deepEqual([reader.state, outlet.skipped, outlet.seqs], ['live', [[3, 7]], [8, 9]]);
});

test('an outlet that pauses and resumes within a write of older events gets them in order and once', async () => {
  const { fanout, write } = await makeRoom({ tailEventsMax: 2 });
  await write(400);
  const encoding = new RecordingEncoding();
  const outlet = new RecordingOutlet('ann');
  encoding.onDeliver = (units, readers) => {
    // The write is done when the outlet says that it is full and, at once, that it is not.
    outlet.units.push(...units);
    readers[0]!.pause();
    readers[0]!.resume();
    outlet.units.push({ seq: -1, author: 0, bytes: new Uint8Array(0) });
    throw new Error('that is all');
  };
  fanout.attach(encoding, 1, outlet, 0);
  await settlePromises();
  const writes = [...range(1, 128), -1, ...range(129, 256), -1, ...range(257, 384), -1, ...range(385, 400), -1];
  assert.deepEqual(outlet.seqs, writes, 'one write after the other, never one within another');
});

test('a store that answers with nothing ends the catching up, with a word on what is missing', async () => {
  const emptied = new RoomLog({ read: async () => [] } as unknown as ScriptedStore, defaultLimits, {
    id: 1,
    firstSeq: 1,
    lastSeq: 8,
    lastSeqByKind: new Map(),
  });
  const outlet = new RecordingOutlet('ann');
  const reader = new Fanout(emptied, 'lobby', defaultLimits, (fault) => assert.fail(String(fault))).attach(
    new RecordingEncoding(),
    1,
    outlet,
    2,
  );
  await settlePromises();
  assert.deepEqual([outlet.skipped, outlet.seqs, reader.state], [[[3, 8]], [], 'live']);
});

function event(seq: number): RoomEvent {
  const body = new Uint8Array(0);
  return { roomId: 1, seq, position: seq, kind: 1, timeMs: 0, author: 1, user: 'ann', body };
}
