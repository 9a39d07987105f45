import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptedStore } from '@confab/testing';
import { EventKind, type RoomEvent } from './event.ts';
import { defaultLimits } from './limits.ts';
import { type Draft, RoomLog } from './log.ts';

const encoder = new TextEncoder();

function draft(text: string, more: Partial<Draft> = {}): Draft {
  return { kind: EventKind.MESSAGE, author: 7, user: 'ann', body: encoder.encode(text), ...more };
}

interface Setup {
  readonly tailEventsMax?: number;
  readonly tailBytesMax?: number;
}

/** A log over a store that holds its room. `write` does what the committer does: number, store, publish. */
async function makeLog(setup: Setup = {}) {
  const store = new ScriptedStore();
  await store.commit([{ type: 'room-put', room: { id: 1, name: 'lobby', kind: 'open', createdMs: 0 } }]);
  const log = new RoomLog(
    store,
    { ...defaultLimits, ...setup },
    { id: 1, firstSeq: 1, lastSeq: 0, lastSeqByKind: new Map() },
  );
  let position = 0;
  const number = (...drafts: Draft[]): RoomEvent[] =>
    drafts.map((one) => {
      position += 1;
      return log.number(one, position, 1234);
    });
  const write = async (...drafts: Draft[]): Promise<RoomEvent[]> => {
    const events = number(...drafts);
    await store.commit(events.map((event) => ({ type: 'event', event })));
    log.publish(events);
    return events;
  };
  return { store, log, number, write };
}

const texts = (...names: string[]) => names.map((name) => draft(name));
const seqs = (events: readonly RoomEvent[]) => events.map((event) => event.seq);

test('events are numbered from 1 without gaps and carry what their author supplied', async () => {
  const { log, number } = await makeLog();
  const [first, second] = number(draft('a', { clientId: 'k1', target: 9 }), draft('b', { kind: 40 }));
  assert.deepEqual(first, {
    roomId: 1,
    seq: 1,
    position: 1,
    kind: 1,
    timeMs: 1234,
    author: 7,
    user: 'ann',
    isVerified: undefined,
    clientId: 'k1',
    target: 9,
    body: encoder.encode('a'),
  });
  assert.equal(second!.seq, 2);
  assert.equal(log.headSeq, 0, 'numbered is not published');
});

test('numbering goes on where a loaded log ended', () => {
  const loaded = { id: 3, firstSeq: 5, lastSeq: 9, lastSeqByKind: new Map([[40, 8]]) };
  const log = new RoomLog(new ScriptedStore(), defaultLimits, loaded);
  assert.deepEqual([log.firstSeq, log.headSeq, log.tailStartSeq], [5, 9, 10]);
  assert.equal(log.number(draft('x'), 1, 0).seq, 10);
  assert.equal(log.meets({ kind: 40, seq: 8 }), true);
});

test('numbers taken back are given again', async () => {
  const { log, number, write } = await makeLog();
  await write(...texts('a', 'b'));
  assert.deepEqual(seqs(number(...texts('lost', 'lost too'))), [3, 4]);
  log.takeBack();
  assert.equal(log.headSeq, 2);
  assert.deepEqual(seqs(await write(...texts('c'))), [3]);
});

test('nobody reads what is numbered and not published, though the store has it already', async () => {
  const { store, log, number, write } = await makeLog({ tailEventsMax: 1 });
  await write(...texts('a', 'b'));
  const events = number(...texts('c'));
  await store.commit([{ type: 'event', event: events[0]! }]);
  assert.deepEqual(seqs(await log.read(1, 100)), [1, 2], 'from the store');
  assert.deepEqual(seqs(await log.read(2, 100)), [2], 'from memory');
  assert.deepEqual(await log.read(3, 100), []);
  log.publish(events);
  assert.deepEqual(seqs(await log.read(1, 100)), [1, 2, 3]);
});

