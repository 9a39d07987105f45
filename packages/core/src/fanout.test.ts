import assert from 'node:assert/strict';
import { test } from 'node:test';
import { propertyRuns, RecordingEncoding, RecordingOutlet, settlePromises } from '@confab/testing';
import fc from 'fast-check';
import type { UnitRun } from './encoding.ts';
import type { RoomEvent } from './event.ts';
import { makeRoom, range } from './fixtures/fanout-room.ts';
import type { Reader } from './reader.ts';

test('an event is encoded once for a group however many readers it has, and once for each group', async () => {
  const { fanout, write } = await makeRoom();
  const text = new RecordingEncoding({ name: 'text' });
  const binary = new RecordingEncoding({ name: 'binary', isReplayed: false });
  const outlets = range(1, 50).map((id) => new RecordingOutlet(`m${id}`));
  for (const [index, outlet] of outlets.entries()) fanout.attach(index % 2 === 0 ? text : binary, index, outlet, 0);
  await write(3);
  await write();
  assert.deepEqual(text.encoded, [1, 2, 3, 4]);
  assert.deepEqual(binary.encoded, [1, 2, 3, 4]);
  for (const outlet of outlets) assert.deepEqual(outlet.seqs, [1, 2, 3, 4]);
  assert.deepEqual(
    text.deliveries.map((delivery) => [delivery.seqs, delivery.outlets.length]),
    [
      [[1, 2, 3], 25],
      [[4], 25],
    ],
    'a burst is one write',
  );
});

test('a unit names the event and the member it is from, and an event may be several units or none', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding({
    encode: (event) => range(1, event.seq % 3).map((piece) => new Uint8Array([event.seq, piece])),
  });
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(encoding, 1, outlet, 0);
  await write(3);
  assert.deepEqual(
    outlet.units.map(({ seq, author, bytes }) => [seq, author, [...bytes]]),
    [
      [1, 7, [1, 1]],
      [2, 7, [2, 1]],
      [2, 7, [2, 2]],
    ],
  );
  assert.equal(reader.cursor, 3, 'what the wire does not show counts as handed over');
});

test('an encoding that shares work among events is given each burst whole, and it is kept for who is behind', async () => {
  const { fanout, write } = await makeRoom();
  const bursts: number[][] = [];
  const encoding: RecordingEncoding = Object.assign(new RecordingEncoding(), {
    encodeTogether: (events: readonly RoomEvent[]): UnitRun => {
      bursts.push(events.map(({ seq }) => seq));
      // It shows no event 2.
      const unitOf = (seq: number) => (seq === 2 ? undefined : { seq, author: 7, bytes: new Uint8Array([seq]) });
      const count = events.filter(({ seq }) => seq !== 2).length;
      return { firstSeq: events[0]!.seq, lastSeq: events.at(-1)!.seq, count, unitOf };
    },
    deliverRun: (run: UnitRun, readers: readonly Reader<RecordingOutlet>[]) => {
      const units = range(run.firstSeq, run.lastSeq).map((seq) => run.unitOf(seq));
      encoding.deliver(
        units.filter((unit) => unit !== undefined),
        readers,
      );
    },
  });
  const [live, slow, late] = ['live', 'slow', 'late'].map((name) => new RecordingOutlet(name)) as [
    RecordingOutlet,
    RecordingOutlet,
    RecordingOutlet,
  ];
  fanout.attach(encoding, 1, live, 0);
  const reader = fanout.attach(encoding, 2, slow, 0);
  reader.pause();
  await write(3);
  await write();
  reader.resume();
  assert.deepEqual(bursts, [[1, 2, 3], [4]]);
  await write();
  fanout.attach(encoding, 3, late, 4);
  assert.deepEqual(bursts.slice(2), [[5], [5]], 'where nobody is behind, nothing is kept');
  assert.deepEqual(late.seqs, [5]);
  for (const outlet of [live, slow]) {
    assert.deepEqual(outlet.seqs, [1, 3, 4, 5]);
    assert.deepEqual([...outlet.units[1]!.bytes], [3]);
  }
  assert.deepEqual(encoding.encoded, [], 'nothing was encoded again');
});

