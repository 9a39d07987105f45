import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendEvent, closeRoom, exampleEvent, exampleRoom, putRoom, storeContract } from '@confab/testing';
import { MemoryStore } from './memory.ts';

storeContract('the memory store', async () => ({ store: new MemoryStore() }));

const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => appendEvent(exampleEvent(from + index)));

test('the oldest events are dropped beyond the limit, and the log says where it begins', async () => {
  const store = new MemoryStore({ eventsPerRoomMax: 3 });
  await store.commit([putRoom(exampleRoom(1))]);
  for (let seq = 1; seq <= 20; seq += 1) {
    await store.commit(events(seq, seq));
    const [room] = (await store.load()).rooms;
    assert.deepEqual([room?.firstSeq, room?.lastSeq], [Math.max(1, seq - 2), seq]);
    const kept = (await store.read(1, 1, 100)).map((event) => event.seq);
    assert.deepEqual(kept, [seq - 2, seq - 1, seq].slice(Math.max(0, 3 - seq)));
  }
});

test('a client id is forgotten with its event, the newest event of a kind is not', async () => {
  const store = new MemoryStore({ eventsPerRoomMax: 2 });
  await store.commit([putRoom(exampleRoom(1)), appendEvent(exampleEvent(1, { clientId: 'a', kind: 32 }))]);
  await store.commit(events(2, 3));
  assert.equal((await store.commit([appendEvent(exampleEvent(4, { clientId: 'a' }))])).status, 'committed');
  assert.deepEqual((await store.load()).rooms[0]?.lastSeqByKind, new Map([[32, 1]]));
});

test('so many closed rooms stay readable, then the one closed first is dropped', async () => {
  const store = new MemoryStore({ closedRoomsMax: 1 });
  for (const roomId of [1, 2]) {
    const event = exampleEvent(1, { roomId, position: roomId });
    await store.commit([putRoom(exampleRoom(roomId)), appendEvent(event), closeRoom(roomId)]);
  }
  assert.deepEqual(await store.read(1, 1, 9), []);
  assert.equal((await store.read(2, 1, 9)).length, 1);
});

test('each run has an epoch of its own, since its log begins empty', async () => {
  assert.equal((await new MemoryStore({ epoch: 7 }).load()).epoch, 7);
  assert.ok((await new MemoryStore().load()).epoch > 1_700_000_000);
});

test('a limit that keeps no event at all is refused', () => {
  assert.throws(() => new MemoryStore({ eventsPerRoomMax: 0 }), RangeError);
});