test('the newest events are read from memory at once, older ones later from the store', async () => {
  const { store, log, write } = await makeLog({ tailEventsMax: 2 });
  await write(...texts('a', 'b', 'c', 'd'));
  assert.equal(log.tailStartSeq, 3);
  const fromMemory = log.read(3, 10);
  assert.ok(!(fromMemory instanceof Promise));
  assert.deepEqual(seqs(fromMemory), [3, 4]);
  assert.deepEqual(store.reads, []);
  const fromStore = log.read(2, 10);
  assert.ok(fromStore instanceof Promise);
  assert.deepEqual(seqs(await fromStore), [2, 3, 4]);
});

test('a read gives at most so many events as were asked for', async () => {
  const { log, write } = await makeLog({ tailEventsMax: 2 });
  await write(...texts('a', 'b', 'c', 'd'));
  assert.deepEqual(seqs(await log.read(1, 2)), [1, 2]);
  assert.deepEqual(seqs(await log.read(3, 1)), [3]);
  assert.deepEqual(await log.read(1, 0), []);
  assert.deepEqual(await log.read(1, -5), []);
});

test('a read from before the first event starts at the first one', async () => {
  const { log, write } = await makeLog();
  await write(...texts('a', 'b'));
  assert.deepEqual(seqs(await log.read(-3, 10)), [1, 2]);
  assert.deepEqual(seqs(await log.read(0, 1)), [1]);
});

test('the tail keeps so many events', async () => {
  const { log, write } = await makeLog({ tailEventsMax: 3 });
  for (const text of ['a', 'b', 'c', 'd', 'e']) await write(draft(text));
  assert.deepEqual([log.tailStartSeq, log.headSeq], [3, 5]);
});

test('the tail keeps so many bytes, and one event however long it is', async () => {
  const { log, write } = await makeLog({ tailBytesMax: 10 });
  await write(...texts('aaaa', 'bbbb'));
  assert.equal(log.tailStartSeq, 1);
  await write(...texts('cccc'));
  assert.equal(log.tailStartSeq, 2);
  await write(...texts('d'.repeat(50)));
  assert.equal(log.tailStartSeq, 4);
  await write(...texts('e'));
  assert.equal(log.tailStartSeq, 5);
  await write(...texts('ffff', 'gggg'));
  assert.equal(log.tailStartSeq, 5);
});

test('a log that keeps no tail reads everything from the store', async () => {
  const { log, write } = await makeLog({ tailEventsMax: 0 });
  await write(...texts('a', 'b'));
  assert.equal(log.tailStartSeq, 3);
  assert.deepEqual(seqs(await log.read(1, 10)), [1, 2]);
});

test('a client id is found as long as its event is in memory', async () => {
  const { log, write, number } = await makeLog({ tailEventsMax: 2 });
  const [first] = await write(draft('a', { clientId: 'k1' }));
  assert.deepEqual(log.findByClientId('k1'), first);
  number(draft('b', { clientId: 'k2' }));
  assert.equal(log.findByClientId('k2'), undefined, 'not before it is published');
  log.takeBack();
  await write(...texts('c', 'd'));
  assert.equal(log.findByClientId('k1'), undefined, 'not after it left the tail');
});

test('a condition looks at the newest event of its kind, numbered ones included', async () => {
  const { log, number } = await makeLog();
  assert.equal(log.meets({ kind: 40, seq: 0 }), true);
  const events = number(draft('k', { kind: 40 }));
  assert.equal(log.meets({ kind: 40, seq: 0 }), false);
  assert.equal(log.meets({ kind: 40, seq: 1 }), true);
  assert.equal(log.meets({ kind: 41, seq: 0 }), true);
  log.publish(events);
  assert.equal(log.meets({ kind: 40, seq: 1 }), true);
});

test('a condition forgets what was taken back', async () => {
  const { log, number, write } = await makeLog();
  await write(draft('k', { kind: 40 }));
  number(draft('k', { kind: 40 }));
  assert.equal(log.meets({ kind: 40, seq: 2 }), true);
  log.takeBack();
  assert.equal(log.meets({ kind: 40, seq: 1 }), true);
});