test('a burst that cannot be encoded together costs only the event that cannot be encoded', async () => {
  const { fanout, faults, write } = await makeRoom();
  const fail = (): never => {
    throw new Error('cannot encode');
  };
  const encoding = Object.assign(
    new RecordingEncoding({ encode: ({ seq }) => (seq === 2 ? fail() : [new Uint8Array([seq])]) }),
    { encodeTogether: fail, deliverRun: fail },
  );
  const outlet = new RecordingOutlet('ann');
  fanout.attach(encoding, 1, outlet, 0);
  await write(3);
  assert.deepEqual([outlet.seqs, faults.length], [[1, 3], 1]);
});

test('a batch of which the wire shows nothing is no write', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding({ encode: () => [] });
  const reader = fanout.attach(encoding, 1, new RecordingOutlet('ann'), 0);
  await write(2);
  assert.deepEqual([encoding.deliveries.length, reader.cursor, reader.state], [0, 2, 'live']);
});

test('nothing is encoded for a group without a live reader', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(encoding, 1, outlet, 0);
  reader.pause();
  await write(2);
  assert.deepEqual(encoding.encoded, []);
  reader.detach();
  await write();
  assert.deepEqual([encoding.encoded, fanout.groupCount], [[], 0]);
});

test('a paused reader is handed nothing, and all it missed once when it resumes', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const outlet = new RecordingOutlet('ann');
  const reader = fanout.attach(encoding, 1, outlet, 0);
  await write();
  reader.pause();
  assert.deepEqual([reader.state, reader.cursor], ['paused', 1]);
  await write(2);
  assert.deepEqual(outlet.seqs, [1]);
  assert.equal(reader.cursor, 1);
  reader.resume();
  assert.deepEqual([reader.state, reader.cursor, outlet.seqs], ['live', 3, [1, 2, 3]]);
  await write();
  assert.deepEqual(outlet.seqs, [1, 2, 3, 4]);
});

test('pausing, resuming and detaching twice, or in the wrong state, changes nothing', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const ann = new RecordingOutlet('ann');
  const bob = new RecordingOutlet('bob');
  const reader = fanout.attach(encoding, 1, ann, 0);
  fanout.attach(encoding, 2, bob, 0);
  reader.resume();
  assert.equal(reader.state, 'live');
  reader.pause();
  reader.pause();
  await write();
  reader.resume();
  reader.resume();
  await write();
  assert.deepEqual(ann.seqs, [1, 2]);
  reader.detach();
  reader.detach();
  reader.resume();
  reader.pause();
  assert.deepEqual([reader.state, reader.cursor, fanout.groupCount], ['detached', 2, 1]);
  await write();
  assert.deepEqual(
    [ann.seqs, bob.seqs],
    [
      [1, 2],
      [1, 2, 3],
    ],
  );
});

test('an outlet that fills up during a delivery pauses, costs the others nothing, and goes on where it stopped', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const slow = new RecordingOutlet('slow', 2);
  const fast = new RecordingOutlet('fast');
  const reader = fanout.attach(encoding, 1, slow, 0);
  fanout.attach(encoding, 2, fast, 0);
  await write(2);
  await write(2);
  await write(1);
  assert.deepEqual([slow.seqs, fast.seqs, reader.state], [[1, 2], range(1, 5), 'paused']);
  slow.drain();
  assert.deepEqual([slow.seqs, reader.state], [range(1, 5), 'live']);
});

test('pausing and resuming within one delivery loses and doubles nothing', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const outlets = ['ann', 'bob', 'cem'].map((name) => new RecordingOutlet(name));
  const readers = outlets.map((outlet, index) => fanout.attach(encoding, index, outlet, 0));
  encoding.onDeliver = () => {
    for (let round = 0; round < 3; round += 1) {
      readers[1]!.pause();
      readers[1]!.resume();
    }
  };
  await write(2);
  await write();
  encoding.onDeliver = undefined;
  await write();
  for (const outlet of outlets) assert.deepEqual(outlet.seqs, [1, 2, 3, 4], outlet.name);
});

for (const [where, isSameGroup] of [
  ['its own group', true],
  ['a group that is delivered to later', false],
] as const) {
  test(`a reader of ${where} that resumes inside a delivery gets every event once`, async () => {
    const { fanout, write } = await makeRoom();
    const first = new RecordingEncoding({ name: 'first' });
    const second = isSameGroup ? first : new RecordingEncoding({ name: 'second' });
    fanout.attach(first, 1, new RecordingOutlet('ann'), 0);
    const outlet = new RecordingOutlet('bob');
    const reader = fanout.attach(second, 2, outlet, 0);
    await write();
    reader.pause();
    await write(2);
    first.onDeliver = () => reader.resume();
    await write(2);
    assert.deepEqual([outlet.seqs, reader.cursor, reader.state], [range(1, 5), 5, 'live']);
    first.onDeliver = undefined;
    await write();
    assert.deepEqual(outlet.seqs, range(1, 6));
  });
}

test('a reader that another group pauses before its own delivery has not got these events, and gets them on resuming', async () => {
  const { fanout, write } = await makeRoom();
  const first = new RecordingEncoding({ name: 'first' });
  const second = new RecordingEncoding({ name: 'second' });
  fanout.attach(first, 1, new RecordingOutlet('ann'), 0);
  const outlet = new RecordingOutlet('bob');
  const reader = fanout.attach(second, 2, outlet, 0);
  await write();
  let cursorWithin = -1;
  first.onDeliver = () => {
    cursorWithin = reader.cursor;
    reader.pause();
  };
  await write(2);
  first.onDeliver = undefined;
  assert.deepEqual([cursorWithin, reader.cursor, outlet.seqs], [1, 1, [1]]);
  await write();
  reader.resume();
  assert.deepEqual(outlet.seqs, [1, 2, 3, 4]);
});

test('a reader that another group pauses and resumes before its own delivery gets these events once', async () => {
  const { fanout, write } = await makeRoom();
  const first = new RecordingEncoding({ name: 'first' });
  const second = new RecordingEncoding({ name: 'second' });
  fanout.attach(first, 1, new RecordingOutlet('ann'), 0);
  const outlet = new RecordingOutlet('bob');
  const reader = fanout.attach(second, 2, outlet, 0);
  first.onDeliver = () => {
    reader.pause();
    reader.resume();
    reader.pause();
    reader.resume();
  };
  await write(2);
  assert.deepEqual([outlet.seqs, reader.state], [[1, 2], 'live']);
  await write();
  assert.deepEqual(outlet.seqs, [1, 2, 3]);
});

test('a reader that is attached inside a delivery, to a group old or new, gets what is newer than its cursor once', async () => {
  const { fanout, write } = await makeRoom();
  const first = new RecordingEncoding({ name: 'first' });
  const second = new RecordingEncoding({ name: 'second' });
  const third = new RecordingEncoding({ name: 'third' });
  fanout.attach(first, 1, new RecordingOutlet('ann'), 0);
  fanout.attach(second, 2, new RecordingOutlet('bob'), 0);
  const atHead = [first, second, third].map((encoding) => ({ encoding, outlet: new RecordingOutlet('at head') }));
  const older = [first, second, third].map((encoding) => ({ encoding, outlet: new RecordingOutlet('older') }));
  await write();
  first.onDeliver = () => {
    first.onDeliver = undefined;
    for (const { encoding, outlet } of atHead) fanout.attach(encoding, 3, outlet, 3);
    for (const { encoding, outlet } of older) fanout.attach(encoding, 4, outlet, 1);
  };
  await write(2);
  for (const { encoding, outlet } of atHead) assert.deepEqual(outlet.seqs, [], encoding.name);
  for (const { encoding, outlet } of older) assert.deepEqual(outlet.seqs, [2, 3], encoding.name);
  await write();
  for (const { encoding, outlet } of atHead) assert.deepEqual(outlet.seqs, [4], encoding.name);
  for (const { encoding, outlet } of older) assert.deepEqual(outlet.seqs, [2, 3, 4], encoding.name);
});

test('a group that empties and is made anew inside a delivery doubles nothing', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const outlet = new RecordingOutlet('ann');
  let reader = fanout.attach(encoding, 1, outlet, 0);
  encoding.onDeliver = () => {
    encoding.onDeliver = undefined;
    const { cursor } = reader;
    reader.detach();
    reader = fanout.attach(encoding, 1, outlet, cursor);
  };
  await write(2);
  await write();
  assert.deepEqual([outlet.seqs, fanout.groupCount], [[3], 1], 'the detached one was not written to, by its choice');
});

test('many readers leaving during a delivery leave the others whole', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const outlets = range(0, 99).map((id) => new RecordingOutlet(`m${id}`));
  const readers = outlets.map((outlet, id) => fanout.attach(encoding, id, outlet, 0));
  await write();
  encoding.onDeliver = () => {
    for (const [id, reader] of readers.entries()) if (id % 3 !== 0) reader.detach();
  };
  await write();
  encoding.onDeliver = undefined;
  await write();
  readers[0]!.detach();
  readers[99]!.detach();
  await write();
  for (const [id, outlet] of outlets.entries()) {
    const last = id % 3 !== 0 ? 1 : id === 0 || id === 99 ? 3 : 4;
    assert.deepEqual(outlet.seqs, range(1, last), outlet.name);
  }
});

test('all readers leaving during a delivery leaves no group behind', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding();
  const readers = range(1, 5).map((id) => fanout.attach(encoding, id, new RecordingOutlet('x'), 0));
  encoding.onDeliver = () => {
    for (const reader of readers) reader.detach();
  };
  await write();
  assert.equal(fanout.groupCount, 0);
  await write();
  assert.equal(encoding.deliveries.length, 1);
});

test('an event that cannot be encoded costs its own group that event, nobody else anything, and is reported', async () => {
  const { fanout, write, faults } = await makeRoom();
  const broken = new RecordingEncoding({
    encode: (event) => {
      if (event.seq === 2) throw new RangeError('cannot encode');
      return [new Uint8Array([event.seq])];
    },
  });
  const sound = new RecordingEncoding();
  const [ann, bob, cem] = ['ann', 'bob', 'cem'].map((name) => new RecordingOutlet(name));
  fanout.attach(broken, 1, ann!, 0);
  fanout.attach(sound, 2, bob!, 0);
  await write(3);
  await write();
  assert.deepEqual([ann!.seqs, bob!.seqs, faults.length], [[1, 3, 4], range(1, 4), 1]);
  const reader = fanout.attach(broken, 3, cem!, 0);
  assert.deepEqual([cem!.seqs, reader.state], [[1, 3, 4], 'live'], 'catching up gets past it too');
});

test('an encoding that cannot encode for one who catches up from the store leaves no unhandled rejection', async () => {
  const { fanout, write, faults } = await makeRoom({ tailEventsMax: 1 });
  await write(4);
  const broken = new RecordingEncoding({
    isReplayed: false,
    encode: () => {
      throw new RangeError('cannot encode');
    },
  });
  const reader = fanout.attach(broken, 1, new RecordingOutlet('ann'), 0);
  await settlePromises();
  assert.deepEqual([reader.state, reader.cursor, faults.length], ['live', 4, 4]);
});

test('a delivery that throws is contained, live or catching up', async () => {
  const { fanout, write, faults } = await makeRoom();
  const broken = new RecordingEncoding();
  const bob = new RecordingOutlet('bob');
  const ann = new RecordingOutlet('ann');
  fanout.attach(broken, 1, ann, 0);
  fanout.attach(new RecordingEncoding(), 2, bob, 0);
  broken.onDeliver = () => {
    throw new TypeError('socket is not a socket');
  };
  await write();
  const late = fanout.attach(broken, 3, new RecordingOutlet('cem'), 0);
  assert.deepEqual([late.state, bob.seqs, faults.length], ['live', [1], 2]);
  broken.onDeliver = undefined;
  await write();
  assert.deepEqual([ann.seqs, bob.seqs, late.outlet.seqs], [[2], [1, 2], [2]]);
});

test('the encoded tail is shared: a second reader that catches up costs no encoding', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding({ isReplayed: true });
  fanout.attach(encoding, 1, new RecordingOutlet('ann'), 0);
  await write(5);
  const bob = new RecordingOutlet('bob');
  fanout.attach(encoding, 2, bob, 1);
  assert.deepEqual([bob.seqs, encoding.encoded], [range(2, 5), range(1, 5)]);
});

test('an encoding that is not replayed keeps nothing encoded', async () => {
  const { fanout, write } = await makeRoom();
  const encoding = new RecordingEncoding({ isReplayed: false });
  fanout.attach(encoding, 1, new RecordingOutlet('ann'), 0);
  await write(2);
  fanout.attach(encoding, 2, new RecordingOutlet('bob'), 0);
  assert.deepEqual(encoding.encoded, [1, 2, 1, 2]);
});

test('what has left the tail is encoded anew, and not kept', async () => {
  const { fanout, write } = await makeRoom({ tailEventsMax: 3 });
  const encoding = new RecordingEncoding();
  fanout.attach(encoding, 1, new RecordingOutlet('ann'), 0);
  for (let count = 0; count < 10; count += 1) await write();
  encoding.encoded.length = 0;
  for (const id of [2, 3]) {
    fanout.attach(encoding, id, new RecordingOutlet(`m${id}`), 5);
    await settlePromises();
  }
  assert.deepEqual(encoding.encoded, [6, 7, 6, 7], '8 to 10 are the tail');
});

test('whatever readers do, each one is handed its room gap-free, in order and once', async () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('write'), count: fc.integer({ min: 1, max: 5 }) }),
    fc.record({
      type: fc.constantFrom('pause', 'resume', 'detach', 'holdReads', 'releaseReads', 'failReads', 'settle'),
      reader: fc.nat(7),
    }),
    fc.record({ type: fc.constant('attach'), group: fc.nat(2), cursor: fc.nat(30), roomUnits: fc.nat(6) }),
    fc.record({
      type: fc.constant('within'),
      group: fc.nat(2),
      reader: fc.nat(7),
      act: fc.constantFrom('pause', 'resume'),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { fanout, log, write, store } = await makeRoom({ tailEventsMax: 4 });
      const encodings = ['a', 'b', 'c'].map((name) => new RecordingEncoding({ name, isReplayed: name !== 'c' }));
      const readers: { start: number; outlet: RecordingOutlet; reader: ReturnType<typeof fanout.attach> }[] = [];
      for (const one of steps) {
        const target = 'reader' in one && readers.length > 0 ? readers[one.reader % readers.length] : undefined;
        if (one.type === 'write' && 'count' in one) await write(one.count);
        else if (one.type === 'attach' && 'cursor' in one) {
          const outlet = new RecordingOutlet(`m${readers.length}`, one.roomUnits || Number.POSITIVE_INFINITY);
          const start = Math.min(one.cursor, log.headSeq);
          readers.push({ start, outlet, reader: fanout.attach(encodings[one.group]!, readers.length, outlet, start) });
        } else if (one.type === 'within' && 'act' in one) {
          const encoding = encodings[one.group]!;
          // A reader may only be paused once it has been written to; here that is not so, and all must hold even then.
          encoding.onDeliver = (_, handed) => {
            encoding.onDeliver = undefined;
            const { reader } = target ?? {};
            // Pausing one that is about to be written to says that this write counts.
            if (one.act === 'pause' && reader !== undefined && !handed.includes(reader as never)) reader.pause();
            if (one.act === 'resume') reader?.resume();
          };
        } else if (one.type === 'pause') target?.reader.pause();
        else if (one.type === 'resume') target?.outlet.drain(3);
        else if (one.type === 'detach') target?.reader.detach();
        else if (one.type === 'holdReads') store.holdReads();
        else if (one.type === 'releaseReads') store.releaseReads();
        else if (one.type === 'failReads') store.readFailure = store.readFailure ? undefined : new Error('bad sector');
        else await settlePromises();
        for (const { start, outlet, reader } of readers) {
          assert.deepEqual(outlet.seqs, range(start + 1, start + outlet.seqs.length));
          assert.equal(reader.cursor, start + outlet.seqs.length);
          assert.ok(reader.cursor <= log.headSeq);
        }
      }
      for (const encoding of encodings) encoding.onDeliver = undefined;
      store.readFailure = undefined;
      store.releaseReads();
      for (let round = 0; round < 4; round += 1) {
        for (const { outlet, reader } of readers) {
          outlet.roomUnits = Number.POSITIVE_INFINITY;
          reader.resume();
        }
        await settlePromises();
      }
      for (const { start, outlet, reader } of readers) {
        if (reader.state !== 'detached')
          assert.deepEqual([reader.state, outlet.seqs], ['live', range(start + 1, log.headSeq)]);
      }
    }),
    { numRuns: propertyRuns() },
  );
});
